"""How this week's networks are trained: the optimizer, the schedule, the training step, the best epoch."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader, Sampler
from torchvision.transforms import v2

from coursework.runtime import build_accelerator
from coursework.schedules import one_cycle
from coursework.training import Step, train_model
from simpsons.data import ImageData
from simpsons.evaluate import predict, scores
from simpsons.losses import LogitAdjustedLoss
from simpsons.transforms import AUGMENTATION, ImageDataset, normalise


@dataclass(frozen=True)
class TrainConfig:
    """Training settings: `lr` and `head_lr` are the peak learning rates of the features and of the head.

    `adjustment` is the strength of the logit adjustment.
    """

    epochs: int
    batch: int = 32
    lr: float = 1e-3
    head_lr: float = 1e-3
    adjustment: float = 1.0
    precision: str = "no"
    seed: int = 42


def build_optimizer(model: nn.Module, lr: float, head_lr: float, weight_decay: float = 0.02) -> AdamW:
    """AdamW with one learning rate for the features and another one for the head."""
    groups = [
        {"params": [weight for weight in model.features.parameters() if weight.requires_grad], "lr": lr},
        {"params": model.classifier.parameters(), "lr": head_lr},
    ]
    return AdamW(groups, weight_decay=weight_decay)


def build_schedule(optimizer: Optimizer, steps: int) -> LRScheduler:
    """One cycle: each learning rate rises to its peak in the first fifth of the steps, then falls to almost zero."""
    peaks = [group["lr"] for group in optimizer.param_groups]
    return one_cycle(optimizer, peaks, steps, warm_up=0.2)


def training_step(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, criterion: nn.Module) -> dict:
    """Loss and training accuracy of a batch of images (N, 3, S, S), uint8, with labels (N,)."""
    logits = model(normalise(images))  # (N, classes)
    accuracy = (logits.argmax(dim=1) == labels).float().mean()
    return {"loss": criterion(logits, labels), "training_accuracy": accuracy}


def mixing_step(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, criterion: nn.Module) -> dict:
    """Like `training_step`, but each batch is mixed by MixUp or CutMix, with probability 1/2.

    In a mixed batch, each image is a mixture of two images, and its target the same mixture of their one-hot labels.
    The prediction counts as correct if it is the label with the larger weight. Sources: Zhang et al. 2018,
    arXiv:1710.09412 (MixUp); Yun et al. 2019, arXiv:1905.04899 (CutMix).
    """
    classes = len(criterion.adjustment)  # one value per class; all are 0 if the classes have equal sizes
    mix = v2.RandomChoice([v2.MixUp(num_classes=classes), v2.CutMix(num_classes=classes)])
    images, targets = normalise(images), F.one_hot(labels, classes).float()
    if torch.rand(()) < 0.5:
        images, targets = mix(images, labels)  # (N, 3, S, S), (N, classes)
    logits = model(images.contiguous(memory_format=torch.channels_last))
    accuracy = (logits.argmax(dim=1) == targets.argmax(dim=1)).float().mean()
    return {"loss": criterion(logits, targets), "training_accuracy": accuracy}


def fit(
    model: nn.Module,
    train: ImageData,
    validation: ImageData | None,
    config: TrainConfig,
    checkpoint: Path | None = None,
    key: str = "",
    *,
    augmentation: Callable | None = AUGMENTATION,
    loss: Callable[..., nn.Module] = LogitAdjustedLoss,
    step: Step = training_step,
    sampler: Callable[[np.ndarray], Sampler] | None = None,
    optimizer: Callable[..., Optimizer] = build_optimizer,
    schedule: Callable[..., LRScheduler] = build_schedule,
) -> list[dict]:
    """Train `model` in place; it ends with the weights of the epoch with the lowest validation loss.

    Returns one dict per epoch. Without `validation`, the last epoch's weights are kept. Each epoch goes through all
    images in random order, unless `sampler`, which is called with the labels, selects others.
    """
    accelerator = build_accelerator(config.precision)
    dataset = ImageDataset(train.images, train.labels, augmentation)
    rows = sampler(train.labels) if sampler else None
    loader = DataLoader(dataset, config.batch, rows is None, rows, drop_last=len(dataset) > config.batch)
    criterion = loss(train.labels, model.classifier[-1].out_features, config.adjustment).to(accelerator.device)

    def validate(model: nn.Module) -> dict[str, float]:
        logits, labels = predict(model, validation, accelerator, flip=False)
        tensors = (torch.from_numpy(values).to(accelerator.device) for values in (logits, labels))
        return {"validation_loss": criterion(*tensors).item()} | scores(logits, labels)

    return train_model(
        model,
        loader,
        optimizer(model, config.lr, config.head_lr),
        schedule,
        lambda epoch: partial(step, criterion=criterion),
        accelerator,
        epochs=config.epochs,
        seed=config.seed,
        validate=validate if validation is not None else None,
        score=(lambda row: -row["validation_loss"]) if validation is not None else None,
        checkpoint=checkpoint,
        key=key,
    )
