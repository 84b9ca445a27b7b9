"""The loop and the networks of week 8: they learn, keep the best epoch, and resume after a kill to the last bit."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from killing import kill_and_go_on

from autoencoders import __main__ as command
from autoencoders import evaluators, face_networks, train
from autoencoders.config import CONFIGS
from autoencoders.face_losses import mse_step, perceptual_step
from autoencoders.face_models import Autoencoder, ConditionalAutoencoder
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
    return face_networks.face_network(name, build, step, sets, faces, config, config.mse_epochs)


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


def test_the_evaluator_is_fitted_to_images_and_changed_ones(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    faces, calls = make_faces(16), []

    def reconstruct(images):
        calls.append(len(images))
        return images

    model, facts = face_networks.evaluator("face_evaluator", "lite2", faces, reconstruct, "key", faces, CONFIG)
    assert calls == [12]  # config.evaluated
    probs = evaluators.predict_attributes(model, faces.images, "lite2")
    assert evaluators.balanced_accuracy(probs[:, 0] >= 0.5, faces.labels("smiling")) > 0.6
    assert facts["origin"] == "computed"
    keys = {facts["key"]}

    def evaluate(some=faces, key="key"):
        return face_networks.evaluator("face_evaluator", "lite2", faces, reconstruct, key, some, CONFIG)[1]

    keys.add(evaluate(key="other")["key"])
    relabelled = replace(faces, attributes=1 - faces.attributes)
    keys.add(evaluate(relabelled)["key"])
    assert len(keys) == 3


def test_only_the_autoencoder_of_the_editor_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    faces = make_faces(16, side=64)
    config = replace(CONFIG, side=64, edit_width=4, critic_width=4, edit_epochs=1)
    parts = {"train": faces, "validation": faces}
    model, facts = face_networks.editor(parts, faces, config)
    assert isinstance(model, ConditionalAutoencoder)
    assert {"change", "share", "mirror", "last", "labelled_by"} <= set(facts["settings"])
    other = face_networks.editor(parts, faces, replace(config, edit_change=0.1))[1]
    assert other["key"] != facts["key"]


def test_code_sizes_are_compared(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    faces = make_faces(48, side=32)
    parts = {
        name: faces.subset(rows)
        for name, rows in zip(("train", "validation", "test"), np.split(np.arange(48), [32, 40]), strict=True)
    }
    config = replace(CONFIG, side=32, small_side=16, small_width=4, code_sizes=(2, 8), code_size_epochs=1)
    record = face_networks.code_size_record(parts, faces, config)
    assert set(record["mse"]) == {"PCA", "autoencoder"}
    assert record["mse"]["PCA"]["8"] < record["mse"]["PCA"]["2"]
    images = face_networks.read_images(record["images"])
    assert {name: some.shape for name, some in images.items()} == dict.fromkeys(images, (3, 16, 16, 3))
    assert np.array_equal(images["PCA"][0], face_networks.shrink(parts["test"].images[:1], 16)[0])


def test_unknown_attributes_are_filled_by_the_classifier(monkeypatch):
    faces = make_faces(4)
    faces.attributes.iloc[2:, 1] = np.nan
    monkeypatch.setattr(evaluators, "predict_attributes", lambda *_: np.full((4, 2), 0.25))
    filled = evaluators.fill_attributes(faces, None)
    assert filled.tolist() == [[-1, -1], [1, -1], [-1, -0.5], [1, -0.5]]


def test_a_share_of_each_batch_wears_glasses(monkeypatch):
    faces = make_faces(200)
    faces.attributes["glasses"] = (np.arange(200) < 20).astype(float)
    monkeypatch.setattr(evaluators, "predict_attributes", lambda *_: np.zeros((200, 2)))
    torch.manual_seed(0)
    _, attributes = evaluators.LabelledFaces(faces, lambda: None, share=0.4).__getitems__(list(range(200)) * 10)
    assert (attributes[:, 1] == 1).float().mean().item() == pytest.approx(0.4, abs=0.04)
    _, attributes = evaluators.LabelledFaces(faces, lambda: None).__getitems__(list(range(200)))
    assert (attributes[:, 1] == 1).sum() == 20


def test_a_network_with_a_critic_has_another_optimizer(monkeypatch):
    found = []

    def note(model, loader, optimizer, build_scheduler, *_, **__):
        found.append((optimizer.param_groups[0]["betas"][0], build_scheduler(optimizer, steps=100)))
        return []

    monkeypatch.setattr(train, "train_model", note)
    model = make_model()
    train.fit(model, mse_step, make_set(), make_set(), TRAIN)
    model.critic = torch.nn.Linear(1, 1)
    train.fit(model, mse_step, make_set(), make_set(), TRAIN)
    assert [momentum for momentum, _ in found] == [0.9, 0.5]
    (factor,) = found[1][1].lr_lambdas
    assert [factor(step) for step in (0, 50, 75, 100)] == [1, 1, 0.5, 0]


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
