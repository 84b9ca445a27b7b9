"""How a detector is trained: the loop is MMEngine's; ours are a diary, and 16-bit arithmetic on CPUs."""

import contextlib
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from coursework.runtime import autocast, seed_everything
from hardhat.config import Config
from hardhat.data import CLASSES, Picture, write_coco
from hardhat.detector import build_model, detect, load_config, quietly
from hardhat.evaluate import coco_average

from mmengine.hooks import Hook  # isort: skip  after hardhat.detector, which sees to mmcv.ops
from mmengine.model import is_model_wrapper  # isort: skip
from mmengine.optim import OptimWrapper  # isort: skip
from mmengine.registry import OPTIM_WRAPPERS  # isort: skip
from mmengine.runner import CheckpointLoader, Runner  # isort: skip

PATIENCE = (
    120  # seconds that a process which reads pictures may take for a batch; without a limit all could wait forever
)


@CheckpointLoader.register_scheme(prefixes="", force=True)
def load_plain(filename: str, map_location=None) -> dict:
    """A local checkpoint, for MMEngine, whose own reader runs the code in a file that cannot be read without.

    Raises: ValueError for a file that holds more than tensors and plain values.
    """
    try:
        state = torch.load(filename, map_location=map_location, weights_only=True)
    except Exception as error:  # torch raises what the damaged bytes happen to make its reader raise
        raise ValueError(f"{Path(filename).name} is damaged or holds code ({type(error).__name__})") from None
    if not isinstance(state, dict) or "config" in state.get("meta", {}):  # MMEngine would run a text of this name
        raise ValueError(f"{Path(filename).name} was not written by this training")
    return state


def newest_checkpoint(folder: Path) -> str | None:
    """The last checkpoint in `folder` that can be read, if there is one; says of others that they are not used."""
    for path in sorted(folder.glob("epoch_*.pth"), key=lambda path: (len(path.name), path.name), reverse=True):
        try:
            load_plain(str(path))
        except ValueError as error:
            print(f"{error}; training goes on from an earlier epoch, if one was kept, or starts anew")
        else:
            return str(path)
    return None


@OPTIM_WRAPPERS.register_module()
class HalfOptimWrapper(OptimWrapper):
    """An optimiser with 16-bit autocast where the machine is fast at it; mmdet's own refuses CPUs."""

    @contextlib.contextmanager
    def optim_context(self, model: nn.Module):
        with super().optim_context(model), autocast():
            yield


class Diary(Hook):
    """Keeps the mean of every loss of an epoch, and the average precision on the validation part; shows a bar."""

    def __init__(self, pictures: list[Picture], config: Config):
        self.pictures, self.config, self.history, self.sums, self.bar = pictures, config, [], {}, None

    def before_train(self, runner) -> None:
        self.bar = tqdm(total=runner.max_iters, initial=runner.iter, desc="training", unit="step", leave=False)

    def before_train_epoch(self, runner) -> None:
        seed_everything(1000 * self.config.seed + runner.epoch)  # so a resumed epoch is the same
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
        row["steps"] = steps
        row["seconds"] = time.perf_counter() - self.started
        if self.pictures:
            model = runner.model.module if is_model_wrapper(runner.model) else runner.model
            row |= coco_average(self.pictures, detect(model, self.pictures, self.config))
            runner.model.train()
        self.history.append(row)

    def after_train(self, runner) -> None:
        self.bar.close()

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        checkpoint["diary"] = self.history
        # MMEngine's record of every step would have to be unpickled; only which checkpoints are kept is needed.
        kept = {"keep_ckpt_ids": checkpoint["message_hub"]["runtime_info"].get("keep_ckpt_ids", [])}
        checkpoint["message_hub"] = {"log_scalars": {}, "runtime_info": kept, "resumed_keys": {}}

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        self.history = checkpoint["diary"]


@dataclass(frozen=True)
class Plan:
    """How a detector is trained: which, for how long, how fast at most."""

    detector: str
    epochs: int
    rate: float


def train(plan: Plan, pictures: list[Picture], held: list[Picture], config: Config, folder: Path, start=None):
    """Train a detector on pictures; returns it with its history, a dict an epoch.

    `held` are judged after each epoch. `start` are weights to begin with. `folder` is for MMEngine's checkpoints: a
    training that was killed goes on from its last finished epoch. Started by torchrun, the pictures are shared out
    among its processes, each of which takes batches of `config.batch`.
    """
    model, found = build_model(plan.detector, config), load_config(plan.detector, config)
    model.load_state_dict(start or {}, strict=False)
    diary = Diary(held, config)
    found.optim_wrapper.optimizer.lr = plan.rate
    processes = int(os.environ.get("WORLD_SIZE", 1))
    steps = plan.epochs * -(-len(pictures) // (config.batch * processes))
    checkpoint = newest_checkpoint(folder)
    runner = Runner(
        model=model,
        work_dir=str(folder),
        train_dataloader={
            "batch_size": config.batch,
            "num_workers": config.workers,
            "persistent_workers": config.workers > 0,
            "timeout": PATIENCE if config.workers else 0,
            "sampler": {"type": "DefaultSampler", "shuffle": True},
            "dataset": data_of(pictures, found.train_pipeline, folder),
        },
        train_cfg={"by_epoch": True, "max_epochs": plan.epochs},
        optim_wrapper=found.optim_wrapper,
        param_scheduler=schedules(steps),
        default_hooks={
            # Two: the oldest is removed before the next is written, and a kill in between must leave a whole one.
            "checkpoint": {"type": "CheckpointHook", "interval": 1, "max_keep_ckpts": 2},
            "logger": {"type": "LoggerHook", "interval": 10**9},
        },
        custom_hooks=[diary],
        launcher="none" if processes == 1 else "pytorch",
        env_cfg={"dist_cfg": {"backend": "nccl" if torch.cuda.is_available() else "gloo"}},
        cfg={"model_wrapper_cfg": {"type": "MMDistributedDataParallel", "device_ids": device_ids()}},
        randomness={"seed": config.seed},
        log_level="ERROR",
        default_scope="mmdet",
        experiment_name=f"{folder.name}-{time.time_ns()}",
        load_from=checkpoint,
        resume=checkpoint is not None,
    )
    with quietly(), naming_workers(config.workers):
        runner.train()
    return model, diary.history


@contextlib.contextmanager
def naming_workers(number: int):
    """Where a process that reads pictures is stuck or gone, raise ValueError that names the setting `workers`."""
    try:
        yield
    except RuntimeError as error:
        if not re.search(r"DataLoader (timed out|worker \(pid)", str(error)):
            raise
        advice = "set workers=0, or make room in /dev/shm, through which pictures pass: docker run --shm-size=1g"
        raise ValueError(f"workers={number}: a process that reads pictures is stuck or gone; {advice}") from error


def schedules(steps: int) -> list[dict]:
    """The rate climbs for a twentieth of the steps, then falls along a cosine; a single step has the full rate."""
    if steps == 1:
        return []  # the first step of a climb has a hundredth of the rate
    warm = max(steps // 20, 2)
    climb = {"type": "LinearLR", "start_factor": 0.01, "by_epoch": False, "begin": 0, "end": warm}
    end = max(steps, warm + 1)
    return [climb, {"type": "CosineAnnealingLR", "by_epoch": False, "begin": warm, "end": end, "eta_min": 1e-6}]


def device_ids() -> list[int] | None:
    """The GPU of this process, as MMEngine's wrapper for several processes wants it; None on CPUs."""
    return [int(os.environ["LOCAL_RANK"])] if torch.cuda.is_available() and "LOCAL_RANK" in os.environ else None


def data_of(pictures: list[Picture], pipeline: list[dict], folder: Path) -> dict:
    """The description of a data set that MMEngine wants."""
    return {
        "type": "CocoDataset",
        "ann_file": str(write_coco(pictures, folder / f"train{os.environ.get('RANK', '')}.json")),
        "data_prefix": {"img": ""},
        "metainfo": {"classes": CLASSES},
        "pipeline": pipeline,
        "filter_cfg": None,
    }
