"""How this week's networks are trained: by a step function each; the best epoch has the least validation loss.

The step functions, such as `autoencoder_loss`, are those of `autoencoders.losses`.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from coursework.runtime import build_accelerator
from coursework.schedules import one_cycle
from coursework.training import Step, train_model


@dataclass(frozen=True)
class TrainConfig:
    """How to train; `lr` is the highest learning rate of a one-cycle schedule."""

    epochs: int
    batch: int = 64
    lr: float = 2e-3
    precision: str = "no"
    seed: int = 0


@torch.no_grad()  # not inference_mode, which several processes do not survive
def validate(model: nn.Module, step: Step, data: Dataset, accelerator=None, batch: int = 256) -> dict[str, float]:
    """The mean of each loss of `step` over a data set; random numbers in it are the same at every call."""
    accelerator = accelerator or build_accelerator()
    loader = accelerator.prepare(DataLoader(data, batch))
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


def fit(
    model: nn.Module,
    step: Step,
    train: Dataset,
    validation: Dataset,
    config: TrainConfig,
    checkpoint: Path | None = None,
    key: str = "",
) -> list[dict]:
    """Train `model` in place; it ends with the weights of the epoch with the least validation loss. One dict an epoch.

    `step(model, *batch)` returns the losses of a batch, of which "loss" is minimised. `checkpoint` and `key` are those
    of `coursework.training.train_model`.
    """
    accelerator = build_accelerator(config.precision)
    loader = DataLoader(train, config.batch, shuffle=True, drop_last=len(train) > config.batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr, weight_decay=1e-4)

    def validation_losses(model: nn.Module) -> dict[str, float]:
        losses = validate(model, step, validation, accelerator)
        return {f"validation {name}": value for name, value in losses.items()}

    return train_model(
        model,
        loader,
        optimizer,
        partial(one_cycle, lr=config.lr, warm_up=0.15),
        lambda epoch: step,
        accelerator,
        epochs=config.epochs,
        seed=config.seed,
        validate=validation_losses,
        score=lambda row: -row["validation loss"],
        checkpoint=checkpoint,
        key=key,
    )
