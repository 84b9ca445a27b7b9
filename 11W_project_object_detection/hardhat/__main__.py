"""python -m hardhat: the trainings of week 11 without the notebook.

`python -m hardhat drawn` trains the chosen detector on drawn sites, `rivals` what it is compared with, `photographs`
every recipe for photographs. What is there is not trained again; what was killed goes on. Several processes:
`torchrun --standalone --nproc-per-node 2 -m hardhat drawn`.
"""

import sys

from coursework.profile import load_config
from coursework.runtime import build_accelerator, leave_together, seed_everything
from coursework.terminal import call
from hardhat import stages
from hardhat.config import CONFIGS, Config
from hardhat.data import load_photographs, load_sites
from hardhat.detector import detect
from hardhat.evaluate import coco_average


def main(arguments: list[str]) -> int:
    """Run one of the commands above; returns the exit status."""
    config = load_config("11W", CONFIGS)
    if len(arguments) != 1 or arguments[0] not in ("drawn", "rivals", "photographs"):
        print(__doc__, file=sys.stderr)
        return 2
    seed_everything(config.seed)
    processes = build_accelerator()
    status = run(arguments[0], config, processes.is_main_process)
    leave_together(processes, status)
    return status


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


if __name__ == "__main__":
    sys.exit(call(main))
