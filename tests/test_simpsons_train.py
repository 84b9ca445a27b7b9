"""The loop: it learns, resumes to the last bit, shares work between processes, and says when it goes wrong."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from killing import kill_and_go_on

from coursework import checkpoints, records
from coursework.datasets import sha256
from simpsons import ablation, evaluate, experiments, losses, train
from simpsons.config import CONFIGS
from simpsons.data import ImageData
from simpsons.explain import grad_cam
from simpsons.models import build_small_cnn

TRAIN = train.TrainConfig(3, batch=8, lr=3e-3, head_lr=3e-3, seed=1)
TINY = replace(CONFIGS["tiny"], practice=False, batch=8, ablation_epochs=1, ablation_side=32)
TRIAL = type("Trial", (), {"classes": ["a", "b", "c"], "name": "trial"})


def make_images(number=36, classes=3, seed=0):
    """Images in which the class is the brightest channel."""
    rng = np.random.default_rng(seed)
    labels = np.arange(number) % classes
    images = rng.integers(0, 90, (number, 16, 16, 3), dtype=np.uint8)
    images[np.arange(number), :, :, labels] += 120
    return ImageData(images, labels, [f"{k}.jpg" for k in range(number)])


def make_model(seed=0):
    torch.manual_seed(seed)
    return build_small_cnn(3, widths=(8, 16), stride=1)


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(first, second):
    return all(torch.equal(value, second[name]) for name, value in first.items())


def test_half_of_the_batches_are_mixed_as_their_targets():
    """With a black and a white image, the mean of the pixels is the weight of the white image's label."""
    images, labels = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 8, 8), torch.tensor([0, 1])
    seen = []

    class Recorder(torch.nn.Module):
        adjustment = torch.zeros(2)

        def forward(self, logits, targets):
            seen.append(targets)
            return logits.sum()

    class Mean(torch.nn.Module):
        def forward(self, images):
            white = (images.mean(dim=(1, 2, 3)) * 128 + 128) / 255
            seen.append(torch.stack([1 - white, white], dim=1))
            return seen[-1]

    torch.manual_seed(0)
    for _ in range(200):
        result = train.mixing_step(Mean(), images, labels, Recorder())
        assert result["training_accuracy"] == 1
    for expected, targets in zip(seen[::2], seen[1::2], strict=True):
        assert torch.allclose(targets, expected, atol=1e-4)
    mixed = np.mean([bool((targets[0, 1] > 0).item()) for targets in seen[1::2]])
    assert 0.35 < mixed < 0.65


def test_it_learns_and_keeps_the_best_epoch():
    model, images = make_model(), make_images()
    history = train.fit(model, images, make_images(seed=5), replace(TRAIN, epochs=8, lr=1e-2, head_lr=1e-2))
    assert len(history) == 8
    measured = {"validation_loss", "accuracy", "macro_f1"}
    assert set(history[0]) == {"loss", "training_accuracy", "steps", "seconds", "waiting"} | measured
    assert history[-1]["loss"] < history[0]["loss"]
    best = min(history, key=lambda row: row["validation_loss"])
    assert best["macro_f1"] > 0.9
    found = evaluate.scores(*evaluate.predict(model, make_images(seed=5), flip=False))
    assert found["macro_f1"] == pytest.approx(best["macro_f1"])


def test_the_epoch_with_the_lowest_validation_loss_is_kept():
    model, images, after, scripted = make_model(), make_images(), [], iter([0.9, 0.3, 0.5])

    class Scripted(losses.LogitAdjustedLoss):
        def forward(self, logits, labels):
            if logits.requires_grad:
                return super().forward(logits, labels)
            after.append(weights(model))
            return torch.tensor(next(scripted))

    history = train.fit(model, images, images, train.TrainConfig(3, batch=12, seed=1), loss=Scripted)
    assert [row["validation_loss"] for row in history] == pytest.approx([0.9, 0.3, 0.5])
    assert same(weights(model), after[1])
    assert not same(after[1], after[2])


def test_features_and_classifier_have_their_own_learning_rates():
    model = make_model()
    optimizer = train.build_optimizer(model, 1e-4, 1e-2)
    schedule, rates = train.build_schedule(optimizer, 20), []
    for _ in range(20):
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    features, classifier = np.array(rates).T
    assert (features.max(), classifier.max()) == pytest.approx((1e-4, 1e-2))
    assert np.allclose(classifier, 100 * features)
    assert features.argmax() == 3  # after a fifth of the steps
    groups = [sum(weight.numel() for weight in group["params"]) for group in optimizer.param_groups]
    assert sum(groups) == sum(weight.numel() for weight in model.parameters())
    assert groups[1] == 16 * 3 + 3


def test_parts_of_the_training_can_be_replaced():
    """What a notebook passes is used: with the sign of the loss changed, training makes it worse."""

    class Reversed(losses.LogitAdjustedLoss):
        def forward(self, logits, labels):
            return -super().forward(logits, labels)

    config, images = replace(TRAIN, epochs=2), make_images()
    ends = {}
    for name, parts in {"ours": {}, "reversed": {"loss": Reversed}, "plain": {"augmentation": None}}.items():
        ends[name] = train.fit(make_model(), images, images, config, **parts)[-1]
    assert ends["reversed"]["accuracy"] < ends["ours"]["accuracy"]
    assert ends["plain"]["loss"] != ends["ours"]["loss"]


def test_a_prediction_is_the_same_for_the_mirror_image():
    model, images = make_model(), make_images()
    mirrored = ImageData(images.images[:, :, ::-1], images.labels, images.files)
    both, again = evaluate.predict(model, images)[0], evaluate.predict(model, mirrored)[0]
    assert np.allclose(both, again, atol=1e-5)
    one, other = (evaluate.predict(model, part, flip=False)[0] for part in (images, mirrored))
    assert np.allclose(both, (one + other) / 2, atol=1e-5)
    assert not np.allclose(one, other, atol=1e-3)


def test_square_root_sampling():
    labels = np.repeat([0, 1], [990, 10])
    torch.manual_seed(0)
    sampler = ablation.square_root_sampler(labels)
    first, second = list(sampler), list(sampler)
    assert len(first) == len(second) == 1000
    assert first != second
    assert labels[first + second].mean() == pytest.approx(1 / (1 + 99**0.5), rel=0.25)


def test_the_sampler_selects_the_images_of_an_epoch():
    shown = []

    def step(model, images, labels, criterion):
        shown.append(labels)
        return train.training_step(model, images, labels, criterion)

    images, config = make_images(), replace(TRAIN, epochs=2, batch=12)
    train.fit(make_model(), images, None, config, step=step)
    half = len(shown) // 2
    assert torch.equal(torch.cat(shown[:half]).sort().values, torch.cat(shown[half:]).sort().values)
    assert not torch.equal(torch.cat(shown[:half]), torch.cat(shown[half:])), "each epoch has an order of its own"
    shown.clear()
    train.fit(
        make_model(), images, None, config, step=step, sampler=lambda labels: np.flatnonzero(labels == 1).tolist()
    )
    assert set(torch.cat(shown).tolist()) == {1}


@pytest.mark.parametrize(
    "call",
    [
        evaluate.predict,
        lambda model, images: evaluate.compute_features(model, images.images),
        lambda model, images: grad_cam(model, images.images[0], 0),
    ],
)
def test_evaluation_changes_no_network(call):
    model = make_model().train()
    before = weights(model)
    call(model, make_images())
    assert same(before, weights(model))


def test_logit_adjustment_takes_the_priors_out_of_the_logits():
    """Logits that cannot depend on the image learn the priors; with the adjustment, nothing is left to learn."""
    labels = torch.tensor([0] * 90 + [1] * 10)
    found = {}
    for strength in (0.0, 1.0):
        logits = torch.zeros(2, requires_grad=True)
        criterion = losses.LogitAdjustedLoss(labels.numpy(), 2, strength)
        optimizer = torch.optim.LBFGS([logits], max_iter=100)

        def closure(criterion=criterion, logits=logits, optimizer=optimizer):
            optimizer.zero_grad()
            loss = criterion(logits.expand(100, 2), labels)
            loss.backward()
            return loss

        optimizer.step(closure)
        found[strength] = (logits[0] - logits[1]).item()
    assert found == {0.0: pytest.approx(np.log(9), abs=1e-3), 1.0: pytest.approx(0, abs=1e-3)}
    priors = losses.class_priors(np.array([0, 0]), 3)
    assert priors.tolist() == [0.5, 0.25, 0.25]  # absent classes count as one image


def obtain(name, model, images, settings):
    return experiments.obtain_weights(
        name, model, (images, images), settings, TRIAL, TINY, experiments.PARTS, make_model
    )


def test_finished_weights_are_loaded_and_rounded_alike(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    images, model, again = make_images(), make_model(), make_model(3)
    first, second = obtain("trial", model, images, TRAIN), obtain("trial", again, images, TRAIN)
    assert first == second  # to the last digit of its seconds: it was not trained again
    assert same(weights(model), weights(again))
    assert not list(tmp_path.rglob("*.checkpoint"))
    other = train.TrainConfig(1, batch=8, seed=2)
    assert obtain("trial", make_model(), images, other)["digests"] != first["digests"]


def test_committed_weights_belong_to_the_record():
    runs = records.read_results(experiments.FOLDER / "results.json")["runs"].values()
    recorded = {name: digest for run in runs for name, digest in run["digests"].items()}
    files = sorted((experiments.FOLDER / "weights").glob("*.safetensors"))
    assert recorded
    for path in files:
        assert recorded[f"weights/{path.name}"] == sha256(path)
    assert sum(path.stat().st_size for path in files) < 12e6
    assert all("key" in checkpoints.read_facts(path) for path in files)


def test_ablation_rows_are_computed_once(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    images = make_images(30)
    monkeypatch.setattr(ablation, "VARIANTS", {"full method": {}, "own augmentation": {"augmentation": None}})
    monkeypatch.setattr(ablation, "build_mobilenet", lambda classes: make_model())
    monkeypatch.setattr(ablation, "start_from_imagenet", torch.nn.Module.train)
    monkeypatch.setattr(ablation, "FOLDER", tmp_path)
    monkeypatch.setattr(ablation, "small_splits", lambda *_: {0: (images, images), 1: (images, images)})
    tables, found = ablation.ablate(TRIAL, TINY, compute=False)
    assert ({name: table.shape for name, table in tables.items()}, found) == (
        dict.fromkeys(ablation.METRICS, (2, 0)),
        [],
    )
    tables, found = ablation.ablate(TRIAL, TINY, compute=True)
    table = tables["balanced_f1"]
    assert table.index.tolist() == ["full method", "own augmentation"]
    assert [record["origin"] for record in found] == ["computed"] * 4
    assert len({record["key"] for record in found}) == 4
    changes = ablation.paired_changes(table)
    expected = (table.loc["own augmentation"] - table.loc["full method"]).mean()
    assert changes.loc["own augmentation", "difference"] == pytest.approx(expected)
    monkeypatch.setattr(experiments.evaluate, "predict", None)  # what computes a record
    assert ablation.ablate(TRIAL, TINY, compute=False)[0]["balanced_f1"].equals(table)


LAUNCH = """
import sys
import numpy as np, torch
from coursework.runtime import build_accelerator, leave_together
from simpsons.evaluate import predict
from simpsons.train import fit
sys.path.insert(0, {tests!r})
from test_simpsons_train import TRAIN, make_model, make_images
accelerator = build_accelerator()
logits, labels = predict(make_model(), make_images(37), accelerator, 4)
assert labels.tolist() == make_images(37).labels.tolist(), "each once, in order"
history = fit(make_model(), make_images(24), make_images(9), TRAIN)  # judged after each epoch, by all
assert all(np.isfinite(row["loss"]) and row["accuracy"] >= 0 for row in history)
torch.manual_seed(0)
flat = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 3))
images, targets = torch.rand(16, 3, 4, 4), torch.arange(16) % 3
data = torch.utils.data.TensorDataset(images, targets)
loader = torch.utils.data.DataLoader(data, 16 // accelerator.num_processes)
model, loader = accelerator.prepare(flat, loader)
for x, y in loader:
    accelerator.backward(torch.nn.functional.cross_entropy(model(x), y))
if accelerator.is_main_process:
    grad = accelerator.unwrap_model(model)[1].weight.grad
    np.savez({out!r}, logits=logits, grad=grad, n=accelerator.num_processes)
leave_together(accelerator)
"""


def launch(tmp_path, processes):
    script, out = tmp_path / "job.py", tmp_path / f"{processes}.npz"
    script.write_text(LAUNCH.format(tests=os.path.dirname(__file__), out=str(out)))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    environment = dict(os.environ) | {"COURSEWORK_DEVICE": "cpu", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, str(script)], env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    return np.load(out)


@pytest.mark.slow
def test_two_processes_see_what_one_sees(tmp_path):
    one, two = launch(tmp_path, 1), launch(tmp_path, 2)
    assert (int(one["n"]), int(two["n"])) == (1, 2)
    assert one["logits"].shape == (37, 3)
    assert np.allclose(one["logits"], two["logits"], atol=1e-6)
    assert np.abs(one["grad"] - two["grad"]).max() < 1e-5


@pytest.mark.fault(
    "kill -9 in the middle of an epoch (6W)",
    "running the command again resumes from the last completed epoch; the weights are bit-identical",
)
def test_a_training_killed_by_the_system_goes_on(tmp_path):
    """kill -9 in the middle of an epoch; the same command ends with the weights of one that was never killed."""
    killed, whole = kill_and_go_on(tmp_path, "test_simpsons_train", "simpsons", "make_images(), make_images()")
    assert same(killed, whole)
