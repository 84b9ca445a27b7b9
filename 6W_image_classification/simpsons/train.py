"""How this week's networks are trained: the sampler, the loss, the training step, and the choice of the best epoch."""

from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Sampler

from coursework.runtime import build_accelerator
from coursework.schedules import one_cycle
from coursework.training import Step, train_model
from simpsons.augment import CHANGES, PictureSet, build_augmentation, to_network
from simpsons.data import Pictures
from simpsons.evaluate import even_f1, predict, scores


@dataclass(frozen=True)
class TrainConfig:
    """How to train; `lr` is the highest learning rate of a one-cycle schedule.

    `balance` shows rare classes more often (see `EpochSampler`), `margin` asks of them to win by more (`TailLoss`).
    """

    epochs: int
    batch: int = 32
    lr: float = 1e-3
    smoothing: float = 0.1
    augment: tuple[str, ...] = tuple(CHANGES)
    balance: float = 1.0
    margin: float = 0.0
    precision: str = "no"
    seed: int = 42


class EpochSampler(Sampler):
    """Rows in random order. `balance` 0 shows every picture once an epoch, 1 every class equally often, by drawing.

    In between, a class with a hundred times the pictures is shown 100^(1 - balance) times as often. The epoch and the
    seed decide which rows are drawn.
    """

    def __init__(self, labels: np.ndarray, balance: float, seed: int):
        self.labels, self.balance, self.seed, self.epoch = labels, balance, seed, 0

    def __len__(self):
        return len(self.labels)

    def __iter__(self):
        rng = np.random.default_rng([self.seed, self.epoch])
        if self.balance == 0:
            return iter(rng.permutation(len(self.labels)).tolist())
        weights = (1 / np.bincount(self.labels)[self.labels]) ** self.balance
        return iter(rng.choice(len(self.labels), len(self.labels), p=weights / weights.sum()).tolist())


class TailLoss(nn.Module):
    """Cross-entropy with smoothed labels in which rare classes have to win by more.

    `margin` times the log of each class's share of the training pictures is added to its logit, as a handicap: a rare
    class starts behind, and so its logit learns to be as much higher. Source: Menon et al. 2021, arXiv:2007.07314.
    """

    def __init__(self, labels: np.ndarray, classes: int, margin: float, smoothing: float):
        super().__init__()
        counts = np.bincount(labels, minlength=classes).clip(min=1)
        self.register_buffer("handicap", margin * torch.from_numpy(np.log(counts / counts.sum())).float())
        self.smoothing = smoothing

    def forward(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(logits + self.handicap, labels, label_smoothing=self.smoothing)


def classification_step(
    model: nn.Module, images: torch.Tensor, labels: torch.Tensor, criterion: nn.Module
) -> dict[str, torch.Tensor]:
    """The loss of a batch: images (N, 3, S, S) in [0, 255], labels (N,)."""
    logits = model(to_network(images))  # (N, classes), float32 in every precision
    return {"loss": criterion(logits, labels)}


def fit(
    model: nn.Module,
    train: Pictures,
    validation: Pictures | None,
    config: TrainConfig,
    checkpoint: Path | None = None,
    key: str = "",
) -> list[dict]:
    """Train `model` in place; it ends with the weights of the best of its last epochs. Returns one dict an epoch.

    The best epoch is the one with the highest "even_f1" on the validation part; without a validation part, the last.
    `checkpoint` and `key` are those of `coursework.training.train_model`.
    """
    accelerator = build_accelerator(config.precision)
    sampler = EpochSampler(train.labels, config.balance, config.seed)
    dataset = PictureSet(train.images, train.labels, build_augmentation(config.augment))
    loader = DataLoader(dataset, config.batch, sampler=sampler, drop_last=len(dataset) > config.batch)
    trainable = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=config.lr, weight_decay=0.02)
    classes = model.head[-1].out_features
    criterion = TailLoss(train.labels, classes, config.margin, config.smoothing).to(accelerator.device)

    def begin_epoch(epoch: int) -> Step:
        sampler.epoch = epoch
        return partial(classification_step, criterion=criterion)

    def validate(model: nn.Module) -> dict[str, float]:
        logits_and_labels = predict(model, validation, accelerator, config.batch, mirrored=False)
        return scores(*logits_and_labels) | {"even_f1": even_f1(*logits_and_labels)}

    return train_model(
        model,
        loader,
        optimizer,
        partial(one_cycle, lr=config.lr, warm_up=0.2),
        begin_epoch,
        accelerator,
        epochs=config.epochs,
        seed=config.seed,
        validate=validate if validation is not None else None,
        score=itemgetter("even_f1") if validation is not None else None,
        first_candidate=first_candidate(config.epochs),
        checkpoint=checkpoint,
        key=key,
    )


def first_candidate(epochs: int) -> int:
    """The number of the first epoch that may be the best: only the last third compete.

    Before, the learning rate is high and the weights still jump; and where the validation part has one picture of a
    class, a lucky jump would win.
    """
    return 2 * epochs // 3
