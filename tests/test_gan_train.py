"""The game of week 10: who learns in which block, the average, resuming to the last bit, and what is refused."""

import copy
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
import torch
from killing import kill_and_go_on
from scipy import stats

from gan import __main__ as command
from gan import levers, stages, train
from gan.config import CONFIGS
from gan.data import Faces
from gan.features import generate
from gan.recipe import Recipe, build_discriminator, build_generator, build_optimizer

RECIPE = Recipe(side=16, latent=4, width_g=4, width_d=4, batch=4, steps=6, period=2, ema=0.9, augmented=True)
CONFIG = replace(CONFIGS["tiny"], sides=(32, 64), watched=6, judged=20, lever_side=16, steps=(4, 2), periods=2)


CALL = "model = train.fit(RECIPE, make_images(), Path(place))[0]; Path(place).unlink()"


def make_images(number=40, side=16, seed=0):
    """Discs of some colour."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:side, 0:side] / side
    middles = rng.uniform(0.3, 0.7, (number, 2))
    masks = np.stack([np.hypot(columns - x, rows - y) < 0.25 for x, y in middles])
    return np.where(masks[..., None], rng.integers(150, 250, (number, 1, 1, 3)), 40).astype(np.uint8)


def make_faces(side=16):
    people = np.array([f"p{k // 2}" for k in range(40)])
    return Faces(make_images(40, side), make_images(30, side, 1), people, people[:30], "discs", "discs")


def make_players(recipe=RECIPE):
    torch.manual_seed(0)
    players = {"generator": build_generator(recipe), "discriminator": build_discriminator(recipe)}
    return players, {name: build_optimizer(recipe, model, 1e-3) for name, model in players.items()}


def moved(before, after):
    return any(not torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True))


def test_each_block_moves_its_own_player_only():
    players, optimizers = make_players()
    before = copy.deepcopy(players)
    real = [torch.rand(4, 3, 16, 16)]
    optimizers["generator"].step = lambda: None
    train.train_step(players, optimizers, real, RECIPE, torch.Tensor.backward)
    assert not moved(before["generator"], players["generator"])
    assert moved(before["discriminator"], players["discriminator"])
    players, optimizers = make_players()
    optimizers["discriminator"].step = lambda: None
    train.train_step(players, optimizers, real, replace(RECIPE, steps_g=2), torch.Tensor.backward)
    assert moved(before["generator"], players["generator"])
    assert not moved(before["discriminator"], players["discriminator"])


def test_the_discriminators_block_sends_nothing_to_the_generator():
    players, optimizers = make_players()
    seen = []

    first = players["discriminator"].layers[0].weight

    def backward(cost):
        before = None if first.grad is None else first.grad.clone()
        cost.backward()
        seen.append((players["generator"].layers[1].weight.grad, before, first.grad.clone()))

    found = train.train_step(players, optimizers, [torch.rand(4, 3, 16, 16)] * 3, RECIPE, backward)
    assert [own for own, _, _ in seen[:3]] == [None] * 3
    own, before, after = seen[3]
    assert own.abs().sum() > 0
    assert torch.equal(before, after)  # nor does the generator's block leave anything with the discriminator
    assert found["gradient_d"] > 0
    assert first.requires_grad


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "wasserstein", "slope": 10.0, "norm_d": "none"}, {"r1": 1.0, "norm_d": "none"}, {"swapped": 0.5},
        {"loss": "least squares", "smooth": 0.1}, {"steps_d": 3}, {"optimizer": "rmsprop"}, {"optimizer": "sgd"},
        {"falling": 0.5}, {"ema": 0.0}, {"generator": "residual", "discriminator": "residual"},
    ],
)  # fmt: skip
def test_every_recipe_trains(changes):
    generator, history, samples = train.fit(replace(RECIPE, **changes), make_images())
    assert [row["step"] for row in history] == [2, 4, 6]
    assert np.isfinite([value for row in history for name, value in row.items() if name != "device"]).all()
    assert samples.shape == (3, train.SHOWN, 16, 16, 3)
    assert samples.dtype == np.uint8
    assert not generator.training


def test_it_learns_the_colours_of_the_data():
    images = make_images(200)
    recipe = replace(RECIPE, width_g=16, width_d=16, batch=16, steps=150, period=75, rate_g=1e-3, rate_d=1e-3, ema=0.9)
    generator, _, samples = train.fit(replace(recipe, augmented=False), images)
    start = train.fit(replace(recipe, steps=1, period=1, augmented=False), images)[2]
    error = [abs(float(found[-1].mean()) - images.mean()) for found in (start, samples)]
    assert error[1] < 0.5 * error[0]
    with torch.no_grad():
        assert generator(torch.randn(8, 4)).std(dim=0).mean() > 0.02  # not one and the same picture


def test_the_average_has_its_closed_form():
    model, average = torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False)
    values = [3.0, -1.0, 4.0, 1.5]
    with torch.no_grad():  # what batch norms measured is averaged, too
        average.weight.fill_(2.0)
        for value in values:
            model.weight.fill_(value)
            train.update_average(average, model, 0.9)
    expected = 2 * 0.9**4 + sum(0.1 * 0.9 ** (3 - place) * value for place, value in enumerate(values))
    assert average.weight.item() == pytest.approx(expected)


def test_the_seed_decides_where_it_starts_and_what_is_drawn(monkeypatch):
    seen, started = [], []

    def record(step, players, *given):
        seen.append(torch.initial_seed())
        started.append(copy.deepcopy(players["generator"]))
        return {"step": 0}

    monkeypatch.setattr(train, "train_period", record)
    for seed in (1, 2, 1):
        train.fit(replace(RECIPE, seed=seed), make_images())
    assert len(set(seen[:6])) == 6
    assert seen[6:] == seen[:3]
    assert moved(started[0], started[3])
    assert not moved(started[0], started[6])


def test_who_only_draws_changes_no_generator():
    generator = make_players()[0]["generator"].train()
    before = copy.deepcopy(generator.state_dict())
    generate(generator, 5, RECIPE.latent, 0)
    train.follow(generator.train(), RECIPE)
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())


@pytest.mark.parametrize("ema", [0.9, 0.0])
def test_the_average_is_what_comes_out(monkeypatch, ema):
    def fill(average, model, decay):
        with torch.no_grad():
            for value in average.parameters():
                value.fill_(0.25)

    watched = []
    monkeypatch.setattr(train, "update_average", fill)
    generator, _, _ = train.fit(
        replace(RECIPE, ema=ema), make_images(), watch=lambda model: watched.append(copy.deepcopy(model)) or {}
    )
    for model in (generator, *watched):
        assert all((value == 0.25).all() for value in model.parameters()) == bool(ema)


def test_r1_is_the_slope_at_real_images(monkeypatch):
    seen = []
    monkeypatch.setattr(train, "r1_penalty", lambda model, images: seen.append(images) or images.mean())
    players, optimizers = make_players()
    real = torch.rand(4, 3, 16, 16)
    train.train_step(players, optimizers, [real], replace(RECIPE, r1=1.0, augmented=False), torch.Tensor.backward)
    assert len(seen) == 1
    assert torch.equal(seen[0], real)


def test_the_average_starts_quickly():
    assert train.ema_decay(RECIPE, 0) == pytest.approx(0.1)
    assert train.ema_decay(RECIPE, 10_000) == 0.9
    assert train.ema_decay(replace(RECIPE, ema=0.0), 5) == 0


def test_rates_fall_in_the_last_part():
    _, optimizers = make_players()
    recipe = replace(RECIPE, steps=100, falling=0.5, rate_g=1.0, rate_d=2.0)
    found = []
    for step in (0, 49, 50, 75, 99):
        train.set_rates(optimizers, recipe, step)
        found.append(optimizers["discriminator"].param_groups[0]["lr"])
    assert found == pytest.approx([2, 2, 2, 1, 0.04])
    train.set_rates(optimizers, replace(recipe, falling=1.0), 99)
    assert optimizers["generator"].param_groups[0]["lr"] == 1


def test_told_apart_counts_pairs():
    real, fake = torch.tensor([[1.0], [3.0]]), torch.tensor([[0.0], [2.0]])
    assert train.told_apart(real, fake).item() == 0.75


def test_batches_are_scaled_and_half_are_mirrored():
    images = np.zeros((1, 8, 8, 3), np.uint8)
    images[:, :, :4] = 255
    torch.manual_seed(0)
    batch = train.draw_batch(images, 400, "cpu")
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert set(batch.unique().tolist()) == {-1.0, 1.0}
    assert 0.4 < (batch[:, 0, 0, 0] == 1).float().mean().item() < 0.6
    assert np.array_equal(train.to_bytes(batch[batch[:, 0, 0, 0] == 1])[0], images[0])


@pytest.mark.fault(
    "kill -9 between two checkpoints (10W)",
    "running the command again resumes from the last checkpoint; the weights are bit-identical",
)
def test_a_training_killed_by_the_system_goes_on(tmp_path):
    """kill -9 in the middle of a period; the same command ends with the weights of one that was never killed."""
    killed, whole = kill_and_go_on(tmp_path, "test_gan_train", "gan", loop="gan.train.train_period", call=CALL)
    assert all(torch.equal(value, whole[name]) for name, value in killed.items())


def test_a_checkpoint_of_another_training_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "c"

    def stop(*arguments):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train.fit(RECIPE, make_images(), path, watch=lambda model: {} if not path.exists() else stop())
    assert path.exists()
    for other, images, words in [
        (replace(RECIPE, rate_g=1e-3), make_images(), "rate_g 0.0002, now 0.001"),
        (RECIPE, make_images(seed=5), "other images"),
    ]:
        with pytest.raises(ValueError, match=words):
            train.fit(other, images, path)
    whole = train.fit(RECIPE, make_images(), path)
    assert [row["step"] for row in whole[1]] == [2, 4, 6]
    again = train.fit(RECIPE, make_images(), path)  # a kill after the last period costs nothing
    assert moved(whole[0], again[0]) is False
    assert again[1] == whole[1]


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (make_images(3), "3 images are fewer than a batch of 4"),
        (make_images(1), "1 images are fewer"),
        (make_images(8, 32), r"shape \(8, 32, 32, 3\); expected bytes \(n, 16, 16, 3\)"),
        (make_images(8)[..., 0], "expected bytes"),
        (make_images(8) / 255, "images are float64"),
    ],
)
def test_images_that_do_not_fit(images, words):
    with pytest.raises(ValueError, match=words):
        train.fit(RECIPE, images)


def test_recipes_that_cannot_be():
    wrong = {"unknown loss": {"loss": "x"}, "'steps': 0": {"steps": 0}, "'steps_g': 0": {"steps_g": 0}}
    for words, changes in wrong.items():
        with pytest.raises(ValueError, match=words):
            train.fit(replace(RECIPE, **changes), make_images())


def test_a_loss_that_is_no_number_is_named():
    with pytest.raises(ValueError, match=r"a loss is no number by step \d"):
        train.fit(replace(RECIPE, rate_g=1e30, rate_d=1e30, optimizer="sgd", norm_d="none"), make_images())


def test_weights_and_samples_are_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    faces, recipe = make_faces(32), replace(stages.dcgan_recipe(CONFIG, 0, 2e-4), steps=4, period=2)
    first, facts, samples = stages.finish("dcgan_32", recipe, faces, CONFIG)
    assert facts["origin"] == "computed"
    assert facts["training"]["steps"] == 4
    assert set(facts["digests"]) == {f"weights/{faces.name}_dcgan_32.safetensors", f"samples/{faces.name}_dcgan_32.jpg"}
    assert {"kid", "recall", "spread", "seconds", "waiting", "told_apart", "gradient_g"} <= set(facts["history"][-1])
    assert stages.minutes_of(facts["history"]) > 0
    assert samples.shape == (2, train.SHOWN, 32, 32, 3)
    assert not list(tmp_path.rglob("*.checkpoint"))
    monkeypatch.setattr(stages, "write_sheet", None)  # whatever is trained again would need it
    second, again, same = stages.finish("dcgan_32", recipe, faces, CONFIG)
    assert again["digests"] == facts["digests"]
    assert np.array_equal(samples, same)
    latents = torch.randn(2, recipe.latent)
    with torch.no_grad():
        torch.testing.assert_close(first.eval()(latents), second.eval()(latents))


def test_the_larger_begins_with_what_the_smaller_has_learnt(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    monkeypatch.setattr(stages, "load_faces", lambda config, side: make_faces(side))
    stages.finish_ours(1, make_faces(64), CONFIG)
    names = {path.stem for path in tmp_path.rglob("*.safetensors")}
    assert names == {"discs_faces_32", "discs_faces_64"}
    small, large = (build_generator(stages.our_recipe(CONFIG, place)) for place in (0, 1))
    before = copy.deepcopy(large)
    train.take_over(large, small.state_dict())
    assert torch.equal(large.steps[0][0].weight, small.steps[0][0].weight)
    assert torch.equal(large.to_colours[0].bias, before.to_colours[0].bias) or len(large.to_colours[0].bias) == 3
    assert torch.equal(large.steps[-1][0].weight, before.steps[-1][0].weight)  # of the new size


def test_equal_time_is_measured(monkeypatch):
    history = [{"seconds": 9.0}, {"seconds": 2.0}]  # ten steps in two seconds, once it is warm
    monkeypatch.setattr(stages, "fit", lambda recipe, images: (None, history, None))
    faces, config = make_faces(), replace(CONFIG, steps=(300, 300), timed=True)
    assert stages.time_ten(RECIPE, faces) == 2.0
    assert stages.as_long(RECIPE, lambda: 6.0, 0, faces, config).steps == 900  # ours takes thrice as long
    recipe = stages.as_long(RECIPE, lambda: 6.0, 0, faces, config, share=0.1)
    assert (recipe.steps, recipe.period) == (90, 90 // CONFIG.periods)
    untimed = replace(config, timed=False)
    assert stages.as_long(RECIPE, lambda: pytest.fail("timed"), 0, faces, untimed).steps == 300


def test_a_history_tells_how_it_was_then():
    history = [{"step": 100}, {"step": 200}, {"step": 300}]
    assert [stages.row_at(history, steps)["step"] for steps in (50, 100, 299, 900)] == [100, 100, 200, 300]


def test_a_killed_training_of_equal_time_keeps_its_number_of_steps(tmp_path):
    recipe = replace(RECIPE, steps=4)
    path = tmp_path / "killed.checkpoint"
    assert stages.begun(recipe, path) is None
    train.fit(recipe, make_images(), path)
    assert stages.begun(replace(recipe, steps=900, period=450), path) == recipe


def test_levers_are_recorded_once(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    config = replace(CONFIG, levers=("base", "SGD"), lever_seeds=(0, 1), base_seeds=(0, 1, 2), lever_steps=4)
    runs = levers.run_levers(make_faces(), config)
    assert sorted(zip(runs["lever"], runs["seed"], strict=True)) == [
        ("SGD", 0), ("SGD", 1), ("base", 0), ("base", 1), ("base", 2)
    ]  # fmt: skip
    monkeypatch.setattr(levers, "fit", None)  # the second time nothing is trained
    assert runs.equals(levers.run_levers(make_faces(), config))
    table = levers.summarise(runs)
    assert set(table.index) == {"base", "SGD"}
    assert table["kid"].is_monotonic_increasing


def test_changes_are_compared_with_their_own_control_by_hand():
    values = {"base": [0.30, 0.32, 0.31], levers.BARE: [0.40, 0.42, 0.41], "R1": [0.20, 0.22]}
    values["hinge loss"] = [0.305, 0.315]
    rest = {"failed": "", "precision": 0.5, "recall": 0.5, "loo_1nn": 1, "seconds": 1}
    runs = pd.DataFrame([
        {"lever": name, "seed": seed, "kid": value, **rest}
        for name, found in values.items() for seed, value in enumerate(found)
    ])  # fmt: skip
    table = levers.summarise(runs)
    logs = {name: np.log(found) for name, found in values.items()}
    change = logs["R1"].mean() - logs[levers.BARE].mean()  # without normalisation, as it is itself
    assert table.loc["R1", "change"] == pytest.approx(np.exp(change))
    assert table.loc["R1", "kid"] == pytest.approx(np.sqrt(0.20 * 0.22))
    variances = [np.var(found, ddof=1) * (len(found) - 1) for found in logs.values()]
    error = np.sqrt(sum(variances) / 6) * np.sqrt(1 / 2 + 1 / 3)
    assert table.loc["R1", "±"] == pytest.approx(np.exp(stats.t.ppf(0.975, 6) * error))
    score = -change / error
    alone = 2 * stats.t.sf(score, 6)
    assert table.loc["R1", "p, corrected"] == pytest.approx(min(3 * alone, 1), rel=1e-6)
    assert table.loc["hinge loss", "p, corrected"] > 0.5
    assert np.isnan(table.loc["base", "p, corrected"])


def test_holms_method_by_hand():
    found = levers.holm(pd.Series({"a": 0.04, "b": 0.01, "c": 0.03}))
    assert found.to_dict() == pytest.approx({"a": 0.06, "b": 0.03, "c": 0.06})


def test_a_lever_that_breaks_down_is_an_answer(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))

    def broken(*arguments):
        raise ValueError("a loss is no number by step 3 (…)")

    monkeypatch.setattr(levers, "fit", broken)
    runs = levers.run_levers(make_faces(), replace(CONFIG, levers=("base",), lever_seeds=(0,)))
    table = levers.summarise(runs)
    assert table.loc["base", "broken"] == len(CONFIG.base_seeds)
    assert np.isnan(table.loc["base", "kid"])


def test_every_lever_changes_the_base_and_sees_as_many_images():
    base = levers.base_recipe(CONFIGS["sample"])
    seen = set()
    for name in levers.LEVERS:
        recipe = levers.lever_recipe(name, 0, CONFIGS["sample"])
        assert (recipe == base) == (name == "base")
        assert recipe.steps * recipe.batch == base.steps * base.batch
        assert levers.LEVERS[name][1] in levers.LEVERS
        seen.add(tuple(asdict(recipe).items()))
    assert len(seen) == len(levers.LEVERS)
    with pytest.raises(ValueError, match="unknown lever 'x'"):
        levers.lever_recipe("x", 0, CONFIG)


def test_the_best_rate_is_that_of_the_least_distance(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    monkeypatch.setattr(levers, "as_long", lambda recipe, *rest: replace(recipe, steps=2, period=1))
    table = levers.try_rates(0, make_faces(32), replace(CONFIG, dcgan_rates=(1e-4, 1e-3)), lambda: 1.0)
    assert list(table.index) == [1e-4, 1e-3]
    table["kid"] = [0.4, 0.2]
    assert levers.best_rate(table) == 1e-3
    with pytest.raises(ValueError, match="broke down at every rate"):
        levers.best_rate(table.drop(columns="kid"))


def test_the_command_names_what_it_takes(monkeypatch, capsys):
    monkeypatch.setattr(command, "load_config", lambda week, configs: CONFIG)
    for wrong in ([], ["faces"], ["faces", "128"], ["levers", "16"]):
        assert command.main(wrong) == 2
        assert "python -m gan" in capsys.readouterr().err


def test_the_command_trains(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    monkeypatch.setattr(command, "load_config", lambda week, configs: CONFIG)
    monkeypatch.setattr(command, "load_faces", lambda config, side: make_faces(side))
    monkeypatch.setattr(levers, "as_long", lambda recipe, *rest: replace(recipe, steps=2, period=1))
    assert command.main(["dcgan", "32"]) == 0
    assert {path.stem for path in tmp_path.rglob("*.safetensors")} == {"discs_dcgan_32"}
    assert "minutes" in capsys.readouterr().out
