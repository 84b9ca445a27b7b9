"""How this week's networks are trained: the losses by epoch, the training step, and the choice of the best epoch."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader

from coursework.runtime import build_accelerator
from coursework.schedules import one_cycle
from coursework.training import Step, train_model
from segmentation.data import Lesions
from segmentation.evaluate import predict, scores
from segmentation.losses import LOSSES, bce_loss
from segmentation.transforms import LesionSet, build_augmentation, to_network


@dataclass(frozen=True)
class TrainConfig:
    """How to train; `lr` is the highest learning rate of a one-cycle schedule.

    `warmup` is the fraction of the epochs, the first ones, that are trained with cross-entropy.
    """

    loss: str
    epochs: int
    batch: int = 16
    lr: float = 2e-3
    warmup: float = 0.2
    precision: str = "no"
    seed: int = 0

    def loss_of(self, epoch: int):
        """Cross-entropy at first, then `loss`. Raises ValueError for an unknown loss."""
        if self.loss not in LOSSES:
            raise ValueError(f"unknown loss {self.loss!r}; there are: {', '.join(LOSSES)}")
        return bce_loss if epoch < self.warmup * self.epochs else LOSSES[self.loss]


def segmentation_step(
    model: nn.Module, images: torch.Tensor, masks: torch.Tensor, loss: Callable
) -> dict[str, torch.Tensor]:
    """The loss of a batch: images (N, 3, S, S) in [0, 255], masks (N, 1, S, S) of 0 and 1."""
    logits = model(to_network(images))  # (N, 1, S, S), float32 in every precision
    return {"loss": loss(logits, masks)}


def fit(
    model: nn.Module,
    train: Lesions,
    validation: Lesions,
    config: TrainConfig,
    checkpoint: Path | None = None,
    key: str = "",
) -> list[dict]:
    """Train `model` in place; it ends with the weights of the epoch with the highest validation IoU. One dict an epoch.

    `checkpoint` and `key` are those of `coursework.training.train_model`.
    """
    accelerator = build_accelerator(config.precision)
    dataset = LesionSet(train, build_augmentation())
    loader = DataLoader(dataset, config.batch, shuffle=True, drop_last=len(dataset) > config.batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr, weight_decay=1e-2)

    def begin_epoch(epoch: int) -> Step:
        return partial(segmentation_step, loss=config.loss_of(epoch))

    def validate(model: nn.Module) -> dict[str, float]:
        return scores(predict(model, validation, accelerator, config.batch, mirrored=False)[0])

    return train_model(
        model,
        loader,
        optimizer,
        partial(one_cycle, lr=config.lr, warm_up=0.2),
        begin_epoch,
        accelerator,
        epochs=config.epochs,
        seed=config.seed,
        validate=validate,
        score=itemgetter("iou"),
        checkpoint=checkpoint,
        key=key,
        name=config.loss,
    )
