"""Detectors of mmdet: their configs, how they are built, and how they are asked, quickly."""

import contextlib
import copy
import functools
import io
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torchvision.models import ResNet18_Weights

from coursework.images import read_rgb
from coursework.runtime import autocast, half_precision, pick_device
from hardhat import ops
from hardhat.config import Config
from hardhat.data import Picture
from hardhat.targets import draw_on_cpu

MMCV_OPS = ops.install()  # before mmdet is imported

from mmcv.cnn.utils.fuse_conv_bn import fuse_conv_bn  # noqa: E402
from mmcv.transforms import BaseTransform  # noqa: E402
from mmdet.registry import MODELS, TRANSFORMS  # noqa: E402
from mmdet.utils import register_all_modules  # noqa: E402
from mmengine.config import Config as EngineConfig  # noqa: E402
from mmengine.config import utils as config_files  # noqa: E402
from mmengine.logging import MMLogger  # noqa: E402

from hardhat import lite  # noqa: E402, F401  puts its parts into mmdet's registry

# Whenever a config begins with one of mmdet's, mmengine reads all of mmdet's metafiles to find it: 0.25 s each time.
config_files.load = functools.cache(config_files.load)

CONFIGS_DIR = Path(__file__).parent / "configs"
NAMES = {
    "centernet_lite0": "CenterNet, light",
    "centernet_r18": "CenterNet",
    "retinanet_r18": "RetinaNet",
    "fcos_r18": "FCOS",
}


@TRANSFORMS.register_module()
class LoadUpright(BaseTransform):
    """Loads a picture by `read_rgb`, as evaluation does, in mmdet's order of channels, BGR.

    mmdet's LoadImageFromFile decodes by OpenCV, which treats transparency and 16-bit greys otherwise.
    """

    def transform(self, results: dict) -> dict:
        image = np.ascontiguousarray(np.asarray(read_rgb(Path(results["img_path"])))[..., ::-1])
        return {**results, "img": image, "img_shape": image.shape[:2], "ori_shape": image.shape[:2]}


@TRANSFORMS.register_module()
class NoBorder(BaseTransform):
    """Says that nothing was put around a picture on its upper left, which CenterNet wants to know."""

    def transform(self, results: dict) -> dict:
        results["border"] = np.zeros(4, np.float32)
        return results


def load_config(name: str, config: Config) -> EngineConfig:
    """The config of a detector at the side, batch and epochs of the week's. Raises ValueError for an unknown one."""
    if name not in NAMES:
        raise ValueError(f"unknown detector {name!r}; there are: {', '.join(NAMES)}")
    found, common = (EngineConfig.fromfile(CONFIGS_DIR / f"{file}.py") for file in (f"{name}_hardhat", "common"))
    for key in ("train_pipeline", "test_pipeline", "optim_wrapper"):
        found[key] = common[key]
    for pipeline in (found.train_pipeline, found.test_pipeline):
        for step in pipeline:
            if step.type == "Resize":
                step.scale = (config.side, config.side)
            if step.type == "Pad":
                step.size = (config.side, config.side)
    if found.model.backbone.type == "ResNet" and (weights := resnet_weights(config)):
        found.model.backbone.init_cfg = {"type": "Pretrained", "checkpoint": str(weights)}
    found.optim_wrapper.paramwise_cfg = {"custom_keys": {"backbone": {"lr_mult": found.get("backbone_rate", 1.0)}}}
    return found


def resnet_weights(config: Config) -> Path | None:
    """ImageNet's weights of ResNet-18 in torchvision's cache, if they are wanted and there."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(ResNet18_Weights.IMAGENET1K_V1.url).name
    return path if config.resnet_weights and path.is_file() else None


def build_model(name: str, config: Config) -> nn.Module:
    """A detector from a fresh start."""
    with quietly():
        register_all_modules(init_default_scope=True)
        torch.manual_seed(config.seed)
        model = MODELS.build(load_config(name, config).model)
        model.init_weights()
    keep_losses_whole(model)
    if hasattr(model.bbox_head, "heatmap_head"):  # CenterNet's
        draw_on_cpu(model.bbox_head)
    return model.to(memory_format=torch.channels_last)


@contextlib.contextmanager
def quietly():
    """mmdet tells how every weight is started, what it could have imported, and which annotations it reads."""
    if not MMLogger.check_instance_created("hardhat"):
        MMLogger.get_instance("hardhat", log_level="ERROR")
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def keep_losses_whole(model: nn.Module) -> None:
    """Have the head answer in 32 bits, row by row in memory, as its losses and its decoding expect."""

    def widen(_module, _inputs, output):
        return tuple([[level.float().contiguous() for level in part] for part in output])

    model.bbox_head.register_forward_hook(widen)


class WholeConv(nn.Conv2d):
    """A convolution in 32 bits after others in 16: features may be rounded, answers should not."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        with torch.autocast(maps.device.type, enabled=False):
            return super().forward(maps.float())


def fuse(model: nn.Module, half: bool = True) -> nn.Module:
    """A copy that answers alike in less time, for who does not train.

    Batch norms are part of the convolutions, weights are in 16 bits if `half` and the machine is fast at it, and no
    memory is asked for where a map can be changed in place.
    """
    quick = fuse_conv_bn(copy.deepcopy(model).eval()).requires_grad_(False)
    for module in quick.modules():
        if isinstance(module, nn.ReLU6 | nn.ReLU):
            module.inplace = True
    for part in (quick.backbone, quick.neck, quick.bbox_head):
        part.to(torch.bfloat16 if half and half_precision() == "bf16" else torch.float32)
    for module in quick.bbox_head.modules():
        if isinstance(module, nn.Conv2d) and module.out_channels < 64:  # an answer
            module.__class__ = WholeConv
            module.float()
    return quick.to(memory_format=torch.channels_last)


def detect(model: nn.Module, pictures: list[Picture], config: Config, half: bool = True) -> list[dict]:
    """What a detector finds in pictures: a dict of boxes (n, 4) in the picture's pixels, scores and labels for each."""
    model = model.to(pick_device()).eval()
    quick = fuse(model) if half else model
    return detect_by(lambda squares: detect_squares(quick, squares, half), pictures, config.side)


def detect_by(
    call: Callable[[np.ndarray], list[dict]], pictures: list[Picture], side: int, batch: int = 4
) -> list[dict]:
    """The same by anything that takes squares, uint8 RGB (n, side, side, 3)."""
    found = []
    for start in range(0, len(pictures), batch):
        some = pictures[start : start + batch]
        squares = np.stack([read_square(picture.path, side) for picture in some])
        for picture, row in zip(some, call(squares), strict=True):
            scale = max(picture.width, picture.height) / side
            limits = np.array([picture.width, picture.height] * 2)
            found.append({**row, "boxes": np.clip(row["boxes"] * scale, 0, limits)})
    return found


def read_square(path: Path, side: int) -> np.ndarray:
    """A picture scaled to fit a square of `side`, the rest black, RGB, uint8 (side, side, 3)."""
    image = read_rgb(path)
    scale = side / max(image.size)
    size = [max(round(length * scale), 1) for length in image.size]
    small = image.resize(size, Image.Resampling.BILINEAR)
    square = np.zeros((side, side, 3), np.uint8)
    square[: small.height, : small.width] = np.asarray(small)
    return square


@torch.inference_mode()
def detect_squares(model: nn.Module, squares: np.ndarray, half: bool = True) -> list[dict]:
    """What a detector finds in squares, uint8 RGB (n, S, S, 3), in their pixels."""
    answers, side = answer(model, squares, half), squares.shape[1]
    meta = {"batch_input_shape": (side, side), "img_shape": (side, side), "border": np.zeros(4, np.float32)}
    with quietly():
        found = model.bbox_head.predict_by_feat(*answers, batch_img_metas=[meta] * len(squares), rescale=False)
    return [
        {"boxes": row.bboxes.cpu().numpy(), "scores": row.scores.cpu().numpy(), "labels": row.labels.cpu().numpy()}
        for row in found
    ]


def answer(model: nn.Module, squares: np.ndarray, half: bool = True) -> tuple[list[torch.Tensor], ...]:
    """What the head of a detector gives for squares, before it is made boxes."""
    images = torch.from_numpy(squares).to(pick_device()).permute(0, 3, 1, 2).float()
    colours = model.data_preprocessor
    images = (images - colours.mean.to(images)) / colours.std.to(images)
    with autocast(half):
        return model.bbox_head(model.extract_feat(images))


@torch.inference_mode()
def heat_maps(model: nn.Module, squares: np.ndarray) -> np.ndarray:
    """The heat maps of a CenterNet for squares, float32 (n, classes, S / 4, S / 4)."""
    return answer(model.eval(), squares)[0][0].cpu().numpy()
