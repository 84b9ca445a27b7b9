"""Applying a network to many images, a batch at a time."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import nn

from autoencoders.faces import to_tensor
from coursework.runtime import pick_device


@torch.inference_mode()
def in_batches(call: Callable, rows: np.ndarray, convert: Callable = to_tensor, batch: int = 32) -> torch.Tensor:
    """The results of `call` for an array's rows, `convert`ed to tensors, joined: float32, on the CPU.

    Raises: ValueError for no rows.
    """
    if len(rows) == 0:
        raise ValueError("no images to compute on, expected at least one; see how many faces each part has")
    device, parts = pick_device(), []
    for start in range(0, len(rows), batch):
        parts.append(call(convert(rows[start : start + batch]).to(device)).float().cpu())
    return torch.cat(parts)


def to_images(tensor: torch.Tensor) -> np.ndarray:
    """Images (n, 3, S, S) as float32 (n, S, S, 3), clipped to [0, 1]."""
    return tensor.clamp(0, 1).permute(0, 2, 3, 1).contiguous().numpy()


def encode(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """Latents (n, latent) of images (n, S, S, 3), uint8 or floats in [0, 1]."""
    return in_batches(model.to(pick_device()).eval().encode, images).numpy()


def decode(model: nn.Module, latents: np.ndarray) -> np.ndarray:
    """Images (n, S, S, 3), float32 in [0, 1], of latents (n, latent)."""
    decoder = model.to(pick_device()).eval().decode
    return to_images(in_batches(decoder, latents.astype(np.float32), torch.from_numpy))


def edit(model: nn.Module, images: np.ndarray, attributes: np.ndarray) -> np.ndarray:
    """Images (n, S, S, 3), float32 in [0, 1], by a conditional autoencoder with attributes (n, A)."""
    model, parts = model.to(pick_device()).eval(), []
    for start in range(0, len(images), 32):
        rows = slice(start, start + 32)
        wanted = torch.from_numpy(attributes[rows].astype(np.float32)).to(pick_device())
        parts.append(in_batches(partial(model, attributes=wanted), images[rows]))
    return to_images(torch.cat(parts))


def reconstruct(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """Images (n, S, S, 3) after encoding and decoding."""
    return decode(model, encode(model, images))


def restore(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """The outputs of an image-to-image network for images (n, S, S, 3)."""
    return to_images(in_batches(model.to(pick_device()).eval(), images))
