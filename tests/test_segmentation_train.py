"""The training loop and the grid: they learn, resume bit for bit, and repeat no finished run."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from killing import kill_and_go_on

from coursework.records import ONLY_BEGUN
from segmentation import cross_validation, experiments, records, train
from segmentation.config import CONFIGS
from segmentation.data import UNKNOWN, LesionData, LesionSplit
from segmentation.evaluate import predict, scores
from segmentation.losses import LOSSES, bce_loss, dice_loss
from segmentation.models import UNet, conv_block
from segmentation.records import Experiment

TRAIN = train.TrainConfig(3, batch_size=4, lr=1e-2, warmup=0.34, seed=1)
SIZES = {"image_size": 32, "width": 4, "batch_size": 4, "epochs": 1, "lr": 1e-2, "warmup": 0.5, "seeds": (0,)}
RATES = {"pretrained_lr": 3e-2, "encoder_lr": 3e-2}
CONFIG = replace(
    CONFIGS["tiny"], few=None, practice=False, pretrained_size=32, pretrained_epochs=6, **RATES, folds=2, **SIZES
)


def make_lesions(number=8, seed=0, size=32):
    """Dark discs on light skin."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:size, 0:size]
    centres, radii = rng.uniform(10, size - 10, (number, 2)), rng.uniform(5, 10, number)
    masks = np.stack([np.hypot(columns - x, rows - y) < r for (x, y), r in zip(centres, radii, strict=True)])
    images = rng.integers(170, 220, (number, size, size, 3)) - 90 * masks[..., None]
    names = [f"case{seed}{k:03d}" for k in range(number)]
    return LesionData(images.astype(np.uint8), masks.astype(np.uint8), names, np.full(number, UNKNOWN))


def make_split(name="ph2"):
    return LesionSplit(make_lesions(8), make_lesions(4, 1), make_lesions(4, 2), name, "trial")


def make_model(seed=0):
    torch.manual_seed(seed)
    return UNet(4)


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(first, second):
    return all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.fixture
def week(tmp_path, monkeypatch):
    """A week without committed files, and a `build/` of its own; returns both folders."""
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path / "build"))
    monkeypatch.delenv("COURSEWORK_REPRODUCE", raising=False)
    for module in (experiments, cross_validation):
        monkeypatch.setattr(module, "FOLDER", tmp_path / "week")
    return tmp_path / "week", tmp_path / "build" / "7W" / "tiny"


def release(week):
    """Commit what was trained, and forget that it was trained here."""
    folder, build = week
    shutil.move(build / "keep", folder)
    shutil.rmtree(build)


def test_it_learns_and_keeps_the_best_epoch():
    model, validation = make_model(), make_lesions(6, 3)
    config = train.TrainConfig(30, 4, 1e-2, seed=1)
    history = train.fit(model, make_lesions(16), validation, config, bce_loss)
    assert set(history[0]) == {"loss", "steps", "seconds", "waiting", "iou", "dice", "homework_iou"}
    assert history[-1]["loss"] < history[0]["loss"]
    best = max(row["iou"] for row in history)
    assert best > 0.7
    assert scores(predict(model, validation, flips=False)[0])["iou"] == best


def test_without_validation_images_the_last_epoch_is_kept():
    model = make_model()
    history = train.fit(model, make_lesions(), None, TRAIN, dice_loss)
    assert set(history[0]) == {"loss", "steps", "seconds", "waiting"}


def test_cross_entropy_comes_first():
    used = []

    def step(model, images, masks, loss):
        used.append(loss)
        return train.training_step(model, images, masks, loss)

    train.fit(make_model(), make_lesions(4), None, TRAIN, dice_loss, step=step)
    assert used == [bce_loss, bce_loss, dice_loss]
    used.clear()
    train.fit(make_model(), make_lesions(4), None, replace(TRAIN, warmup=0.0), dice_loss, step=step)
    assert used == [dice_loss] * 3


def test_the_encoder_has_a_learning_rate_of_its_own():
    model = torch.nn.ModuleDict({"encoder": torch.nn.Linear(3, 4), "decoder": torch.nn.Linear(4, 1)})
    decoder, encoder = train.build_optimizer(model, 1e-2, 1e-3).param_groups
    assert (decoder["lr"], encoder["lr"]) == (1e-2, 1e-3)
    assert [weight.shape for weight in encoder["params"]] == [(4, 3), (4,)]
    assert len(decoder["params"]) == 2
    (group,) = train.build_optimizer(model, 1e-2).param_groups
    assert len(group["params"]) == 4


@pytest.mark.fault(
    "kill -9 in the middle of an epoch (7W)",
    "the same command resumes after the last finished epoch; weights equal to the last bit",
)
@pytest.mark.slow  # in every run with 6W, whose loop is the same
def test_a_training_killed_by_the_system_resumes(tmp_path):
    """kill -9 in the middle of an epoch; the same command ends with the weights of one that was never killed."""
    parts = "make_lesions(), make_lesions(4, 1), TRAIN, dice_loss"
    killed, whole = kill_and_go_on(tmp_path, "test_segmentation_train", "segmentation", parts)
    assert same(killed, whole)


def test_the_grid_is_three_by_five_by_seeds():
    found = list(experiments.all_experiments(replace(CONFIG, seeds=(0, 1))))
    assert len(found) == len(set(found)) == 30
    assert {experiment.loss for experiment in found} == set(LOSSES)


def test_an_experiment_is_trained_once(week, monkeypatch):
    lesions, experiment = make_split(), Experiment("unet", "dice", 0)
    first = experiments.run_experiment(experiment, CONFIG, lesions)
    assert first.test.shape == (4, 2, 2, 100)
    assert (first.masks.shape, first.boundary.shape) == ((4, 32, 32), (4, 2))
    assert first.validation_probs.shape == (4, 32, 32)
    assert first.facts["origin"] == "computed"
    with monkeypatch.context() as patch:
        patch.setattr(experiments, "evaluate_network", lambda *_: pytest.fail("trained again"))
        again = experiments.run_experiment(experiment, CONFIG, lesions)
    for name in ("validation", "test", "masks", "validation_probs", "probs", "boundary", "diagnoses"):
        assert np.allclose(getattr(first, name), getattr(again, name)), name
    assert again.history == first.history
    other = train.TrainConfig(1, lr=1e-4)
    keys = {
        experiments.training_of(experiment, config, lesions, settings, experiments.PARTS).key
        for config in (CONFIG, replace(CONFIG, width=8), replace(CONFIG, seed=1))
        for settings in (experiments.train_config(CONFIG, 0), other)
    }
    assert len(keys) == 6
    (path,) = week[1].rglob("unet-dice-0.npz")
    path.write_bytes(path.read_bytes()[:100])
    assert records.read_record(path) is None


def test_the_same_experiment_again_gives_the_same_bits(tmp_path, monkeypatch):
    found = []
    for folder in ("a", "b"):
        monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path / folder))
        torch.manual_seed(len(found))  # earlier random numbers must not matter
        found.append(experiments.run_experiment(Experiment("segnet", "lovasz", 0), CONFIG, make_split("trial")))
    assert np.array_equal(found[0].test, found[1].test)
    assert [row["loss"] for row in found[0].history] == [row["loss"] for row in found[1].history]


def test_the_seed_of_an_experiment_decides_its_initial_weights(week, monkeypatch):
    started = []
    monkeypatch.setattr(experiments, "fit", lambda model, *_, **__: started.append(weights(model)) or [{"loss": 1.0}])
    for seed in (0, 1, 0):
        shutil.rmtree(week[1], ignore_errors=True)
        experiments.run_experiment(Experiment("unet", "dice", seed), CONFIG, make_split())
    assert same(started[0], started[2])
    assert not same(started[0], started[1])


def test_own_parts_are_used(week):
    """A loss that a notebook changed gives another result, and does not pass for the released one."""
    experiment, changed = (
        Experiment("unet", "dice", 0),
        {**LOSSES, "dice": lambda logits, masks: bce_loss(-logits, masks)},
    )
    settings = experiments.train_config(CONFIG, 0)
    own = experiments.PARTS | {"losses": changed}
    trainings = [
        experiments.training_of(experiment, CONFIG, make_split(), settings, parts) for parts in (own, experiments.PARTS)
    ]
    assert trainings[0].code != trainings[1].code
    config = replace(CONFIG, epochs=6, warmup=0.0)
    ours = experiments.run_experiment(experiment, config, make_split())
    theirs = experiments.run_experiment(experiment, config, make_split(), own)
    assert theirs.history[-1]["loss"] != ours.history[-1]["loss"]


def test_weights_give_what_the_record_holds(week):
    lesions, experiment = make_split(), Experiment("unet2", "bce", 0)
    record = experiments.run_experiment(experiment, CONFIG, lesions)
    assert not list((week[1] / "keep").rglob("*.safetensors")), "only selected weights are kept"
    model, facts = experiments.load_network(experiment, CONFIG, lesions)
    assert facts["origin"] == "computed"
    assert [path.name for path in (week[1] / "keep").rglob("*.safetensors")] == ["ph2-unet2-bce-0.safetensors"]
    found = records.evaluate_network(model, lesions, facts["history"], facts)
    assert np.array_equal(found.test, record.test)
    assert np.array_equal(found.masks, record.masks)


def test_after_a_practice_the_released_results_are_shown(week):
    lesions, experiment = make_split(), Experiment("unet", "bce", 0)
    released = experiments.run_experiment(experiment, replace(CONFIG, epochs=3), lesions)
    release(week)
    practice = replace(CONFIG, epochs=3, practice=True)
    few = make_split("synthetic_lesions").first(4, 2, 2)
    shown = experiments.run_experiment(experiment, practice, few)
    assert (week[1] / "practice" / "grid" / "unet-bce-0.npz").is_file(), "a short training was done first"
    assert (shown.facts["origin"], len(shown.history)) == ("record", 3)
    assert np.array_equal(shown.masks, released.masks), "the record is of PH2, whose images are not needed"
    changed = experiments.run_experiment(experiment, replace(practice, seed=1), few)
    assert (changed.facts["origin"], len(changed.history)) == ("computed", 2), "another split is another training"


def test_released_records_are_shown_all_or_none(week, monkeypatch, capsys):
    pair = [Experiment("unet", "bce", 0), Experiment("unet", "dice", 0)]
    monkeypatch.setattr(experiments, "all_experiments", lambda config: pair)
    lesions, practice = make_split(), replace(CONFIG, practice=True)
    experiments.run_grid(CONFIG, lesions)
    release(week)
    assert experiments.all_or_none(practice, lesions, experiments.PARTS) == practice
    assert capsys.readouterr().out == ""
    own = experiments.PARTS | {"losses": {**LOSSES, "dice": lambda logits, masks: 2 * dice_loss(logits, masks)}}
    assert experiments.all_or_none(practice, lesions, own) == replace(practice, retrain=True)
    said = capsys.readouterr().out
    assert "of the grid's records do not belong to this code (" in said
    assert said.endswith(f"{ONLY_BEGUN}\n")
    found = experiments.run_grid(practice, lesions, own)
    assert {record.facts["origin"] for record in found.values()} == {"computed"}
    assert experiments.all_or_none(CONFIG, lesions, own) == CONFIG, "finished trainings may stand beside records"
    synthetic = make_split("synthetic_lesions")
    assert experiments.all_or_none(CONFIG, synthetic, own) == replace(CONFIG, retrain=True), "but not of other data"


class SmallNetwork(torch.nn.Module):
    """An encoder and a head, as the network with the pretrained encoder has them."""

    def __init__(self):
        super().__init__()
        self.encoder, self.head = conv_block(3, 4), torch.nn.Conv2d(4, 1, 1)

    def forward(self, images):
        return self.head(self.encoder(images))


def test_every_image_is_tested_in_one_fold(week):
    lesions, synthetic = make_split(), make_split("synthetic_lesions")
    found = cross_validation.cross_validate(CONFIG, lesions, synthetic, SmallNetwork)
    for folds in found.values():
        names = [name for fold in folds for name in fold["names"]]
        assert sorted(names) == sorted(lesions.all_images().names)
        assert all(len(fold["iou"]) == len(fold["names"]) for fold in folds)
    assert found["imagenet"][0]["iou"] != found["synthetic"][0]["iou"], "they start from other weights"
    means = cross_validation.fold_means(found["imagenet"])
    every = np.concatenate([fold["iou"] for fold in found["imagenet"]])
    assert means["iou"] == pytest.approx(every.mean())
    release(week)
    few = synthetic.first(4, 2, 2)
    for config, images in ((replace(CONFIG, practice=True), few), (CONFIG, synthetic)):
        shown = cross_validation.cross_validate(config, images, few, SmallNetwork)
        assert {fold["origin"] for folds in shown.values() for fold in folds} == {"record"}
    again = cross_validation.cross_validate(replace(CONFIG, retrain=True), synthetic, few, SmallNetwork)
    assert {fold["data"]["name"] for folds in again.values() for fold in folds} == {"synthetic_lesions"}


def test_the_released_pretrained_network_is_used_without_ph2(week):
    images = make_split().all_images()

    def obtain(name="pretrained", config=CONFIG, data="synthetic_lesions"):
        return cross_validation.train_pretrained(name, config, data, images, SmallNetwork)

    trained, facts = obtain(data="ph2")
    assert facts["origin"] == "computed"
    release(week)
    loaded, facts = obtain()
    assert facts["origin"] == "weights"
    assert same(trained.state_dict(), loaded.state_dict())
    assert obtain(config=replace(CONFIG, practice=True))[1]["origin"] == "weights"
    assert obtain("pretrained-synthetic")[1]["origin"] == "computed"
    assert obtain(config=replace(CONFIG, pretrained_epochs=1))[1]["origin"] == "computed"
