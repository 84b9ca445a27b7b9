"""The trainings of this week: the detector that is chosen, its rivals, and what helps with photographs.

Weights of the chosen detector are kept, of the others a record of how good they are.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from accelerate import PartialState
from torch import nn

from coursework.checkpoints import load_weights, obtain, only_starts, recorded
from coursework.profile import RELEASED
from coursework.provenance import Fingerprint, Training, fingerprint, short_hash
from coursework.records import build_dir
from coursework.source_code import model_code, training_code
from hardhat.config import CONFIGS, Config
from hardhat.data import CLASSES, Collection
from hardhat.detector import (
    LoadUpright,
    NoBorder,
    build_model,
    detect,
    detect_squares,
    fuse,
    load_config,
    resnet_weights,
)
from hardhat.evaluate import coco_average
from hardhat.train import Diary, HalfOptimWrapper, Plan, train

FOLDER = Path(__file__).resolve().parents[1]  # of the week
RECIPES = {  # for photographs: what a training begins with, and whether it sees photographs
    "drawings alone": ("drawn", False),
    "photographs alone": ("ImageNet", True),
    "drawings, then photographs": ("drawn", True),
}
BEST = "drawings, then photographs"  # the one whose weights are kept


def drawn_plan(detector: str, config: Config) -> Plan:
    """How all are trained on drawn sites: alike."""
    return Plan(detector, config.epochs, config.rate)


def photograph_plan(config: Config) -> Plan:
    """How the chosen one is trained on photographs."""
    return Plan(config.chosen, config.photograph_epochs, config.photograph_rate)


def finish(name: str, plan: Plan, sites: Collection, config: Config, start: dict | None = None):
    """A detector at the end of its training on a collection, and the facts of `coursework.checkpoints.obtain`."""
    model = build_model(plan.detector, config)
    training, practice = training_of(name, plan, sites, config, start), None
    if only_starts(config):
        plan, config = in_practice(plan, config)
        practice = training_of(name, plan, sites, config, start)

    def run(checkpoint: Path, key: str) -> list[dict]:
        trained, history = train_in(checkpoint.with_suffix(f".{key}"), plan, sites, config, start)
        model.load_state_dict(trained.state_dict())
        return history

    facts = obtain("11W", FOLDER, name, model, training, run, config.retrain, None, CLASSES, practice)
    return model.eval(), facts


def in_practice(plan: Plan, config: Config) -> tuple[Plan, Config]:
    """The same for a moment only, on small images, to show that the loop runs."""
    return replace(plan, epochs=1), replace(config, side=160, batch=1)


def finish_drawn(sites: Collection, config: Config):
    """The chosen detector, trained on drawn sites."""
    return finish(f"{sites.name}_{config.chosen}", drawn_plan(config.chosen, config), sites, config)


def finish_photographs(recipe: str, sites: Collection, drawn: nn.Module, config: Config):
    """The chosen detector, trained on photographs by one of RECIPES; `drawn` is that of `finish_drawn`."""
    start = drawn.state_dict() if RECIPES[recipe][0] == "drawn" else None
    return finish(f"{sites.name}_{config.chosen}", photograph_plan(config), sites, config, start)


def released_detector() -> nn.Module:
    """The chosen detector with the weights released for photographs."""
    config = CONFIGS[RELEASED]
    model = build_model(config.chosen, config)
    load_weights(FOLDER / "weights" / f"photographs_{config.chosen}.safetensors", model)
    return model.eval()


def train_in(folder: Path, plan: Plan, sites: Collection, config: Config, start: dict | None):
    """`train`, in a folder of this training alone that is gone when it has ended."""
    found = train(plan, sites.train, sites.validation, config, folder, start)
    processes = PartialState()
    processes.wait_for_everyone()
    if processes.is_main_process:
        shutil.rmtree(folder)
    return found


def judge_rival(detector: str, sites: Collection, config: Config) -> dict:
    """How good another detector is after the same training: a record."""
    plan, name = drawn_plan(detector, config), f"rivals/{sites.name}_{detector}"
    training, practice, retrain = training_of(name, plan, sites, config, None), None, config.retrain
    if only_starts(config):
        plan, config = in_practice(plan, config)
        practice = training_of(name, plan, sites, config, None)
    key = (practice or training).key

    def compute() -> dict:
        model, history = train_in(build_dir("11W") / f"{detector}.{key}", plan, sites, config, None)
        return {**coco_average(sites.test, detect(model, sites.test, config)), "history": history}

    return recorded("11W", FOLDER, name, training, compute, retrain, practice)


def judge_recipe(recipe: str, sites: Collection, drawn: nn.Module, config: Config) -> dict:
    """How good a recipe for photographs is: a record with its detections on the test part."""
    start, sees = RECIPES[recipe]
    plan, name = photograph_plan(config), f"recipes/{file_name(recipe)}"
    begin, shown = drawn.state_dict() if start == "drawn" else None, config
    if only_starts(config):
        plan, shown = in_practice(plan, config)
    training = training_of(name, plan if sees else Plan(config.chosen, 0, 0.0), sites, shown, begin)

    def compute() -> dict:
        if recipe == BEST:
            model, facts = finish_photographs(recipe, sites, drawn, config)
            history = facts["history"]
        elif sees:
            folder = build_dir("11W") / f"photographs.{training.key}"
            model, history = train_in(folder, plan, sites, shown, begin)
        else:
            model, history = drawn, []
        found = detect(model, sites.test, config)
        rounded = [{part: np.round(values, 3).tolist() for part, values in row.items()} for row in found]
        return {**coco_average(sites.test, found), "history": history, "detections": rounded}

    return recorded("11W", FOLDER, name, training, compute, config.retrain)


def file_name(recipe: str) -> str:
    """A recipe's name as part of a file's, or of a metric's."""
    return recipe.replace(", ", "_").replace(" ", "_")


def detections_of(record: dict) -> list[dict]:
    """The detections of `judge_recipe`, as `detector.detect` gives them."""
    return [
        {
            "boxes": np.array(row["boxes"], float).reshape(-1, 4),
            "scores": np.array(row["scores"], float),
            "labels": np.array(row["labels"], int),
        }
        for row in record["detections"]
    ]


def costs(model: nn.Module, config: Config) -> dict:
    """The number of a detector's weights, and milliseconds for one square after another."""
    number, quick = sum(weight.numel() for weight in model.parameters()), fuse(model)
    return {"parameters": number, "milliseconds": milliseconds(lambda some: detect_squares(quick, some), config)}


def milliseconds(call: Callable[[np.ndarray], list[dict]], config: Config) -> float:
    """The median time in which anything answers to one square."""
    square, spent = np.full((1, config.side, config.side, 3), 127, np.uint8), []
    for _ in range(config.timed):
        started = time.perf_counter()
        call(square)
        spent.append(time.perf_counter() - started)
    return float(np.median(spent[2:]) * 1000)


def training_of(name: str, plan: Plan, sites: Collection, config: Config, start: dict | None) -> Training:
    """What decides how a training ends: its rules, what it begins with, and its images."""
    begun_with = short_hash(*(value.cpu().numpy() for value in start.values())) if start else None
    rules = {"training": name, **asdict(plan), "side": config.side, "batch": config.batch, "seed": config.seed}
    weights_file, described = resnet_weights(config), load_config(plan.detector, config).to_dict()
    if weights_file:  # told apart by its name, not by where it lies
        described["model"]["backbone"]["init_cfg"]["checkpoint"] = weights_file.name
    taught = (train, HalfOptimWrapper, LoadUpright, NoBorder, *model_code(build_model(plan.detector, config)))
    code = training_code(*taught, alone=[Diary])  # it evaluates each epoch and chooses nothing
    numbers = {"pictures": [len(part) for part in (sites.train, sites.validation, sites.test)]}
    settings = rules | numbers | {"start": begun_with, "config": short_hash(described)}
    return Training(settings, code, fingerprint_of(sites))


def fingerprint_of(sites: Collection) -> Fingerprint:
    """The fingerprint of a collection: an item is a file with its boxes."""
    pictures = [*sites.train, *sites.validation, *sites.test]
    files = [np.frombuffer(picture.path.read_bytes(), np.uint8) for picture in pictures]
    names = [f"{picture.path.name} {picture.boxes.tolist()} {picture.names}" for picture in pictures]
    return fingerprint(sites.name, names, files)
