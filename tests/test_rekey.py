"""Re-stamping: only what trains to the same bits, with the names of settings that changed, and digests that follow."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from coursework import checkpoints, records, rekey
from coursework.datasets import sha256

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
    assert facts["key"] == rekey.short_hash(facts["settings"], "new", "faces", "d")
    record = checkpoints.read_json(week.folder / "run.json")
    assert (record["code"], record["map"], record["key"]) == ("new", 0.5, facts["key"])
    with np.load(week.folder / "grid.npz") as file:
        assert json.loads(str(file["facts"]))["code"] == "new"
        assert file["masks"].tolist() == [0, 1, 2]
    digests = records.read_results(week.results)["runs"]["rows"]["digests"]
    assert digests == {path: sha256(week.folder / path) for path in paths}
    assert digests["weights/other.safetensors"] == run["digests"]["weights/other.safetensors"]


def test_nothing_is_restamped_if_a_training_comes_out_otherwise(week, monkeypatch, capsys, tmp_path):
    places = {}
    for tree, value in (("before", 1.0), ("now", 1.5)):
        model = nn.Linear(2, 1)
        nn.init.constant_(model.weight, value)
        places[tree] = {"net.safetensors": tmp_path / tree / "net.safetensors"}
        checkpoints.save_weights(places[tree]["net.safetensors"], model, BEFORE)
    monkeypatch.setattr(rekey, "check_out", lambda revision, folder: "before")
    monkeypatch.setattr(rekey, "train", lambda week, tree, build: places["before" if tree == "before" else "now"])
    monkeypatch.setattr(rekey, "restamp", None)
    assert rekey.rekey([week], "HEAD") == 1
    assert "net.safetensors differ from the weights trained at HEAD; no file was changed" in capsys.readouterr().out
    places["now"] = places["before"] = {}
    assert rekey.rekey([week], "HEAD") == 1


def test_an_unknown_revision_is_named(week, tmp_path):
    with pytest.raises(ValueError, match="git knows no revision 'no-such-revision'"):
        rekey.rekey([replace(week)], "no-such-revision")
