"""Networks that squeeze a picture through a few numbers and unfold it again: parts first, then AE, VAE and CVAE."""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

SMALLEST = 4  # side of the last feature maps
WIDEST = 6  # times the first layer's channels: the deepest layers hold most of the weights, and add little


class FaceEncoder(nn.Module):
    """Images (N, 3, S, S) in [0, 1] to features (N, features); S a power of two from 16 on. Every step halves S."""

    def __init__(self, side: int, width: int):
        super().__init__()
        channels = [3, *channels_of(side, width)]
        self.steps = nn.Sequential(*(shrink(a, b) for a, b in pairwise(channels)))
        self.features = channels[-1] * SMALLEST**2

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.steps(2 * images - 1).flatten(1)


class FaceDecoder(nn.Module):
    """Codes (N, size) to images (N, 3, S, S); values near [0, 1], not forced into it."""

    def __init__(self, side: int, width: int, size: int):
        super().__init__()
        channels = channels_of(side, width)[::-1]
        self.widest = channels[0]
        self.unfold = nn.Linear(size, self.widest * SMALLEST**2)
        last = nn.Conv2d(channels[-1], 12, 3, padding=1)  # the four pixels at each place of half the size
        self.steps = nn.Sequential(*(grow(a, b) for a, b in pairwise(channels)), last, nn.PixelShuffle(2))

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        maps = self.unfold(codes).view(-1, self.widest, SMALLEST, SMALLEST)
        return self.steps(maps.contiguous(memory_format=torch.channels_last)) + 0.5


def channels_of(side: int, width: int) -> list[int]:
    """Channels after each step that halves `side`, until SMALLEST is left.

    Raises: ValueError unless it is a power of two from 8 on.
    """
    steps = side.bit_length() - SMALLEST.bit_length()
    if side != SMALLEST * 2 ** max(steps, 0) or steps < 1:
        raise ValueError(f"the pictures' side is {side}; expected a power of two from {2 * SMALLEST} on")
    return [width * min(2**step, WIDEST) for step in range(steps)]


def shrink(channels_in: int, channels_out: int) -> nn.Sequential:
    """Half the size."""
    return nn.Sequential(loud(nn.Conv2d(channels_in, channels_out, 4, stride=2, padding=1)), nn.SiLU())


def grow(channels_in: int, channels_out: int) -> nn.Sequential:
    """Twice the size: enlarge, then convolve, which leaves no checkerboard."""
    convolution = loud(nn.Conv2d(channels_in, channels_out, 3, padding=1))
    return nn.Sequential(nn.Upsample(scale_factor=2), convolution, nn.SiLU())


def loud(convolution: nn.Conv2d) -> nn.Conv2d:
    """Started such that what goes through is as loud after it as before, which makes up for having no batch norm.

    With batch norm a picture's code depends on its neighbours in the batch; the error was 1.4 times as high with it.
    Source: He et al. 2015, arXiv:1502.01852.
    """
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    nn.init.zeros_(convolution.bias)
    return convolution


class DigitEncoder(nn.Module):
    """Digits (N, 1, 28, 28) of 0 and 1 to features (N, hidden)."""

    def __init__(self, hidden: int, extra: int = 0):
        super().__init__()
        self.features = hidden
        self.layers = nn.Sequential(
            nn.Linear(784 + extra, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU()
        )  # fmt: skip

    def forward(self, digits: torch.Tensor) -> torch.Tensor:
        return self.layers(digits.flatten(1))


class DigitDecoder(nn.Module):
    """Codes (N, size) to logits (N, 1, 28, 28)."""

    def __init__(self, hidden: int, size: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(size, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 784)
        )

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        return self.layers(codes).view(-1, 1, 28, 28)


class ToldLinear(nn.Module):
    """A linear layer, of which every output is scaled and moved as the digit says; `told` (N, 10).

    Source: Perez et al. 2018, arXiv:1709.07871.
    """

    def __init__(self, size_in: int, size_out: int):
        super().__init__()
        self.linear = nn.Linear(size_in, size_out)
        self.scale, self.move = nn.Linear(10, size_out), nn.Linear(10, size_out)
        nn.init.normal_(self.scale.weight, std=0.5)  # from the start as loud as the code
        nn.init.normal_(self.move.weight)

    def forward(self, values: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        return self.linear(values) * (1 + self.scale(told)) + self.move(told)


class ToldDigitDecoder(nn.Module):
    """Codes (N, size) to logits (N, 1, 28, 28) of the digit that is told, (N, 10)."""

    def __init__(self, hidden: int, size: int):
        super().__init__()
        self.first, self.second = ToldLinear(size, hidden), ToldLinear(hidden, hidden)
        self.last = nn.Linear(hidden, 784)

    def forward(self, codes: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        values = F.silu(self.second(F.silu(self.first(codes, told)), told))
        return self.last(values).view(-1, 1, 28, 28)


class Autoencoder(nn.Module):
    """Images to codes (N, latent), and back."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, latent: int):
        super().__init__()
        self.encoder, self.decoder, self.latent = encoder, decoder, latent
        self.to_code = nn.Linear(encoder.features, latent)

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        """The codes, (N, latent)."""
        return self.to_code(self.encoder(images))

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        """The images of codes. Raises ValueError for codes of another size."""
        check_codes(codes, self.latent)
        return self.decoder(codes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.decode(self.encode(images))


class Denoiser(nn.Module):
    """Spoilt images (N, 3, S, S) to clean ones; S a multiple of 8.

    Its code is maps of an eighth of the size, and on the way back each step sees the maps of its size from the way
    down: details that noise has left alone need not pass through the code. (Week 7's U-Net is built alike.)
    """

    def __init__(self, width: int):
        super().__init__()
        a, b, c = width, 2 * width, 4 * width
        self.enter = nn.Sequential(loud(nn.Conv2d(3, a, 3, padding=1)), nn.SiLU())
        self.down1, self.down2, self.down3 = shrink(a, b), shrink(b, c), shrink(c, c)
        self.up3, self.up2, self.up1 = grow(c, c), grow(2 * c, b), grow(2 * b, a)
        self.leave = nn.Sequential(loud(nn.Conv2d(2 * a, a, 3, padding=1)), nn.SiLU(), nn.Conv2d(a, 3, 3, padding=1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        whole = self.enter(2 * images - 1)  # (N, w, S, S)
        half = self.down1(whole)  # (N, 2w, S/2, S/2)
        quarter = self.down2(half)  # (N, 4w, S/4, S/4)
        code = self.down3(quarter)  # (N, 4w, S/8, S/8)
        quarter = torch.cat([quarter, self.up3(code)], dim=1)
        half = torch.cat([half, self.up2(quarter)], dim=1)
        whole = torch.cat([whole, self.up1(half)], dim=1)
        return images + self.leave(whole)  # what has to change


class VAE(nn.Module):
    """Images to a normal distribution of codes, mean and log-variance, both (N, latent); codes to images.

    Source: Kingma and Welling 2014, arXiv:1312.6114.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, latent: int):
        super().__init__()
        self.encoder, self.decoder, self.latent = encoder, decoder, latent
        self.to_mean = nn.Linear(encoder.features, latent)
        self.to_log_variance = nn.Linear(encoder.features, latent)

    def encode(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log-variance of the codes."""
        features = self.encoder(images)
        return self.to_mean(features), self.to_log_variance(features)

    @staticmethod
    def draw(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
        """A code from that distribution, so that the gradient passes: noise is drawn first, then moved and scaled."""
        return mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        """What the decoder makes of codes. Raises ValueError for codes of another size."""
        check_codes(codes, self.latent)
        return self.decoder(codes)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        mean, log_variance = self.encode(images)
        return self.decode(self.draw(mean, log_variance)), mean, log_variance


class ConditionalVAE(VAE):
    """A VAE that is told the digit, (N,), on both sides, so that its code is left with the style.

    Source: Sohn, Lee and Yan 2015, NeurIPS 28.
    """

    def encode(self, images: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return super().encode(torch.cat([images.flatten(1), one_hot(labels)], dim=1))

    def decode(self, codes: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        check_codes(codes, self.latent)
        return self.decoder(codes, one_hot(labels))

    def forward(self, images: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        mean, log_variance = self.encode(images, labels)
        return self.decode(self.draw(mean, log_variance), labels), mean, log_variance


def one_hot(labels: torch.Tensor) -> torch.Tensor:
    """Digits (N,) as rows of ten, one of them 1. Raises ValueError for a number that is no digit."""
    if len(labels) and (labels.min() < 0 or labels.max() > 9):
        raise ValueError(f"digits from {labels.min().item()} to {labels.max().item()}; expected 0 to 9")
    return F.one_hot(labels.long(), 10).float()


def check_codes(codes: torch.Tensor, latent: int) -> None:
    """Raise ValueError unless codes have shape (N, latent)."""
    if codes.ndim != 2 or codes.shape[1] != latent:
        raise ValueError(f"codes have shape {tuple(codes.shape)}; this model expects (N, {latent})")


def build_face_model(kind: str, side: int, width: int, latent: int) -> nn.Module:
    """A model of faces: "ae", or "vae". Raises ValueError for another kind."""
    if kind not in ("ae", "vae"):
        raise ValueError(f"unknown kind {kind!r}; there are: ae, vae")
    parts = FaceEncoder(side, width), FaceDecoder(side, width, latent), latent
    return (Autoencoder if kind == "ae" else VAE)(*parts).to(memory_format=torch.channels_last)


def build_digit_model(kind: str, hidden: int, latent: int) -> nn.Module:
    """A model of digits: "vae", or "cvae". Raises ValueError for another kind."""
    if kind not in ("vae", "cvae"):
        raise ValueError(f"unknown kind {kind!r}; there are: vae, cvae")
    if kind == "vae":
        return VAE(DigitEncoder(hidden), DigitDecoder(hidden, latent), latent)
    return ConditionalVAE(DigitEncoder(hidden, 10), ToldDigitDecoder(hidden, latent), latent)


class DigitReader(nn.Module):
    """The independent judge: a small convolutional classifier, digits (N, 1, 28, 28) to logits (N, 10)."""

    def __init__(self, width: int = 32):
        super().__init__()
        layers, channels = [], 1
        for step in (1, 2):
            for _ in range(2):
                convolution = nn.Conv2d(channels, width * step, 3, padding=1, bias=False)
                layers += [convolution, nn.BatchNorm2d(width * step), nn.ReLU()]
                channels = width * step
            layers.append(nn.MaxPool2d(2))
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.4), nn.Linear(49 * channels, 10))

    def forward(self, digits: torch.Tensor) -> torch.Tensor:
        return self.layers(digits)
