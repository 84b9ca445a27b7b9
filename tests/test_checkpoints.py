"""Weights and half-finished trainings: what is written comes back; what is damaged or another's is named or refused."""

import re
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from coursework import checkpoints, provenance
from coursework.datasets import sha256


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
    with pytest.raises(ValueError, match="no trainable parameters"):
        checkpoints.save_weights(tmp_path / "x.safetensors", model.requires_grad_(False), {})


def test_weights_of_another_shape_are_named(tmp_path):
    checkpoints.save_weights(tmp_path / "w.safetensors", make_model(), {})
    with pytest.raises(ValueError, match=r"0\.bias of shape \(3,\), the model expects \(4,\)"):
        checkpoints.load_weights(tmp_path / "w.safetensors", make_model(4))
    with pytest.raises(ValueError, match="no such parameter"):
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
    with pytest.raises(ValueError, match="not a weights file of this course"):
        checkpoints.load_weights(tmp_path / "w.safetensors", make_model())


@pytest.mark.fault("a damaged checkpoint", "a message of one line; training starts from scratch")
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


ITEMS = np.arange(12, dtype=np.uint8).reshape(4, 3)


def make_training(code="code", items=ITEMS, name="faces", **settings):
    data = provenance.fingerprint(name, range(len(items)), items)
    return provenance.Training({"steps": 10, "seed": 1} | settings, code, data)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A week's folder, beside a build folder of its own."""
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path / "build"))
    monkeypatch.delenv("COURSEWORK_REPRODUCE", raising=False)
    (tmp_path / "week").mkdir()
    return tmp_path / "week"


def finish(folder, training, trained, **rest):
    """`obtain` for a small model, whose training writes down that it was called."""
    model = make_model()

    def train(checkpoint, key):
        trained.append(key)
        with torch.no_grad():
            model[0].weight.fill_(len(trained))
        return [{"loss": 0.5, "seconds": 30.0, "steps": 10}]

    facts = checkpoints.obtain("1W", folder, "net", model, training, train, **rest)
    return facts, model[0].weight[0, 0].item()


def commit(folder):
    """What a render does with what is kept."""
    shutil.copytree(checkpoints.keep_dir("1W"), folder, dirs_exist_ok=True)
    shutil.rmtree(checkpoints.build_dir("1W"))


def test_weights_are_trained_once_and_committed_ones_are_loaded(folder):
    trained = []
    facts, value = finish(folder, make_training(), trained)
    assert (facts["origin"], value, len(trained)) == ("computed", 1, 1)
    assert facts["training"] == {"minutes": 0.5, "device": checkpoints.device_name(), "steps": 10}
    assert finish(folder, make_training(), trained) == (facts, 1)  # as in a run that goes on
    commit(folder)
    loaded, value = finish(folder, make_training(), trained)
    assert (loaded["origin"], value, len(trained)) == ("weights", 1, 1)
    assert (
        loaded["digests"] == facts["digests"] == {"weights/net.safetensors": sha256(folder / "weights/net.safetensors")}
    )


def test_retrain_does_not_look_at_committed_weights(folder):
    trained = []
    finish(folder, make_training(), trained)
    commit(folder)
    facts, value = finish(folder, make_training(), trained, retrain=True)
    assert (facts["origin"], value, len(trained)) == ("computed", 2, 2)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (make_training(code="other"), "trained by other code"),
        (make_training(steps=20), r"trained with other settings \(steps 10, now 20\)"),
    ],
)
def test_weights_of_another_training_are_trained_anew_and_refused_while_reproducing(
    folder, monkeypatch, capsys, other, reason
):
    trained = []
    finish(folder, make_training(), trained)
    commit(folder)
    monkeypatch.setenv("COURSEWORK_REPRODUCE", "1")
    with pytest.raises(ValueError, match=rf"weights/net.safetensors: .*{reason}.*use reproduce --retrain"):
        finish(folder, other, trained)
    monkeypatch.setenv("COURSEWORK_REPRODUCE", "")
    facts, value = finish(folder, other, trained)
    assert (facts["origin"], value, len(trained)) == ("computed", 2, 2)
    assert ("training anew" in capsys.readouterr().out) is (other.code == "other")


def test_another_data_set_has_trainings_of_its_own(folder, monkeypatch):
    trained = []
    finish(folder, make_training(), trained)
    commit(folder)
    monkeypatch.setenv("COURSEWORK_REPRODUCE", "1")
    facts, value = finish(folder, make_training(name="drawings"), trained)
    assert (facts["origin"], value, len(trained)) == ("computed", 2, 2)


def test_weights_of_other_classes_are_not_evaluated(folder, monkeypatch):
    finish(folder, make_training(), [], classes=("cat", "dog"))
    commit(folder)
    monkeypatch.setenv("COURSEWORK_REPRODUCE", "1")
    with pytest.raises(ValueError, match="another architecture"):
        finish(folder, make_training(), [], classes=("dog", "cat"))


def test_released_settings_stand_for_the_training(folder):
    trained = []
    finish(folder, make_training(steps=20_000), trained)
    commit(folder)
    facts, _ = finish(folder, make_training(), trained, released=make_training(steps=20_000))
    assert (facts["origin"], len(trained)) == ("weights", 1)


def test_another_copy_of_the_data_is_evaluated_and_counted(folder):
    trained = []
    finish(folder, make_training(), trained)
    commit(folder)
    copy = ITEMS.copy()
    copy[1:3] += 1
    facts, _ = finish(folder, make_training(items=copy), trained)
    assert (facts["origin"], facts["differing"], len(trained)) == ("weights", 2, 1)
    assert finish(folder, make_training(items=ITEMS[:3]), trained)[0]["differing"] == 0  # one is missing, none differs


@pytest.mark.fault("damaged weights while results are reproduced", "an error that names the file; nothing is trained")
def test_damaged_weights_are_refused_while_reproducing(folder, monkeypatch):
    (folder / "weights").mkdir()
    (folder / "weights" / "net.safetensors").write_bytes(b"<!doctype html>")
    trained = []
    monkeypatch.setenv("COURSEWORK_REPRODUCE", "1")
    with pytest.raises(ValueError, match=r"net\.safetensors: damaged"):
        finish(folder, make_training(), trained)
    monkeypatch.setenv("COURSEWORK_REPRODUCE", "")
    assert finish(folder, make_training(), trained)[0]["origin"] == "computed"
    assert len(trained) == 1


def test_records_are_computed_once_and_read_as_records(folder, monkeypatch):
    record = {"map": 0.5, "names": ["helmet", "é"], "none": [], "history": [{"loss": 1.0}, {"loss": 0.5}]}
    first = checkpoints.recorded("1W", folder, "a/b", make_training(), lambda: record)
    assert record.items() <= first.items()
    assert first["origin"] == "computed"
    (path,) = checkpoints.keep_dir("1W").rglob("b.json")
    facts = [name for name in first if name not in ("origin", "digests", "differing")]
    assert len(path.read_text().splitlines()) == 2 + len(facts) + len(record["history"]) + 1
    commit(folder)
    again = checkpoints.recorded("1W", folder, "a/b", make_training(), lambda: pytest.fail("computed again"))
    assert again == first | {"origin": "record"}
    assert checkpoints.recorded("1W", folder, "a/b", make_training(), dict, retrain=True)["origin"] == "computed"
    monkeypatch.setenv("COURSEWORK_REPRODUCE", "1")
    with pytest.raises(ValueError, match=r"a/b\.json: trained by other code"):
        checkpoints.recorded("1W", folder, "a/b", make_training(code="other"), dict)


def test_a_practice_trains_first_and_shows_the_released_weights(folder, monkeypatch, capsys):
    trained, few = [], ITEMS[:2]
    finish(folder, make_training(items=few, pictures=4), trained)
    commit(folder)
    short = make_training(steps=2, items=few)
    facts, value = finish(folder, make_training(items=few, pictures=2), trained, practice=short)
    assert (facts["origin"], value, trained[1:]) == ("weights", 1, [short.key]), "its number of images does not matter"
    assert finish(folder, make_training(items=few), trained, practice=short) == (facts, 1)
    assert len(trained) == 2, "a second run does not train again"
    assert capsys.readouterr().out == ""
    assert not list(checkpoints.keep_dir("1W").rglob("*")), "nothing is kept that a render would release"
    retrained, value = finish(folder, make_training(), trained, practice=short, retrain=True)
    assert (retrained["origin"], value) == ("computed", 2)
    monkeypatch.setenv("COURSEWORK_REPRODUCE", "1")
    with pytest.raises(ValueError, match="trained with other settings"):
        finish(folder, make_training(steps=3), trained, practice=short)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"code": "other"}, "trained by other code"),
        ({"rate": 3}, r"trained with other settings \(rate None, now 3\)"),
        ({"name": "others"}, ""),
    ],
)
def test_after_a_practice_no_change_is_hidden_by_released_weights(folder, capsys, changes, reason):
    trained = []
    finish(folder, make_training(), trained)
    commit(folder)
    facts, value = finish(folder, make_training(**changes), trained, practice=make_training(steps=2, **changes))
    assert (facts["origin"], value, len(trained)) == ("computed", 2, 2)
    told = capsys.readouterr().out
    assert re.search(reason + "; what follows is a training that has only begun", told) if reason else told == ""


def test_a_practice_computes_first_and_shows_the_committed_record(folder, monkeypatch):
    computed, short = [], make_training(steps=2, items=ITEMS[:2])

    def compute():
        computed.append(len(computed))
        return {"map": 0.5 - 0.1 * len(computed)}

    checkpoints.recorded("1W", folder, "a/b", make_training(), compute)
    commit(folder)
    shown = checkpoints.recorded("1W", folder, "a/b", make_training(items=ITEMS[:2]), compute, practice=short)
    assert (shown["origin"], shown["map"], len(computed)) == ("record", 0.4, 2)
    changed = checkpoints.recorded("1W", folder, "a/b", make_training(code="other"), compute, practice=short)
    assert (changed["origin"], changed["map"], len(computed)) == ("computed", 0.3, 2)
    monkeypatch.setenv("COURSEWORK_REPRODUCE", "1")
    with pytest.raises(ValueError, match="trained with other settings"):
        checkpoints.recorded("1W", folder, "a/b", make_training(steps=3), compute, practice=short)
