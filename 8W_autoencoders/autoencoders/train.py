"""How this week's networks are trained: a step function each; the best epoch has the lowest validation loss."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler
from torch.utils.data import DataLoader, Dataset

from coursework.runtime import build_accelerator
from coursework.schedules import one_cycle
from coursework.training import Step, train_model


@dataclass(frozen=True)
class TrainConfig:
    """Training settings; `lr` is the peak learning rate of a one-cycle schedule."""

    epochs: int
    batch_size: int
    lr: float
    precision: str = "no"
    seed: int = 0


def build_loader(data: Dataset, batch_size: int, train: bool = False) -> DataLoader:
    """Batches of a data set whose `__getitems__` returns a whole batch; for training, shuffled and of equal size."""
    drop_last = train and len(data) > batch_size
    return DataLoader(data, batch_size, shuffle=train, drop_last=drop_last, collate_fn=unchanged)


def unchanged(batch: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """The batch as the data set returns it."""
    return batch


@torch.no_grad()  # not inference_mode, which training on several processes does not support
def evaluate_losses(model: nn.Module, step: Step, data: Dataset, accelerator=None, batch: int = 256) -> dict:
    """The mean of each loss of `step` over a data set; its random numbers are the same at every call."""
    accelerator = accelerator or build_accelerator()
    loader = accelerator.prepare(build_loader(data, batch))
    model = model.to(accelerator.device).eval()
    totals, number = {}, 0
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for tensors in loader:
            size = len(tensors[0])
            for name, value in step(model, *tensors).items():
                totals[name] = totals.get(name, 0) + value * size
            number += size
    sums = accelerator.reduce({name: torch.as_tensor(v) for name, v in (totals | {"number": number}).items()})
    count = sums.pop("number")
    return {name: (value / count).item() for name, value in sums.items()}


def fall_late(optimizer: Optimizer, steps: int) -> LRScheduler:
    """A constant learning rate in the first half of the steps, then a linear fall to zero; momentum stays as it is."""
    return LambdaLR(optimizer, lambda step: min(1.0, 2 * (1 - step / steps)))


def parameter_groups(model: nn.Module, lr: float) -> list[dict]:
    """What the optimizer trains; a critic has three times the learning rate of the network that it judges.

    Source: Heusel et al. 2017 (two time-scale update rule), arXiv:1706.08500.
    """
    if not hasattr(model, "critic"):
        return [{"params": list(model.parameters())}]
    return [{"params": list(model.autoencoder.parameters())}, {"params": list(model.critic.parameters()), "lr": 3 * lr}]


def fit(
    model: nn.Module,
    step: Step,
    train: Dataset,
    validation: Dataset,
    config: TrainConfig,
    checkpoint: Path | None = None,
    key: str = "",
    name: str = "training",
    last: bool = False,
) -> list[dict]:
    """Train `model` in place; it ends with the weights of the epoch with the lowest validation loss, or the `last` one.

    `step(model, *batch)` returns the losses of a batch, of which "loss" is minimised. Returns one dict per epoch.
    A model with a `critic` is trained with less momentum, and without the one-cycle schedule, which changes it.
    `checkpoint` and `key` are those of `coursework.training.train_model`.
    """
    accelerator = build_accelerator(config.precision)
    adversarial = hasattr(model, "critic")
    betas = (0.5, 0.99) if adversarial else (0.9, 0.999)
    optimizer = AdamW(parameter_groups(model, config.lr), lr=config.lr, betas=betas, weight_decay=1e-4)
    schedule = fall_late if adversarial else partial(one_cycle, lr=config.lr, warm_up=0.15)

    def validate(model: nn.Module) -> dict[str, float]:
        losses = evaluate_losses(model, step, validation, accelerator)
        return {f"validation {name}": value for name, value in losses.items()}

    return train_model(
        model,
        build_loader(train, config.batch_size, train=True),
        optimizer,
        schedule,
        lambda epoch: step,
        accelerator,
        epochs=config.epochs,
        seed=config.seed,
        validate=validate,
        score=None if last else lambda row: -row["validation loss"],
        checkpoint=checkpoint,
        key=key,
        name=name,
    )
