"""The loop and the stages of week 8: they learn, keep the best epoch, and go on after a kill to the last bit."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from killing import kill_and_go_on

from autoencoders import __main__ as command
from autoencoders import stages, train
from autoencoders.config import CONFIGS
from autoencoders.data import Faces
from autoencoders.digits import Digits
from autoencoders.losses import autoencoder_loss, digit_elbo
from autoencoders.models import build_digit_model, build_face_model
from autoencoders.sets import DigitSet, FaceSet

TRAIN = train.TrainConfig(3, batch=4, lr=5e-3, seed=1)
CONFIG = replace(CONFIGS["tiny"], side=16, width=4, latent=8, denoiser_width=4, digit_hidden=16, cvae_hidden=16)


def make_faces(number=16, seed=0):
    """Light discs on dark ground, somewhere."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:16, 0:16]
    middles = rng.uniform(5, 11, (number, 2))
    masks = np.stack([np.hypot(columns - x, rows - y) < 4 for x, y in middles])
    return (40 + 170 * masks[..., None] * np.ones(3)).astype(np.uint8)


def make_known(number, people=None):
    """Faces with names."""
    people, files = np.arange(number).astype(str) if people is None else people, [f"{k}.jpg" for k in range(number)]
    return Faces(make_faces(number), files, people, pd.DataFrame(index=range(number)), "trial", "discs")


def make_set(number=16, seed=0):
    return FaceSet(make_faces(number, seed))


def make_model(seed=0):
    torch.manual_seed(seed)
    return build_face_model("ae", 16, 4, 8)


def make_digits(number=40):
    rng = np.random.default_rng(0)
    labels = np.arange(number) % 10
    images = np.zeros((number, 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[2 * label : 2 * label + 6, 4:24] = rng.integers(200, 255)
    return Digits(images, labels, images[:10], labels[:10], images[:10], labels[:10])


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(first, second):
    return all(torch.equal(value, second[name]) for name, value in first.items())


def test_it_learns_and_keeps_the_best_epoch():
    model, validation = make_model(), make_set(6, 3)
    history = train.fit(model, autoencoder_loss, make_set(32), validation, train.TrainConfig(20, 8, 5e-3))
    assert set(history[0]) == {"loss", "steps", "seconds", "waiting", "validation loss"}
    best = min(row["validation loss"] for row in history)
    assert best < 0.5 * history[0]["validation loss"]
    assert train.validate(model, autoencoder_loss, validation)["loss"] == pytest.approx(best, rel=1e-5)


def test_every_loss_of_a_step_is_kept():
    model = build_digit_model("vae", 16, 4)
    data = DigitSet(make_digits().train, seed=0)
    history = train.fit(model, digit_elbo, data, data, TRAIN)
    row = history[-1]
    assert row["validation loss"] == pytest.approx(row["validation reconstruction"] + row["validation kl"], rel=1e-5)
    assert train.validate(model, digit_elbo, data) == train.validate(
        model, digit_elbo, data
    )  # the same noise each time


def test_a_validation_is_without_dropout_and_leaves_the_batch_norm_alone():
    model = torch.nn.Sequential(torch.nn.BatchNorm1d(4), torch.nn.Dropout(0.5)).train()
    data = torch.utils.data.TensorDataset(3 + torch.arange(24.0).view(6, 4))
    found = train.validate(model, lambda network, inputs: {"loss": network(inputs).mean()}, data)
    assert found["loss"] == pytest.approx(14.5, rel=1e-4)  # the mean itself: nothing has been measured yet
    assert model[0].running_mean.tolist() == [0] * 4


@pytest.mark.fault(
    "kill -9 in the middle of an epoch (8W)",
    "the same command goes on from the last finished epoch; weights equal to the last bit",
)
@pytest.mark.slow  # in every run with 6W, whose loop is the same
def test_a_training_killed_by_the_system_goes_on(tmp_path):
    """kill -9 in the middle of an epoch; the same command ends with the weights of one that was never killed."""
    parts = "autoencoder_loss, make_set(), make_set(4, 1)"
    killed, whole = kill_and_go_on(tmp_path, "test_autoencoders_train", "autoencoders", parts)
    assert same(killed, whole)


def test_stages_are_finished_once(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    images = make_known(16), {"train": np.arange(12), "validation": np.arange(12, 16)}
    first = stages.face_stages(CONFIG, *images)
    assert set(first) == {"face_ae", "face_vae", "denoiser"}
    facts = stages.finish_all(first, CONFIG)
    assert {found["training"]["steps"] for found in facts.values()} == {2}  # one an epoch
    second = stages.face_stages(CONFIG, *images)
    for name, stage in second.items():
        found = stages.finish(name, stage, CONFIG)
        assert found == facts[name]
        assert same(weights(first[name].model), weights(stage.model))
    for changes in ({"lr": 1e-4}, {"deviation": 0.2}):
        other = stages.face_stages(replace(CONFIG, **changes), *images)["face_vae"]
        assert stages.finish("face_vae", other, CONFIG)["digests"] != facts["face_vae"]["digests"]


def test_people_are_part_of_what_tells_trainings_apart(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    people, keys = np.repeat(["a", "b", "c"], 3), set()
    for whose in (people, people[::-1], np.roll(people, 1)):
        keys.add(stages.training_of("people", stages.people_stage(CONFIG, make_known(9, whose), np.arange(9))).key)
    assert len(keys) == 3


def test_stages_of_digits():
    found = stages.digit_stages(CONFIG, make_digits())
    assert set(found) == {"digit_vae", "digit_cvae", "reader", "digit_plane", "digit_beta_0.5", "digit_beta_4"}
    assert found["digit_plane"].model.latent == 2
    for stage in found.values():
        batch = [tensor[None].repeat(2, *[1] * tensor.ndim) for tensor in stage.train[0]]
        assert stage.step(stage.model, *batch)["loss"].isfinite()


def test_people_are_told_apart_from_three_pictures_each():
    faces = make_known(9, np.array(list("aaabbcccc")))
    stage = stages.people_stage(CONFIG, faces, np.arange(9))
    assert len(stage.train) == 5
    assert len(stage.validation) == 2
    assert stage.model.people.shape[0] == 2
    assert sorted(int(stage.train[row][1]) for row in range(5)) == [0, 0, 1, 1, 1]
    with pytest.raises(ValueError, match="nobody has three pictures"):
        stages.people_stage(CONFIG, faces, np.array([0, 1, 3, 4]))


def test_the_command_trains_a_part_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    monkeypatch.setattr(command, "load_config", lambda week, configs: replace(CONFIG, digits=60, digit_epochs=1))
    assert command.main(["digits"]) == 0
    assert "digit_cvae: computed, 2 epochs" in (first := capsys.readouterr().out)
    assert command.main(["digits"]) == 0
    assert capsys.readouterr().out == first  # to the last digit of its minutes: nothing was trained again
    for wrong in ([], ["x"], ["faces", "digits"]):
        assert command.main(wrong) == 2
        assert "python -m autoencoders" in capsys.readouterr().err
