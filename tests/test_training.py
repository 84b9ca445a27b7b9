"""The shared training loop: it learns, keeps the best weights, resumes to the last bit, and names a broken loss."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from coursework import training
from coursework.runtime import build_accelerator
from coursework.schedules import one_cycle

EPOCHS = 3


def make_model(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.25), nn.Linear(4, 1))


def make_data(number=12, seed=0):
    """Targets are the difference of two inputs."""
    inputs = torch.randn(number, 2, generator=torch.Generator().manual_seed(seed))
    return TensorDataset(inputs, inputs[:, :1] - inputs[:, 1:])


def regression_step(model, inputs, targets):
    loss = F.mse_loss(model(inputs), targets)
    return {"loss": loss, "root": loss.sqrt()}


def train(model, epochs=EPOCHS, batch=4, seed=1, begin_epoch=lambda epoch: regression_step, **settings):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loader, schedule = DataLoader(make_data(), batch, shuffle=True), partial(one_cycle, lr=0.1, warm_up=0.2)
    accelerator = build_accelerator()
    arguments = model, loader, optimizer, schedule, begin_epoch, accelerator
    return training.train_model(*arguments, epochs=epochs, seed=seed, **settings)


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(first, second):
    return all(torch.equal(value, second[name]) for name, value in first.items())


def test_it_learns_and_averages_every_loss():
    history = train(make_model(), epochs=20)
    assert set(history[0]) == {"loss", "root", "steps", "seconds", "waiting"}
    assert [row["steps"] for row in history] == [3] * 20
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]
    assert history[0]["seconds"] >= history[0]["waiting"] >= 0


@pytest.mark.parametrize(
    ("settings", "kept"), [({}, 5), ({"score": lambda row: row["iou"]}, 1), ({"score": lambda row: -row["iou"]}, 4)]
)
def test_the_weights_of_the_best_epoch_are_kept(settings, kept):
    model, after, ious = make_model(), [], iter([0.2, 0.9, 0.3, 0.4, 0.1, 0.5])
    history = train(
        model, 6, validate=lambda network: after.append(weights(network)) or {"iou": next(ious)}, **settings
    )
    assert [row["iou"] for row in history] == [0.2, 0.9, 0.3, 0.4, 0.1, 0.5]
    assert [same(weights(model), state) for state in after] == [epoch == kept for epoch in range(6)]


def test_of_equal_epochs_the_later_is_better_and_early_ones_may_be_excluded():
    rows = [{"iou": value} for value in (0.9, 0.3, 0.5, 0.5, 0.4)]
    best = [training.is_best(rows[:number], lambda row: row["iou"]) for number in range(1, 6)]
    assert best == [True, False, False, False, False]
    best = [training.is_best(rows[:number], lambda row: row["iou"], 2) for number in range(1, 6)]
    assert best == [True, True, True, True, False]


@pytest.mark.parametrize(("epochs", "batch"), [(1, 12), (5, 12)])
def test_a_training_may_have_five_steps_or_one(epochs, batch):
    model = make_model()
    before = weights(model)
    assert len(train(model, epochs, batch)) == epochs
    assert not torch.allclose(before["0.weight"], model[0].weight, atol=1e-4)


def test_each_epoch_has_its_step_function():
    begun = []

    def begin_epoch(epoch):
        begun.append(epoch)
        return lambda model, *batch: {"loss": (epoch + 1) * regression_step(model, *batch)["loss"].square().add(1)}

    train(make_model(), begin_epoch=begin_epoch)
    assert begun == [0, 1, 2]
    losses = [row["loss"] for row in train(make_model(), begin_epoch=begin_epoch)]
    assert all(loss > epoch + 1 for epoch, loss in enumerate(losses))


def test_every_epoch_of_every_seed_draws_other_numbers(monkeypatch):
    seen = []
    monkeypatch.setattr(training, "train_epoch", lambda *given: seen.append(torch.initial_seed()) or {"loss": 0.0})
    for seed in (1, 2, 1):
        train(make_model(), seed=seed)
    assert len(set(seen[:6])) == 6
    assert seen[6:] == seen[:3]


def test_the_same_training_gives_the_same_weights():
    models = make_model(), make_model()
    for model in models:
        train(model)
    assert same(*map(weights, models))


class KilledError(RuntimeError):
    """Stands for a kill."""


@pytest.mark.parametrize("finished", [1, 2])
def test_a_killed_training_ends_with_the_same_weights(tmp_path, finished):
    def begin_epoch(epoch):
        if epoch == finished:
            raise KilledError
        return regression_step

    checkpointed = {"checkpoint": tmp_path / "c", "key": "k", "score": lambda row: -row["loss"]}
    whole, resumed = make_model(), make_model(seed=9)  # the checkpoint decides, not the initial weights
    expected = train(whole, score=checkpointed["score"])
    with pytest.raises(KilledError):
        train(make_model(), begin_epoch=begin_epoch, **checkpointed)
    history = train(resumed, **checkpointed)
    assert same(weights(whole), weights(resumed))
    assert [row["loss"] for row in history] == [row["loss"] for row in expected]
    assert not (tmp_path / "c").exists()


def test_a_checkpoint_of_another_training_is_not_resumed(tmp_path):
    whole, other = make_model(), make_model()
    train(whole)
    with pytest.raises(KilledError):
        train(make_model(3), begin_epoch=stop_at_one, checkpoint=tmp_path / "c", key="another")
    train(other, checkpoint=tmp_path / "c", key="k")
    assert same(weights(whole), weights(other))


def stop_at_one(epoch):
    if epoch == 1:
        raise KilledError
    return regression_step


def test_a_loss_that_is_not_finite_is_named():
    model = make_model()
    with torch.no_grad():
        model[0].weight.fill_(float("nan"))
    with pytest.raises(ValueError, match=r"the loss is nan in epoch 1, at a learning rate of .*; use a lower one"):
        train(model)
