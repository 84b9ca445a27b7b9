"""How long a training step takes, by memory format and precision."""

import statistics
from functools import partial

import pandas as pd
import torch
from torch.nn import functional as F

from coursework.runtime import seconds
from simpsons.models import build_lite0, build_mobilenet

BUILDERS = {"mobilenet_v2": build_mobilenet, "efficientnet_lite0": build_lite0}
FORMATS = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}


def step_times(batch: int, side: int, repeats: int = 3) -> pd.DataFrame:
    """Median seconds per step on a CPU: one row per network, one column per memory format and precision."""
    rows = {}
    for network, build in BUILDERS.items():
        rows[network] = {}
        for name, layout in FORMATS.items():
            model = build(42).to(memory_format=layout).train()
            images, labels = torch.rand(batch, 3, side, side).to(memory_format=layout), torch.arange(batch) % 42
            for half in (False, True):
                step = partial(plain_step, model, images, labels, half)
                step()
                rows[network][f"{name}, {'bf16' if half else 'float32'}"] = statistics.median(
                    seconds(step) for _ in range(repeats)
                )
    return pd.DataFrame(rows).T


def plain_step(model, images: torch.Tensor, labels: torch.Tensor, half: bool) -> None:
    """Forward and backward pass, in bf16 if `half`; the weights are not updated."""
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        logits = model(images)
    F.cross_entropy(logits.float(), labels).backward()
    model.zero_grad()
