"""The loop and the networks of week 8: they learn, keep the best epoch, and resume after a kill to the last bit."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from killing import kill_and_go_on

from autoencoders import __main__ as command
from autoencoders import evaluators, networks, train
from autoencoders.config import CONFIGS
from autoencoders.face_losses import mse_step, perceptual_step
from autoencoders.face_models import Autoencoder
from autoencoders.faces import FaceImages, Faces

TRAIN = train.TrainConfig(3, batch_size=4, lr=5e-3, seed=1)
CONFIG = replace(
    CONFIGS["tiny"], practice=False, side=16, width=4, latent=8, face_batch_size=8, mse_epochs=2, evaluated=12
)


def make_images(number=16, seed=0, side=16):
    """Light discs on dark ground."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:side, 0:side]
    centres = rng.uniform(5, 11, (number, 2))
    masks = np.stack([np.hypot(columns - x, rows - y) < 4 for x, y in centres])
    return (40 + 170 * masks[..., None] * np.ones(3)).astype(np.uint8)


def make_faces(number=16, side=16):
    """Faces with names, of which every second one has the attributes."""
    table = pd.DataFrame({"smiling": np.arange(number) % 2.0, "glasses": np.arange(number) // 2 % 2.0})
    people = np.repeat([f"P{k}" for k in range(-(-number // 4))], 4)[:number]
    return Faces(make_images(number, side=side), [f"{k}.jpg" for k in range(number)], people, table, "trial", "trial")


def make_set(number=16, seed=0):
    return FaceImages(make_images(number, seed))


def make_model(seed=0):
    torch.manual_seed(seed)
    return Autoencoder(16, 4, 8)


def same(first, second):
    return all(torch.equal(value, second[name]) for name, value in first.items())


def test_it_learns_and_keeps_the_best_epoch():
    model, validation = make_model(), make_set(6, 3)
    history = train.fit(model, mse_step, make_set(32), validation, train.TrainConfig(20, 8, 5e-3))
    assert set(history[0]) == {"loss", "steps", "seconds", "waiting", "validation loss"}
    best = min(row["validation loss"] for row in history)
    assert best < 0.5 * history[0]["validation loss"]
    assert train.evaluate_losses(model, mse_step, validation)["loss"] == pytest.approx(best, rel=1e-5)


def test_the_last_epoch_is_kept_on_request():
    model, validation = make_model(), make_set(6, 3)
    history = train.fit(model, mse_step, make_set(32), validation, train.TrainConfig(6, 8, 0.05), last=True)
    found = train.evaluate_losses(model, mse_step, validation)["loss"]
    assert found == pytest.approx(history[-1]["validation loss"], rel=1e-5)


def test_validation_is_without_dropout_and_does_not_change_batch_norms():
    model = torch.nn.Sequential(torch.nn.BatchNorm2d(3), torch.nn.Dropout(0.5))
    step = lambda network, images: {"loss": network(images).mean()}  # noqa: E731
    data = make_set(8)
    first, second = (train.evaluate_losses(model.train(), step, data)["loss"] for _ in range(2))
    assert first == second
    assert model[0].running_mean.tolist() == [0] * 3


@pytest.mark.fault(
    "kill -9 in the middle of an epoch (8W)",
    "the same command goes on from the last finished epoch; weights equal to the last bit",
)
@pytest.mark.slow  # in every run with 6W, whose loop is the same
def test_a_training_killed_by_the_system_goes_on(tmp_path):
    """kill -9 in the middle of an epoch; the same command ends with the weights of one that was never killed."""
    killed, whole = kill_and_go_on(
        tmp_path, "test_autoencoders_train", "autoencoders", "mse_step, make_set(), make_set(4, 1)"
    )
    assert same(killed, whole)


def obtain(faces, config=CONFIG, step=mse_step, name="trial"):
    build = partial(Autoencoder, config.side, config.width, config.latent)
    sets = FaceImages(faces.images[:12]), FaceImages(faces.images[12:])
    return networks.face_network(name, build, step, sets, faces, config, config.mse_epochs)


def test_networks_are_trained_once(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    faces = make_faces()
    first, facts = obtain(faces)
    assert facts["training"]["steps"] == 2  # one batch per epoch
    again, same_facts = obtain(faces)
    assert same_facts == facts
    assert same(first.state_dict(), again.state_dict())
    changed = [
        obtain(faces, replace(CONFIG, face_lr=1e-4))[1],
        obtain(faces, step=partial(perceptual_step, weight=0.1))[1],
        obtain(replace(faces, people=faces.people[::-1]))[1],
    ]
    assert len({one["key"] for one in (facts, *changed)}) == 4


def test_the_evaluator_is_fitted_to_images_and_reconstructions(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    faces, calls = make_faces(16), []

    def reconstruct(part):
        calls.append(len(part))
        return part.images

    model, facts = networks.evaluator(faces, (reconstruct,), faces, CONFIG)
    assert calls == [6]  # every second of the twelve
    features = evaluators.attribute_features(faces.images, "lite2")
    probs = evaluators.predict_attributes(model, features)
    assert evaluators.balanced_accuracy(probs[:, 0] >= 0.5, faces.labels("smiling")) > 0.6
    assert facts["origin"] == "computed"


def test_code_sizes_are_compared(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    faces = make_faces(48, side=32)
    parts = {
        name: faces.subset(rows)
        for name, rows in zip(("train", "validation", "test"), np.split(np.arange(48), [32, 40]), strict=True)
    }
    config = replace(CONFIG, side=32, small_side=16, small_width=4, code_sizes=(2, 8), code_size_epochs=1)
    record = networks.code_size_record(parts, faces, config)
    assert set(record["mse"]) == {"PCA", "autoencoder"}
    assert record["mse"]["PCA"]["8"] < record["mse"]["PCA"]["2"]
    images = networks.read_images(record["images"])
    assert {name: some.shape for name, some in images.items()} == dict.fromkeys(images, (3, 16, 16, 3))
    assert np.array_equal(images["PCA"][0], networks.shrink(parts["test"].images[:1], 16)[0])


def test_unknown_labels_are_extended_where_the_prediction_is_sure(monkeypatch):
    labels = np.stack([np.arange(40) % 2, np.arange(40) % 2], axis=1).astype(float)
    known = labels.copy()
    known[20:, 1] = np.nan
    monkeypatch.setattr(evaluators, "attribute_features", lambda images, network: 50 * labels.astype(np.float32))
    extended = evaluators.extend_labels(make_images(40), known)
    assert np.array_equal(extended[:20], labels[:20])
    told = ~np.isnan(extended[20:, 1])
    assert np.array_equal(extended[20:, 1][told], labels[20:, 1][told])


def test_the_command_trains_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    config = replace(CONFIGS["tiny"], few_digits=60, digit_hidden=8, vae_passes=2, plane_passes=2, practice=False)
    monkeypatch.setattr(command, "load_config", lambda week, configs: config)
    assert command.main(["train", "digit_vae", "digit_plane"]) == 0
    first = capsys.readouterr().out
    assert "digit_vae: " in first
    assert "digit_plane: " in first
    assert command.main(["train", "digit_vae", "digit_plane"]) == 0
    assert capsys.readouterr().out == first  # the same minutes: nothing was trained again
    with pytest.raises(SystemExit):
        command.main(["train", "digit_vaes"])
    assert "invalid choice" in capsys.readouterr().err
