"""Re-stamping: only what trains to the same bits, with the names of settings that changed, and digests that follow."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from coursework import checkpoints, records, rekey
from coursework.datasets import sha256
from coursework.provenance import short_hash

DATA = {"name": "faces", "items": 2, "hash": "d"}
BEFORE = {"key": "k", "code": "old", "settings": {"rate": 0.1, "steps": 5}, "data": DATA, "architecture": "a"}
STAMPS = {"old": ("new", {"rate": "lr"})}


def test_names_of_settings_follow_their_values():
    assert rekey.renamed({"rate": 0.1, "steps": 5}, {"lr": 0.1, "steps": 5}) == {"rate": "lr"}
    assert rekey.renamed({"steps": 5}, {"steps": 5}) == {}
    unclear = ({"rate": 0.1}, {"lr": 0.2}), ({"a": 1, "b": 1}, {"c": 1, "d": 1}), ({"a": 1}, {"a": 1, "b": 2})
    for before, now in unclear:
        with pytest.raises(ValueError, match="cannot match old settings"):
            rekey.renamed(before, now)


def test_files_get_new_facts_and_results_their_digests(week):
    model = nn.Linear(2, 1)
    checkpoints.save_weights(week.folder / "weights" / "net.safetensors", model, BEFORE)
    checkpoints.save_weights(week.folder / "weights" / "other.safetensors", model, BEFORE | {"code": "of another"})
    (week.folder / "run.json").write_text(checkpoints.to_json(BEFORE | {"map": 0.5}))
    np.savez_compressed(week.folder / "grid.npz", facts=json.dumps(BEFORE), masks=np.arange(3))
    run = {key: {} for key in records.RUN_KEYS} | {"data": {"name": "rows", "source": "", "items": 1}}
    paths = ("weights/net.safetensors", "weights/other.safetensors", "run.json", "grid.npz")
    run["digests"] = {path: sha256(week.folder / path) for path in paths}
    records.write_results(week.results, {"headline": "rows", "runs": {"rows": run}})
    assert rekey.restamp(week, STAMPS) == ["grid.npz", "run.json", "weights/net.safetensors"]
    facts = checkpoints.load_weights(week.folder / "weights" / "net.safetensors", other := nn.Linear(2, 1))
    assert torch.equal(other.weight, model.weight.half().float())
    assert (facts["code"], facts["settings"]) == ("new", {"lr": 0.1, "steps": 5})
    assert facts["key"] == short_hash(facts["settings"], "new", "faces", "d")
    record = checkpoints.read_json(week.folder / "run.json")
    assert (record["code"], record["map"], record["key"]) == ("new", 0.5, facts["key"])
    with np.load(week.folder / "grid.npz") as file:
        assert json.loads(str(file["facts"]))["code"] == "new"
        assert file["masks"].tolist() == [0, 1, 2]
    digests = records.read_results(week.results)["runs"]["rows"]["digests"]
    assert digests == {path: sha256(week.folder / path) for path in paths}
    assert digests["weights/other.safetensors"] == run["digests"]["weights/other.safetensors"]


def leave(folder, code="old", weight=1.0, loss=0.5, seconds=1.0, kid=0.25, mask=1):
    """Write what a training leaves, weights, a record and arrays, and return it as `rekey.train` does."""
    history = {"history": [{"step": 5, "loss": loss, "seconds": seconds, "device": f"device {seconds}"}]}
    facts = BEFORE | {"code": code, "training": {"minutes": seconds}} | history
    model = nn.Linear(2, 1, bias=False)
    nn.init.constant_(model.weight, weight)
    checkpoints.save_weights(folder / "net.safetensors", model, facts)
    record = facts | {"kid": kid, "seconds": seconds, "history": []}
    (folder / "run.json").write_text(checkpoints.to_json(record))
    np.savez_compressed(folder / "grid.npz", facts=json.dumps(facts | {"history": []}), masks=np.full(3, mask))
    return {path.name: path for path in rekey.stamped_files(folder)}


@pytest.fixture
def leave_both(week, monkeypatch, tmp_path):
    """A function that has the trainings of `rekey` leave two given sets of files."""

    def leave_both(**changes):
        places = {"before": leave(tmp_path / "before"), "now": leave(tmp_path / "now", "new", **changes)}
        monkeypatch.setattr(rekey, "check_out", lambda revision, folder: "before")
        monkeypatch.setattr(rekey, "train", lambda week, tree, build: places["before" if tree == "before" else "now"])
        return places

    return leave_both


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"weight": 1.5}, "net.safetensors"),
        ({"loss": 0.50001}, "net.safetensors"),
        ({"kid": 9.9}, "run.json"),
        ({"mask": 2}, "grid.npz"),
    ],
)
def test_nothing_is_restamped_if_a_training_comes_out_otherwise(week, leave_both, monkeypatch, capsys, change, name):
    leave_both(**change)
    monkeypatch.setattr(rekey, "restamp", None)
    assert rekey.rekey([week], "HEAD") == 1
    assert f"1W: {name} differ from what the trainings at HEAD gave; no file was changed" in capsys.readouterr().out


@pytest.mark.parametrize("tree", ["before", "now"])
def test_nothing_is_restamped_if_a_file_is_missing_or_nothing_was_trained(week, leave_both, monkeypatch, capsys, tree):
    places = leave_both()
    monkeypatch.setattr(rekey, "restamp", None)
    del places[tree]["run.json"]
    assert rekey.rekey([week], "HEAD") == 1
    assert "run.json differ" in capsys.readouterr().out
    places["before"].clear()
    places["now"].clear()
    assert rekey.rekey([week], "HEAD") == 1
    assert "nothing was trained" in capsys.readouterr().out


def test_trainings_that_differ_in_time_only_are_restamped(week, leave_both, capsys):
    (week.folder / "run.json").write_text(checkpoints.to_json(BEFORE | {"kid": 0.5}))
    leave_both(seconds=2.0)
    assert rekey.rekey([week], "HEAD") == 0
    assert "3 weights and records equal to the last bit; re-stamped 1 files" in capsys.readouterr().out
    assert checkpoints.read_json(week.folder / "run.json")["code"] == "new"


def test_an_unknown_revision_is_named(week, tmp_path):
    with pytest.raises(ValueError, match="git knows no revision 'no-such-revision'"):
        rekey.rekey([replace(week)], "no-such-revision")
