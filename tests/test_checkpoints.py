"""Weights and half-finished trainings: what is written comes back; what is damaged or another's is named or refused."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from coursework import checkpoints


def make_model(width=3):
    return nn.Sequential(nn.Linear(2, width), nn.BatchNorm1d(width), nn.Linear(width, 1))


def test_weights_come_back_in_half_precision_with_their_facts(tmp_path):
    model, other = make_model(), make_model()
    checkpoints.save_weights(tmp_path / "w.safetensors", model, {"key": "k", "history": [{"loss": 0.5}]})
    facts = checkpoints.load_weights(tmp_path / "w.safetensors", other)
    assert facts == {"key": "k", "history": [{"loss": 0.5}]}
    for name, value in model.state_dict().items():
        expected = value.half().float() if value.is_floating_point() else value
        assert torch.equal(other.state_dict()[name], expected), name


def test_a_frozen_part_is_not_stored(tmp_path):
    model = make_model()
    model[0].requires_grad_(False)
    checkpoints.save_weights(tmp_path / "w.safetensors", model, {})
    other = make_model()
    other[0].requires_grad_(False)
    before = other[0].weight.clone()
    checkpoints.load_weights(tmp_path / "w.safetensors", other)
    assert torch.equal(other[0].weight, before)
    assert torch.equal(other[2].weight, model[2].weight.half().float())
    with pytest.raises(ValueError, match=r"lacks 0\.bias and 1 more"):
        checkpoints.load_weights(tmp_path / "w.safetensors", make_model())
    with pytest.raises(ValueError, match="nothing that it could learn"):
        checkpoints.save_weights(tmp_path / "x.safetensors", model.requires_grad_(False), {})


def test_weights_of_another_shape_are_named(tmp_path):
    checkpoints.save_weights(tmp_path / "w.safetensors", make_model(), {})
    with pytest.raises(ValueError, match=r"0\.bias of shape \(3,\), the model expects \(4,\)"):
        checkpoints.load_weights(tmp_path / "w.safetensors", make_model(4))
    with pytest.raises(ValueError, match="no such part"):
        checkpoints.load_weights(tmp_path / "w.safetensors", nn.Linear(2, 3))


@pytest.mark.fault("weights that are empty, HTML, or cut off", "an error that names the file; the notebook trains anew")
@pytest.mark.parametrize("content", [b"", b"<!doctype html>", b"\x08\0\0\0\0\0\0\0{}"])
def test_damaged_weights_are_named(tmp_path, content):
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    assert checkpoints.read_facts(path) is None
    with pytest.raises(ValueError, match=r"w\.safetensors is damaged"):
        checkpoints.load_weights(path, make_model())


def test_missing_and_foreign_weights_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="restore it from git"):
        checkpoints.load_weights(tmp_path / "w.safetensors", make_model())
    save_file({"a": torch.zeros(1)}, tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match="no weights file of this course"):
        checkpoints.load_weights(tmp_path / "w.safetensors", make_model())


@pytest.mark.fault("a damaged checkpoint", "said in one line; the training begins anew")
def test_checkpoints_are_read_by_key_only(tmp_path, capsys):
    path = tmp_path / "run.checkpoint"
    assert checkpoints.load_checkpoint(path, "k") is None
    checkpoints.save_checkpoint(path, {"key": "k", "epoch": 3, "weights": torch.ones(2)})
    assert checkpoints.load_checkpoint(path, "k")["epoch"] == 3
    assert checkpoints.load_checkpoint(path, "other") is None
    path.write_bytes(path.read_bytes()[:50])
    assert checkpoints.load_checkpoint(path, "k") is None
    assert "run.checkpoint is damaged" in capsys.readouterr().out


@pytest.mark.fault("a pickle that would run code", "refused; nothing of it runs")
def test_a_checkpoint_that_would_run_code_is_refused(tmp_path, capsys):
    class Evil:
        def __reduce__(self):
            return print, ("ran",)

    torch.save({"key": "k", "evil": Evil()}, tmp_path / "run.checkpoint")
    assert checkpoints.load_checkpoint(tmp_path / "run.checkpoint", "k") is None
    assert "ran\n" not in capsys.readouterr().out


def test_keys_tell_all_parts_apart():
    images = np.arange(6, dtype=np.uint8).reshape(2, 3)
    keys = {
        checkpoints.training_key(*parts)
        for parts in (
            ("a", images),
            ("b", images),
            ("a", images.reshape(3, 2)),
            ("a", images.astype(np.int16)),
            ("a", images + 1),
            ("a", images, {"rate": 1}),
        )
    }
    assert len(keys) == 6
    assert checkpoints.training_key("a", {"x": 1, "y": 2}) == checkpoints.training_key("a", {"y": 2, "x": 1})


def test_records_take_a_line_for_each_value_and_each_row(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    record = {"map": 0.5, "names": ["helmet", "é"], "none": [], "history": [{"loss": 1.0}, {"loss": 0.5}]}
    assert checkpoints.recorded("1W", tmp_path, "a/b", "k", lambda: record) == {"key": "k", **record}
    (path,) = tmp_path.rglob("b.json")
    assert len(path.read_text().splitlines()) == 2 + len({"key": "k", **record}) + len(record["history"]) + 1
    again = checkpoints.recorded("1W", tmp_path, "a/b", "k", lambda: pytest.fail("computed again"))
    assert again == {"key": "k", **record}


@pytest.mark.parametrize("retrain", [False, True])
def test_committed_weights_are_used_unless_a_training_is_asked_for(tmp_path, monkeypatch, retrain):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path / "build"))
    committed, model, trained = make_model(), make_model(), []
    checkpoints.save_weights(tmp_path / "weights" / "trial.safetensors", committed, {"key": "k", "history": []})

    def train(*arguments):
        trained.append(1)
        with torch.no_grad():
            model[0].weight.fill_(0.5)
        return [{"loss": 0.25}]

    facts = checkpoints.obtain("6W", tmp_path, "trial", model, "k", train, retrain=retrain)
    assert len(trained) == retrain
    assert facts["history"] == [{"loss": 0.25}] * retrain
    assert torch.equal(model[0].weight, torch.full((3, 2), 0.5) if retrain else committed[0].weight.half().float())


@pytest.mark.parametrize("retrain", [False, True])
def test_committed_records_are_read_unless_a_training_is_asked_for(tmp_path, monkeypatch, retrain):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path / "build"))
    (tmp_path / "trial.json").write_text('{"key": "k", "loss": 0.5}')
    found = checkpoints.recorded("6W", tmp_path, "trial", "k", lambda: {"loss": 0.25}, retrain=retrain)
    assert found["loss"] == (0.25 if retrain else 0.5)
