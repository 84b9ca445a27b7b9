"""Principal components of images: the linear autoencoder with the lowest squared error on its training images."""

import numpy as np
import torch

from autoencoders.faces import to_tensor


class PCA:
    """Principal components of images (n, S, S, 3) and their mirror images.

    With its mirror image in the data, each component is symmetric or antisymmetric. So the components of the sums and
    of the differences of both halves are computed, which takes a quarter of the memory and time.
    """

    def __init__(self, images: np.ndarray, size: int, seed: int):
        pixels = to_tensor(images)  # (n, 3, S, S)
        middle, self.shape, found = pixels.shape[-1] // 2, pixels.shape[1:], []
        left, right = pixels[..., :middle], pixels[..., middle:].flip(-1)
        half = (left + right).mean(dim=0) / 2
        self.mean = torch.cat([half, half.flip(-1)], dim=-1).flatten()
        torch.manual_seed(seed)
        for sign in (1, -1):
            values = (left + sign * right).flatten(1) / 2**0.5
            values -= values.mean(dim=0) if sign == 1 else 0
            _, lengths, axes = torch.svd_lowrank(values, min(size + 10, *values.shape), niter=3)
            halves = axes.T.view(-1, *left.shape[1:]) / 2**0.5
            found.append((lengths, torch.cat([halves, sign * halves.flip(-1)], dim=-1).flatten(1)))
        lengths, axes = (torch.cat(some) for some in zip(*found, strict=True))
        self.axes = axes[lengths.argsort(descending=True)[:size]]  # (size, 3 S²)

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Latents, (n, size)."""
        return ((to_tensor(images).flatten(1) - self.mean) @ self.axes.T).numpy()

    def decode(self, latents: np.ndarray) -> np.ndarray:
        """Images (n, S, S, 3), float32, clipped to [0, 1], of the first components: latents (n, up to size)."""
        latents = torch.from_numpy(np.ascontiguousarray(latents))
        pixels = latents @ self.axes[: latents.shape[1]] + self.mean
        return pixels.clamp(0, 1).view(-1, *self.shape).permute(0, 2, 3, 1).numpy()
