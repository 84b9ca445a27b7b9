"""Detectors of mmdet trained in this process: their configs, the loop that is MMEngine's, a diary, and fast answers."""

import contextlib
import copy
import io
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from tqdm import tqdm

from coursework.runtime import half_precision, pick_device
from hardhat import ops
from hardhat.config import Config
from hardhat.data import CLASSES, Picture, write_coco
from hardhat.evaluate import coco_average

MMCV_OPS = ops.install()  # before mmdet is imported

from mmcv.transforms import BaseTransform  # noqa: E402
from mmdet.registry import MODELS, TRANSFORMS  # noqa: E402
from mmdet.utils import register_all_modules  # noqa: E402
from mmengine.config import Config as EngineConfig  # noqa: E402
from mmengine.hooks import Hook  # noqa: E402
from mmengine.optim import OptimWrapper  # noqa: E402
from mmengine.registry import OPTIM_WRAPPERS  # noqa: E402
from mmengine.runner import Runner  # noqa: E402

CONFIGS_DIR = Path(__file__).parent / "configs"
MEAN, SPREAD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # of the colours, as mmdet's configs have them
NAMES = {"centernet": "CenterNet", "retinanet": "RetinaNet", "fcos": "FCOS"}


@TRANSFORMS.register_module()
class NoBorder(BaseTransform):
    """Says that nothing was put around a picture on its upper left, which CenterNet wants to know."""

    def transform(self, results: dict) -> dict:
        results["border"] = np.zeros(4, np.float32)
        return results


@OPTIM_WRAPPERS.register_module()
class HalfOptimWrapper(OptimWrapper):
    """An optimiser with 16-bit autocast where the machine is fast at it; mmdet's own refuses CPUs."""

    @contextlib.contextmanager
    def optim_context(self, model: nn.Module):
        with super().optim_context(model), autocast():
            yield


def autocast():
    """The context in which networks compute here."""
    half = half_precision()
    return torch.autocast(pick_device(), torch.bfloat16, enabled=half == "bf16")


def load_config(name: str, config: Config) -> EngineConfig:
    """The config of a detector at the side, batch and epochs of the week's. Raises ValueError for an unknown one."""
    if name not in NAMES:
        raise ValueError(f"unknown detector {name!r}; there are: {', '.join(NAMES)}")
    found, common = (EngineConfig.fromfile(CONFIGS_DIR / f"{file}.py") for file in (f"{name}_r18_hardhat", "common"))
    for key in ("train_pipeline", "test_pipeline", "optim_wrapper"):
        found[key] = common[key]
    for pipeline in (found.train_pipeline, found.test_pipeline):
        for step in pipeline:
            if step.type == "Resize":
                step.scale = (config.side, config.side)
            if step.type == "Pad":
                step.size = (config.side, config.side)
    return found


def build_model(name: str, config: Config) -> nn.Module:
    """A detector from a fresh start."""
    register_all_modules(init_default_scope=True)
    torch.manual_seed(config.seed)
    model = MODELS.build(load_config(name, config).model)
    model.init_weights()
    keep_losses_whole(model)
    return model.to(memory_format=torch.channels_last)


def keep_losses_whole(model: nn.Module) -> None:
    """Have the head answer in 32 bits, row by row in memory, as its losses and its decoding expect."""

    def widen(_module, _inputs, output):
        return tuple([[level.float().contiguous() for level in part] for part in output])

    model.bbox_head.register_forward_hook(widen)


class Diary(Hook):
    """Keeps the mean of every loss of an epoch, and the average precision on the validation part; shows a bar."""

    def __init__(self, pictures: list[Picture], config: Config):
        self.pictures, self.config, self.history, self.sums, self.bar = pictures, config, [], {}, None

    def before_train(self, runner) -> None:
        self.bar = tqdm(total=runner.max_iters, initial=runner.iter, desc="training", unit="step", leave=False)

    def before_train_epoch(self, runner) -> None:
        self.sums, self.started = {}, time.perf_counter()

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self.bar.update()
        for name, value in outputs.items():
            if "loss" in name:
                self.sums[name] = self.sums.get(name, 0) + value.detach()

    def after_train_epoch(self, runner) -> None:
        steps = len(runner.train_dataloader)
        row = {name: float(total) / steps for name, total in self.sums.items()}
        if not np.isfinite(row["loss"]):
            raise ValueError(f"the loss is {row['loss']} in epoch {runner.epoch + 1}; lower the rate")
        row["seconds"] = time.perf_counter() - self.started
        if self.pictures:
            row |= coco_average(self.pictures, detect(runner.model, self.pictures, self.config))
            runner.model.train()
        self.history.append(row)

    def after_train(self, runner) -> None:
        self.bar.close()


@torch.inference_mode()
def detect(model: nn.Module, pictures: list[Picture], config: Config, batch: int = 16) -> list[dict]:
    """What a detector finds in pictures: a dict of boxes (n, 4) in the picture's pixels, scores and labels for each."""
    model, found = model.to(pick_device()).eval(), []
    for start in range(0, len(pictures), batch):
        some = pictures[start : start + batch]
        squares = np.stack([read_square(picture.path, config.side) for picture in some])
        for picture, row in zip(some, detect_squares(model, squares), strict=True):
            scale = max(picture.width, picture.height) / config.side
            limits = np.array([picture.width, picture.height] * 2)
            found.append({**row, "boxes": np.clip(row["boxes"] * scale, 0, limits)})
    return found


def read_square(path: Path, side: int) -> np.ndarray:
    """A picture scaled to fit a square of `side`, the rest black, RGB, uint8 (side, side, 3)."""
    with Image.open(path) as image:
        scale = side / max(image.size)
        size = [max(round(length * scale), 1) for length in image.size]
        small = image.convert("RGB").resize(size, Image.Resampling.BILINEAR)
    square = np.zeros((side, side, 3), np.uint8)
    square[: small.height, : small.width] = np.asarray(small)
    return square


@torch.inference_mode()
def detect_squares(model: nn.Module, squares: np.ndarray) -> list[dict]:
    """What a detector finds in squares, uint8 RGB (n, S, S, 3), in their pixels."""
    side = squares.shape[1]
    images = torch.from_numpy(squares).to(pick_device()).permute(0, 3, 1, 2).float()
    images = (images - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(SPREAD).view(1, 3, 1, 1)
    meta = {"batch_input_shape": (side, side), "img_shape": (side, side), "border": np.zeros(4, np.float32)}
    with autocast():
        answers = model.bbox_head(model.extract_feat(images))
    found = model.bbox_head.predict_by_feat(*answers, batch_img_metas=[meta] * len(squares), rescale=False)
    return [
        {"boxes": row.bboxes.cpu().numpy(), "scores": row.scores.cpu().numpy(), "labels": row.labels.cpu().numpy()}
        for row in found
    ]


def train(name: str, pictures: list[Picture], held: list[Picture], config: Config, folder: Path, start=None):
    """Train a detector on pictures; returns it with its history, a dict an epoch. A killed training goes on.

    `held` are judged after each epoch. `start` are weights to begin with. `folder` is for MMEngine's checkpoints.
    """
    model = build_model(name, config)
    model.load_state_dict(start or {}, strict=False)
    diary = Diary(held, config)
    found = load_config(name, config)
    data = {
        "type": "CocoDataset",
        "ann_file": str(write_coco(pictures, folder / "train.json")),
        "data_prefix": {"img": ""},
        "metainfo": {"classes": CLASSES},
        "pipeline": found.train_pipeline,
        "filter_cfg": None,
    }
    steps = config.epochs * -(-len(pictures) // config.batch)
    warm = max(steps // 20, 1)
    runner = Runner(
        model=model,
        work_dir=str(folder),
        train_dataloader={
            "batch_size": config.batch,
            "num_workers": config.workers,
            "persistent_workers": config.workers > 0,
            "sampler": {"type": "DefaultSampler", "shuffle": True},
            "dataset": data,
        },
        train_cfg={"by_epoch": True, "max_epochs": config.epochs},
        optim_wrapper=copy.deepcopy(found.optim_wrapper),
        param_scheduler=[
            {"type": "LinearLR", "start_factor": 0.01, "by_epoch": False, "begin": 0, "end": warm},
            {"type": "CosineAnnealingLR", "by_epoch": False, "begin": warm, "end": steps, "eta_min": 1e-6},
        ],
        default_hooks={
            "checkpoint": {"type": "CheckpointHook", "interval": 1, "max_keep_ckpts": 1},
            "logger": {"type": "LoggerHook", "interval": 10**9},
        },
        custom_hooks=[diary],
        randomness={"seed": config.seed},
        log_level="ERROR",
        default_scope="mmdet",
        experiment_name=f"{name}-{time.time_ns()}",
        resume=(folder / "last_checkpoint").exists(),
    )
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools tells what it loads
        runner.train()
    return model, diary.history
