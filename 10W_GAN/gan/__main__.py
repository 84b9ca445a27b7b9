"""python -m gan: the trainings of week 10 without the notebooks.

`python -m gan faces 128` trains our pair at this side, `dcgan 128` the starting point, `levers` all levers.
What is there is not trained again; what was killed goes on. Several processes, each with batches of its own:
`torchrun --standalone --nproc-per-node 2 -m gan faces 128`.
"""

import sys

from coursework.profile import load_config
from coursework.runtime import build_accelerator, leave_together, seed_everything
from coursework.terminal import call
from gan.config import CONFIGS, Config
from gan.data import Faces, load_faces
from gan.levers import finish_dcgan, run_levers, summarise
from gan.stages import finish_ours, minutes_of


def main(arguments: list[str]) -> int:
    """Run one of the commands above; returns the exit status."""
    config = load_config("10W", CONFIGS)
    sides = [str(side) for side in config.sides]
    possible = [["levers"], *([what, side] for what in ("faces", "dcgan") for side in sides)]
    if arguments not in possible:
        print(__doc__, file=sys.stderr)
        return 2
    seed_everything(config.seed)
    processes = build_accelerator()
    line = train(arguments, config)
    if processes.is_main_process:
        print(line)
    leave_together(processes)
    return 0


def train(arguments: list[str], config: Config) -> str:
    """What one of the commands trains, in words."""
    if arguments == ["levers"]:
        runs = run_levers(load_faces(config, config.lever_side), config)
        return summarise(runs).round(4).to_string()
    place = [str(side) for side in config.sides].index(arguments[1])
    facts = finish_side(arguments[0], place, load_faces(config, config.sides[place]), config)
    row = facts["history"][-1]
    shown = {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}
    return f"{minutes_of(facts['history']):.1f} minutes, {shown}"


def finish_side(what: str, place: int, faces: Faces, config: Config) -> dict:
    """Our pair at one of the sides, or DCGAN for as long; the facts of its training."""
    return (finish_ours if what == "faces" else finish_dcgan)(place, faces, config)[1]


if __name__ == "__main__":
    sys.exit(call(main))
