"""The loop and the grid: they learn, resume to the last bit, and train no cell twice."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from killing import kill_and_go_on

from coursework.datasets import sha256
from coursework.records import ONLY_BEGUN
from segmentation import grid, train
from segmentation.config import CONFIGS
from segmentation.data import Collection, Lesions, load_lesions
from segmentation.evaluate import predict, scores
from segmentation.grid import Cell
from segmentation.losses import LOSSES, bce_loss, dice_loss
from segmentation.models import build_model

TRAIN = train.TrainConfig("dice", 3, batch=4, lr=1e-2, warmup=0.34, seed=1)
CONFIG = replace(
    CONFIGS["tiny"], few=None, practice=False, side=32, width=8, batch=4, epochs=1, lr=1e-2, warmup=0.5, seeds=(0,)
)


def make_lesions(number=8, seed=0, side=32):
    """Dark discs on light skin."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:side, 0:side]
    centres, radii = rng.uniform(10, side - 10, (number, 2)), rng.uniform(5, 10, number)
    masks = np.stack([np.hypot(columns - x, rows - y) < r for (x, y), r in zip(centres, radii, strict=True)])
    images = rng.integers(170, 220, (number, side, side, 3)) - 90 * masks[..., None]
    return Lesions(images.astype(np.uint8), masks.astype(np.uint8), [f"IMD{k:03d}" for k in range(number)])


def make_collection():
    return Collection(make_lesions(8), make_lesions(4, 1), make_lesions(4, 2), "trial", "trial")


def make_model(seed=0):
    torch.manual_seed(seed)
    return build_model("unet", 4)


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(first, second):
    return all(torch.equal(value, second[name]) for name, value in first.items())


def test_it_learns_and_keeps_the_best_epoch():
    model, validation = make_model(), make_lesions(6, 3)
    history = train.fit(model, make_lesions(16), validation, train.TrainConfig("bce", 30, 4, 1e-2, seed=1))
    assert set(history[0]) == {"loss", "steps", "seconds", "waiting", "iou", "dice", "homework_iou"}
    assert history[-1]["loss"] < history[0]["loss"]
    best = max(row["iou"] for row in history)
    assert best > 0.7
    assert scores(predict(model, validation, mirrored=False)[0])["iou"] == best


def test_cross_entropy_comes_first():
    assert [TRAIN.loss_of(epoch) for epoch in range(3)] == [bce_loss, bce_loss, dice_loss]
    assert train.TrainConfig("dice", 3, warmup=0).loss_of(0) is dice_loss
    with pytest.raises(ValueError, match="unknown loss 'hinge'; there are: bce, dice, focal, tversky, lovasz"):
        train.TrainConfig("hinge", 3).loss_of(0)


@pytest.mark.fault(
    "kill -9 in the middle of an epoch (7W)",
    "the same command goes on from the last finished epoch; weights equal to the last bit",
)
@pytest.mark.slow  # in every run with 6W, whose loop is the same
def test_a_training_killed_by_the_system_goes_on(tmp_path):
    """kill -9 in the middle of an epoch; the same command ends with the weights of one that was never killed."""
    parts = "make_lesions(), make_lesions(4, 1)"
    killed, whole = kill_and_go_on(tmp_path, "test_segmentation_train", "segmentation", parts)
    assert same(killed, whole)


def test_the_grid_is_three_by_five_by_seeds():
    cells = list(grid.all_cells(replace(CONFIG, seeds=(0, 1))))
    assert len(cells) == len(set(cells)) == 30
    assert {cell.loss for cell in cells} == set(LOSSES)


def test_a_cell_is_trained_once(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    lesions, cell = make_collection(), Cell("unet", "dice", 0)
    first = grid.run_cell(cell, CONFIG, lesions)
    assert first.test.shape == (4, 2, 100)
    assert first.masks.shape == (4, 32, 32)
    monkeypatch.setattr(grid, "judge", lambda *_: pytest.fail("trained again"))
    again = grid.run_cell(cell, CONFIG, lesions)
    assert np.array_equal(first.test, again.test)
    assert np.array_equal(first.masks, again.masks)
    assert again.history == first.history
    other = replace(CONFIG, lr=1e-4)
    assert grid.training_of(cell, other, lesions).key != grid.training_of(cell, CONFIG, lesions).key
    (path,) = tmp_path.rglob("unet-dice-0.npz")
    path.write_bytes(path.read_bytes()[:100])
    assert grid.read_record(path) is None


def test_the_same_cell_again_gives_the_same_bits(tmp_path, monkeypatch):
    found = []
    for folder in ("a", "b"):
        monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path / folder))
        found.append(grid.run_cell(Cell("segnet", "lovasz", 0), CONFIG, make_collection()))
    assert np.array_equal(found[0].test, found[1].test)
    assert [row["loss"] for row in found[0].history] == [row["loss"] for row in found[1].history]


def test_the_seed_of_a_cell_decides_where_it_starts(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(grid, "fit", lambda model, *given: started.append(weights(model)) or [])
    for folder, seed in (("a", 0), ("b", 1), ("c", 0)):
        monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path / folder))
        torch.manual_seed(len(started))  # what was drawn before must not matter
        grid.run_cell(Cell("unet", "dice", seed), CONFIG, make_collection())
    assert same(started[0], started[2])
    assert not same(started[0], started[1])


def test_weights_say_what_the_record_says(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    lesions, cell = make_collection(), Cell("unet2", "bce", 0)
    record = grid.run_cell(cell, CONFIG, lesions)
    model, facts = grid.finish(cell, CONFIG, lesions)
    path = tmp_path / "7W" / "tiny" / "weights" / "trial" / "unet2-bce-0.safetensors"
    assert facts["digests"] == {"weights/trial/unet2-bce-0.safetensors": sha256(path)}
    found = grid.judge(model, lesions, facts)
    assert np.array_equal(found.test, record.test)
    assert np.array_equal(found.masks, record.masks)
    path.unlink()
    again, _ = grid.finish(cell, CONFIG, lesions)  # trained again, since they are nowhere
    assert path.is_file()
    assert np.array_equal(grid.judge(again, lesions, facts).test, record.test)


def test_again_trains_a_second_time(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    lesions, cell, trained = make_collection(), Cell("unet", "focal", 0), []
    train_cell = grid.train_cell
    monkeypatch.setattr(grid, "train_cell", lambda *given: trained.append(1) or train_cell(*given))
    first, second = grid.run_cell(cell, CONFIG, lesions), grid.again(cell, CONFIG, lesions)
    assert len(trained) == 2
    assert np.array_equal(first.test, second.test)
    grid.again(cell, CONFIG, lesions)
    assert len(trained) == 2


def test_a_practice_takes_every_loss(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    monkeypatch.setattr(grid, "FOLDER", tmp_path / "none")
    monkeypatch.setitem(LOSSES, "dice", lambda logits, target: dice_loss(logits, target) / 0)
    with pytest.raises(ValueError, match="the loss is"):
        grid.run_cell(Cell("unet", "dice", 0), replace(CONFIG, practice=True), make_collection())


def test_after_a_practice_the_released_results_are_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(grid, "FOLDER", tmp_path / "week")
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path / "build"))
    monkeypatch.delenv("COURSEWORK_REPRODUCE", raising=False)
    lesions, cell, trained = make_collection(), Cell("unet", "bce", 0), []
    whole = grid.run_cell(cell, replace(CONFIG, epochs=3), lesions)
    grid.finish(cell, replace(CONFIG, epochs=3), lesions)
    shutil.move(tmp_path / "build" / "7W" / "tiny" / "keep", tmp_path / "week")
    shutil.rmtree(tmp_path / "build")

    judge = grid.judge
    monkeypatch.setattr(grid, "judge", lambda *given: trained.append(given[1].test.names) or judge(*given))
    few, practice = lesions.first(8, 4, 2), replace(CONFIG, epochs=3, practice=True)
    shown = grid.run_cell(cell, practice, few)
    assert trained == [lesions.test.names[:1]], "a short training was done first, with hardly any images"
    assert (shown.facts["origin"], len(shown.history), len(shown.test)) == ("record", 3, 2)
    assert np.array_equal(shown.masks, whole.masks[:2])
    model, facts = grid.finish(cell, practice, few)
    assert facts["origin"] == "weights"
    assert np.array_equal(grid.judge(model, few, facts).test, whole.test[:2])

    changed = grid.run_cell(cell, replace(practice, seed=1), few)
    assert (changed.facts["origin"], len(changed.history)) == ("computed", 2), "another split has other test images"
    code = grid.training_code
    monkeypatch.setattr(grid, "training_code", lambda *roots, alone: code(*roots, alone=alone) + " changed")
    changed = grid.run_cell(cell, practice, few)
    assert (changed.facts["origin"], len(changed.history), len(changed.test)) == ("computed", 2, 2)


def test_after_a_practice_released_results_are_shown_all_or_none(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(grid, "FOLDER", tmp_path / "week")
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path / "build"))
    monkeypatch.delenv("COURSEWORK_REPRODUCE", raising=False)
    cells = [Cell("unet", "bce", 0), Cell("unet", "dice", 0)]
    monkeypatch.setattr(grid, "all_cells", lambda config: cells)
    lesions, practice = make_collection(), replace(CONFIG, practice=True)
    grid.run_grid(CONFIG, lesions)
    shutil.move(tmp_path / "build" / "7W" / "tiny" / "keep", tmp_path / "week")
    assert grid.all_or_none(practice, lesions) == practice
    assert capsys.readouterr().out == ""

    monkeypatch.setitem(LOSSES, "dice", lambda logits, target: 2 * dice_loss(logits, target))
    changed = grid.all_or_none(practice, lesions)
    assert changed == replace(practice, retrain=True)
    said = capsys.readouterr().out
    assert "of the grid's records do not belong to this code and data (" in said
    assert said.endswith(f"{ONLY_BEGUN}\n")
    records = grid.run_grid(changed, lesions)
    assert {record.facts["origin"] for record in records.values()} == {"computed"}
    assert grid.all_or_none(CONFIG, lesions) == CONFIG, "trainings that are done to their end may stand beside records"
    monkeypatch.setenv("COURSEWORK_REPRODUCE", "all")
    assert grid.all_or_none(practice, lesions) == practice


def test_a_few_of_the_synthetic_images_are_those_of_the_whole_set(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path))
    config = replace(CONFIG, sources=("drawn",), parts=(4, 2, 3), side=16)
    few = load_lesions(replace(config, few=(2, 1, 2)))
    drawn = {path.name for path in tmp_path.rglob("IMD*") if path.suffix == "" and "_" not in path.name}
    assert len(drawn) == 5
    whole = load_lesions(config)
    for name, number in (("train", 2), ("validation", 1), ("test", 2)):
        some, all_of_them = getattr(few, name), getattr(whole, name)
        assert some.names == all_of_them.names[:number]
        assert np.array_equal(some.images, all_of_them.images[:number])
        assert np.array_equal(some.masks, all_of_them.masks[:number])
    assert few.name == whole.name
    assert few.generator == whole.generator
