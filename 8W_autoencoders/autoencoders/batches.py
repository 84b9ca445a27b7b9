"""Applying a network to many images, a batch at a time."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import nn

from autoencoders.face_losses import BANDS, add_difference, edit_images
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


def edit(model: nn.Module, images: np.ndarray, own: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Images (n, S, S, 3), edited by a conditional autoencoder from their `own` attributes (n, A) to the `targets`."""
    model, device, parts = model.to(pick_device()).eval(), pick_device(), []

    def call(batch: torch.Tensor, attributes: torch.Tensor) -> torch.Tensor:
        return edit_images(model, batch, *attributes)

    attributes = torch.from_numpy(np.stack([own, targets]).astype(np.float32)).to(device)
    for start in range(0, len(images), 32):
        rows = slice(start, start + 32)
        parts.append(in_batches(partial(call, attributes=attributes[:, rows]), images[rows]))
    return to_images(torch.cat(parts))


def add_in_band(images: np.ndarray, difference: np.ndarray, column: int) -> np.ndarray:
    """Images (n, S, S, 3) plus a difference in the band of one attribute, as float32 in [0, 1]."""
    changed = torch.arange(len(BANDS)).expand(len(images), -1) == column
    return to_images(add_difference(to_tensor(images), torch.from_numpy(difference).permute(0, 3, 1, 2), changed))


def reconstruct(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """Images (n, S, S, 3) after encoding and decoding."""
    return decode(model, encode(model, images))


def restore(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """The outputs of an image-to-image network for images (n, S, S, 3)."""
    return to_images(in_batches(model.to(pick_device()).eval(), images))
