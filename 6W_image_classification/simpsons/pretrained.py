"""ImageNet weights of MobileNetV2: find and read them, and make folded batch norms trainable again.

Sources: the data folder's mobilenet_v2_imagenet.npz (a public 8-bit model, dequantised, Apache-2.0), or torchvision's
own weights (BSD-3-Clause), which torchvision downloads.
"""

import os
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torchvision.models import MobileNet_V2_Weights, mobilenet_v2

from coursework.datasets import data_dir

NPZ = "mobilenet_v2_imagenet.npz"
OURS = torch.full((3,), 128 / 255), torch.full((3,), 128 / 255)  # mean and std of `transforms.normalise`, as fractions
TORCHVISION = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def find_imagenet_weights(download: bool) -> Path | None:
    """The file of the ImageNet weights: in the data folder, or in torchvision's cache, downloaded if `download`.

    None if there is no such file and it cannot, or must not, be downloaded.
    """
    cached = Path(torch.hub.get_dir()) / "checkpoints" / os.path.basename(MobileNet_V2_Weights.IMAGENET1K_V1.url)
    for path in (data_dir() / NPZ, cached):
        if path.is_file():
            return path
    if download:
        try:
            MobileNet_V2_Weights.IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True)
        except (OSError, RuntimeError) as error:
            print(f"no ImageNet weights of MobileNetV2: the download failed ({type(error).__name__})")
    return cached if cached.is_file() else None


def read_imagenet_weights(path: Path) -> dict[str, torch.Tensor]:
    """The state dict of torchvision's MobileNetV2 with ImageNet weights, for inputs scaled by `transforms.normalise`.

    An .npz file must already be for this scale; torchvision's .pth file is adapted to it.
    Raises: ValueError that names the file if it is damaged or belongs to another network.
    """
    try:
        if path.suffix == ".npz":
            with np.load(path) as file:
                state = {name: torch.from_numpy(file[name]) for name in file.files}
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files raise errors of many kinds
        raise ValueError(f"{path.name} is damaged ({type(error).__name__}); fetch it again") from None
    check_shapes(path.name, state)
    return state if path.suffix == ".npz" else adapt_to_scale(state)


def check_shapes(name: str, state: dict[str, torch.Tensor]) -> None:
    """Raise ValueError unless these are the tensors of torchvision's MobileNetV2 with 1,000 classes."""
    expected = {key: tuple(value.shape) for key, value in mobilenet_v2().state_dict().items()}
    for key in expected | state:
        found = tuple(state[key].shape) if key in state else None
        if found != expected.get(key):
            raise ValueError(f"{name}: {key} has shape {found}, MobileNetV2 expects {expected.get(key)}; wrong file")


def adapt_to_scale(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Adapt weights for images in torchvision's scale to images scaled by `normalise`, by changing the first layer.

    The outputs are the same, except at the border: the zeros of the padding are another colour in each scale.
    """
    (mean, std), (own_mean, own_std) = TORCHVISION, OURS
    weight = state["features.0.0.weight"]  # (32, 3, 3, 3)
    shift = (weight * ((own_mean - mean) / std).view(1, 3, 1, 1)).sum(dim=(1, 2, 3))
    return state | {
        "features.0.0.weight": weight * (own_std / std).view(1, 3, 1, 1),
        "features.0.1.running_mean": state["features.0.1.running_mean"] - shift,
    }


@torch.no_grad()
def restore_batch_norms(features: nn.Module, images: torch.Tensor, batch: int = 64) -> None:
    """Measure the statistics of batch norms on `images` (N, 3, S, S), without changing the network's output.

    In published weights, batch norms may be folded into the convolutions: their mean is 0, their variance 1.
    Here each gets the mean and the variance of its inputs; its weight and bias are changed to compensate.
    """
    layers = [layer for layer in features.modules() if isinstance(layer, nn.BatchNorm2d)]
    sums = {layer: [0, 0.0, 0.0] for layer in layers}  # number of values per channel; their sums and sums of squares

    def measure(layer, inputs, _):
        values = inputs[0].double()  # (N, C, h, w)
        sums[layer][0] += values[:, 0].numel()
        sums[layer][1] += values.sum(dim=(0, 2, 3))
        sums[layer][2] += (values**2).sum(dim=(0, 2, 3))

    hooks = [layer.register_forward_hook(measure) for layer in layers]
    features.eval()
    for part in images.split(batch):
        features(part)
    for hook in hooks:
        hook.remove()
    for layer, (count, total, squares) in sums.items():
        mean = total / count
        var = (squares / count - mean**2).clamp_min(0)
        slope = layer.weight / (layer.running_var + layer.eps).sqrt()  # the layer computes slope · x + offset
        offset = layer.bias - slope * layer.running_mean
        layer.running_mean.copy_(mean)
        layer.running_var.copy_(var)
        layer.weight.copy_(slope * (var + layer.eps).sqrt())
        layer.bias.copy_(offset + slope * mean)


def load_features(model: nn.Module, state: dict[str, torch.Tensor]) -> None:
    """Load the convolutional layers of a state dict into `model`; its classifier is not changed."""
    prefix = "features."
    features = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    model.features.load_state_dict(features)
