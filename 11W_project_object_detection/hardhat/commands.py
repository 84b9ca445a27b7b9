"""python -m hardhat: the trainings of week 11 without the notebook, and the detector on pictures of your own.

`python -m hardhat drawn` trains the chosen detector on drawn sites, `rivals` what it is compared with, `photographs`
every recipe for photographs. What is there is not trained again; what was killed goes on. Several processes:
`torchrun --standalone --nproc-per-node 2 -m hardhat drawn`. `python -m hardhat predict FILE…` finds heads in pictures.
"""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

import numpy as np
from torch import nn

from coursework import predicting
from coursework.images import read_rgb
from coursework.profile import RELEASED, load_config
from coursework.runtime import build_accelerator, leave_together, seed_everything
from hardhat import stages
from hardhat.config import CONFIGS, Config
from hardhat.data import CLASSES, Picture, load_photographs, load_sites
from hardhat.detector import detect, detect_by, detect_squares, fuse
from hardhat.evaluate import coco_average


def main(arguments: list[str]) -> int:
    """Run one of the commands above; returns the exit status."""
    if arguments[:1] == ["predict"]:
        return predict_heads(arguments[1:])
    config = load_config("11W", CONFIGS)
    if len(arguments) != 1 or arguments[0] not in ("drawn", "rivals", "photographs"):
        print(__doc__, file=sys.stderr)
        return 2
    seed_everything(config.seed)
    processes = build_accelerator()
    status = run(arguments[0], config, processes.is_main_process)
    leave_together(processes, status)
    return status


def predict_heads(arguments: list[str]) -> int:
    """Find heads in pictures with the released weights; see `coursework.predicting`."""

    def prepare(options: Namespace) -> predicting.Answer:
        model = fuse(stages.released_detector())
        return lambda path: find_heads(model, path, options.score)

    about = "Find heads with and without a hard hat in pictures. Boxes are left, top, right, bottom in pixels."
    return predicting.predict(arguments, "hardhat", about, prepare, tell_heads, add_score)


def add_score(parser: ArgumentParser) -> None:
    """The option that only this week's `predict` has."""
    text = "the least score of a detection (default: 0.35, chosen on the validation part of the synthetic images)"
    parser.add_argument("--score", type=float, default=0.35, help=text)


def find_heads(model: nn.Module, path: Path, least: float) -> dict:
    """The heads in a picture: {"heads": [{"class", "score", "box"}]}, the surest first."""
    width, height = read_rgb(path).size
    picture = Picture(path, width, height, np.zeros((0, 4)), ())
    side = CONFIGS[RELEASED].side
    (found,) = detect_by(lambda squares: detect_squares(model, squares), [picture], side)
    rows = zip(found["labels"], found["scores"], found["boxes"], strict=True)
    heads = [
        {"class": CLASSES[label], "score": round(float(score), 3), "box": [round(float(edge)) for edge in box]}
        for label, score, box in rows
        if score >= least
    ]
    return {"heads": sorted(heads, key=lambda head: -head["score"])}


def tell_heads(found: dict) -> str:
    """The heads of a picture in a line."""
    told = [f"{head['class']} {head['score']:.2f} at {', '.join(map(str, head['box']))}" for head in found["heads"]]
    return "; ".join(told) or "no head found"


def run(command: str, config: Config, speaks: bool) -> int:
    """Run one of the commands; of several processes one `speaks`. Returns the exit status."""
    sites = load_sites(config)
    photographs = load_photographs(config) if command == "photographs" else None  # before training, lest it is in vain
    if command == "photographs" and photographs is None:
        if speaks:
            print("no photographs in hardhat/ of the data folder", file=sys.stderr)
        return 1
    if command == "rivals":
        for name in config.rivals:
            say(name, stages.judge_rival(name, sites, config), speaks)
        return 0
    model, facts = stages.finish_drawn(sites, config)
    scores = coco_average(sites.test, detect(model, sites.test, config))
    say(config.chosen, {**scores, "history": facts["history"]}, speaks)
    for recipe in stages.RECIPES if photographs else ():
        say(recipe, stages.judge_recipe(recipe, photographs, model, config), speaks)
    return 0


def say(name: str, record: dict, speaks: bool) -> None:
    """One line of a record, if this process `speaks`."""
    if not speaks:
        return
    minutes = sum(row["seconds"] for row in record["history"]) / 60
    numbers = {key: round(value, 4) for key, value in record.items() if isinstance(value, float)}
    print(f"{name}: {len(record['history'])} epochs, {minutes:.1f} minutes, {numbers}", flush=True)
