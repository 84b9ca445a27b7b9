"""How long a training step takes, by memory format and precision."""

import statistics
from functools import partial

import pandas as pd
import torch
from torch.nn import functional as F

from coursework.runtime import seconds
from simpsons.models import build_model

FORMATS = {"rows of planes": torch.contiguous_format, "channels last": torch.channels_last}


def step_times(backbones: tuple[str, ...], batch: int, side: int, repeats: int = 3) -> pd.DataFrame:
    """Median seconds of one step on a CPU, a line a backbone, a column each format with float32 and with bf16."""
    rows = {}
    for backbone in backbones:
        rows[backbone] = {}
        for name, layout in FORMATS.items():
            model = build_model(backbone, 42, pretrained=False).to(memory_format=layout).train()
            images, labels = torch.rand(batch, 3, side, side).to(memory_format=layout), torch.arange(batch) % 42
            for half in (False, True):
                step = partial(plain_step, model, images, labels, half)
                step()
                rows[backbone][f"{name}, {'bf16' if half else 'float32'}"] = statistics.median(
                    seconds(step) for _ in range(repeats)
                )
    return pd.DataFrame(rows).T


def plain_step(model, images: torch.Tensor, labels: torch.Tensor, half: bool) -> None:
    """Forward and backward, in bf16 if `half`; nothing is updated."""
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        logits = model(images)
    F.cross_entropy(logits.float(), labels).backward()
    model.zero_grad()
