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
from simpsons import ablation, evaluate, stages, train
from simpsons.config import CONFIGS
from simpsons.data import Pictures
from simpsons.explain import grad_cam
from simpsons.models import Classifier, small_trunk

TRAIN = train.TrainConfig(3, batch=8, lr=3e-3, seed=1)

TINY = replace(CONFIGS["tiny"], practice=False, batch=8, ablation_epochs=1, ablation_side=32)
GALLERY = type("Gallery", (), {"classes": ["a", "b", "c"], "name": "trial"})


def make_pictures(number=36, classes=3, seed=0):
    """Pictures in which the class is the brightest channel."""
    rng = np.random.default_rng(seed)
    labels = np.arange(number) % classes
    images = rng.integers(0, 90, (number, 16, 16, 3), dtype=np.uint8)
    images[np.arange(number), :, :, labels] += 120
    return Pictures(images, labels, [f"{k}.jpg" for k in range(number)])


def make_model(seed=0):
    torch.manual_seed(seed)
    model = Classifier(small_trunk((8, 16)), 16, 3)
    model.kind = "small_cnn"
    return model


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(first, second):
    return all(torch.equal(value, second[name]) for name, value in first.items())


def test_it_learns_and_keeps_the_best_epoch():
    model, pictures = make_model(), make_pictures()
    history = train.fit(model, pictures, make_pictures(seed=5), train.TrainConfig(8, 8, 1e-2, 0.0, seed=1))
    assert len(history) == 8
    assert set(history[0]) == {"loss", "steps", "seconds", "waiting", "accuracy", "macro_f1", "even_f1"}
    assert history[-1]["loss"] < history[0]["loss"]
    best = max(row["even_f1"] for row in history[train.first_candidate(8) :])
    assert best > 0.9
    found = evaluate.scores(*evaluate.predict(model, make_pictures(seed=5), mirrored=False))
    assert found["macro_f1"] == pytest.approx(best)


def test_the_best_of_the_last_third_is_kept(monkeypatch):
    model, pictures, after = make_model(), make_pictures(), []
    scripted = iter([0.1, 0.9, 0.2, 0.2, 0.2, 0.2, 0.3, 0.5, 0.4])  # the second is too early to count
    monkeypatch.setattr(train, "even_f1", lambda *found: after.append(weights(model)) or next(scripted))
    history = train.fit(model, pictures, pictures, train.TrainConfig(9, batch=12, seed=1))
    assert [row["even_f1"] for row in history][6:] == [0.3, 0.5, 0.4]
    assert same(weights(model), after[7])
    assert not same(after[6], after[7])


def test_a_prediction_is_the_same_in_a_mirror():
    model, pictures = make_model(), make_pictures()
    reflected = Pictures(pictures.images[:, :, ::-1], pictures.labels, pictures.files)
    both, again = evaluate.predict(model, pictures)[0], evaluate.predict(model, reflected)[0]
    assert np.allclose(both, again, atol=1e-5)
    one, other = (evaluate.predict(model, part, mirrored=False)[0] for part in (pictures, reflected))
    assert np.allclose(both, (one + other) / 2, atol=1e-5)
    assert not np.allclose(one, other, atol=1e-3)


def test_balanced_sampling_shows_every_class_equally_often():
    labels = np.repeat([0, 1], [990, 10])
    sampler = train.EpochSampler(labels, 1.0, 0)
    shown = labels[list(sampler)]
    assert len(shown) == 1000
    assert 420 < shown.sum() < 580
    first = list(sampler)
    sampler.epoch = 1
    assert list(sampler) != first
    assert sorted(train.EpochSampler(labels, 0.0, 0)) == list(range(1000))
    half = labels[list(train.EpochSampler(labels, 0.5, 0))].sum()
    assert half == pytest.approx(1000 / (1 + 99**0.5), rel=0.25)


def test_the_seed_decides_which_pictures_are_shown():
    labels = np.repeat([0, 1], [50, 50])
    for balance in (0.0, 1.0):
        first, again, other = (list(train.EpochSampler(labels, balance, seed)) for seed in (0, 0, 1))
        assert first == again != other


@pytest.mark.parametrize(
    "call",
    [
        evaluate.predict,
        lambda model, pictures: evaluate.features(model, pictures.images),
        lambda model, pictures: grad_cam(model, pictures.images[0], 0),
    ],
)
def test_who_only_looks_changes_no_network(call):
    model = make_model().train()
    before = weights(model)
    call(model, make_pictures())
    assert same(before, weights(model))


def test_a_margin_takes_the_share_of_a_class_out_of_its_logit():
    """Who knows nothing but the shares answers with them; with margin 1 nothing is left to answer."""
    labels = torch.tensor([0] * 90 + [1] * 10)
    found = {}
    for margin in (0.0, 1.0):
        logits = torch.zeros(2, requires_grad=True)
        criterion = train.TailLoss(labels.numpy(), 2, margin, 0.0)
        optimizer = torch.optim.LBFGS([logits], max_iter=100)

        def closure(criterion=criterion, logits=logits, optimizer=optimizer):
            optimizer.zero_grad()
            loss = criterion(logits.expand(100, 2), labels)
            loss.backward()
            return loss

        optimizer.step(closure)
        found[margin] = (logits[0] - logits[1]).item()
    assert found == {0.0: pytest.approx(np.log(9), abs=1e-3), 1.0: pytest.approx(0, abs=1e-3)}
    absent = train.TailLoss(np.array([0, 0]), 3, 0.5, 0.0)
    assert torch.isfinite(absent.handicap).all()


def test_finished_weights_are_loaded_and_rounded_alike(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    pictures, model, again = make_pictures(), make_model(), make_model(3)
    rest = GALLERY, TINY
    first = stages.obtain("trial", model, pictures, pictures, TRAIN, *rest)
    second = stages.obtain("trial", again, pictures, pictures, TRAIN, *rest)
    assert first == second  # to the last digit of its seconds: it was not trained again
    assert same(weights(model), weights(again))
    assert not list(tmp_path.rglob("*.checkpoint"))
    other = train.TrainConfig(1, batch=8, seed=2)
    assert stages.obtain("trial", make_model(), pictures, pictures, other, *rest)["digests"] != first["digests"]


def test_committed_weights_belong_to_the_record():
    runs = records.read_results(stages.FOLDER / "results.json")["runs"].values()
    recorded = {name: digest for run in runs for name, digest in run["digests"].items()}
    files = sorted((stages.FOLDER / "weights").glob("*.safetensors"))
    assert recorded
    for path in files:
        assert recorded[f"weights/{path.name}"] == sha256(path)
    assert sum(path.stat().st_size for path in files) < 17e6
    assert all("key" in checkpoints.read_facts(path) for path in files)


def test_ablation_rows_are_computed_once(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    rows = [ablation.Row("small_cnn_28", "scratch", "plain"), ablation.Row("small_cnn_28", "scratch", "both")]
    monkeypatch.setattr(ablation, "all_rows", lambda backbone: rows)
    pictures = make_pictures(30)
    monkeypatch.setattr(ablation, "third", lambda gallery, config: (pictures, pictures, pictures))
    table, found = ablation.ablate(GALLERY, TINY, "small_cnn", compute=False)
    assert (len(table), found) == (0, [])
    table, found = ablation.ablate(GALLERY, TINY, "small_cnn", compute=True)
    assert table["variant"].tolist() == ["plain", "both"]
    assert [record["origin"] for record in found] == ["computed", "computed"]
    monkeypatch.setattr(ablation, "fit", None)
    assert ablation.ablate(GALLERY, TINY, "small_cnn", compute=False)[0].equals(table)


LAUNCH = """
import sys
import numpy as np, torch
from coursework.runtime import build_accelerator, leave_together
from simpsons.evaluate import predict
from simpsons.train import fit
sys.path.insert(0, {tests!r})
from test_simpsons_train import TRAIN, make_model, make_pictures
accelerator = build_accelerator()
logits, labels = predict(make_model(), make_pictures(37), accelerator, batch=4)
assert labels.tolist() == make_pictures(37).labels.tolist(), "each once, in order"
history = fit(make_model(), make_pictures(24), make_pictures(9), TRAIN)  # judged after each epoch, by all
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
    killed, whole = kill_and_go_on(tmp_path, "test_simpsons_train", "simpsons", "make_pictures(), make_pictures()")
    assert same(killed, whole)
