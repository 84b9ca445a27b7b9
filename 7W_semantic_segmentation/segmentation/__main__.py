"""python -m segmentation: the grid of week 7 without the notebook.

`python -m segmentation grid` trains all that the report needs and no record holds; `cell MODEL LOSS SEED` trains one
from nothing (torchrun --standalone --nproc-per-node 2 -m segmentation cell …: on two processes).
"""

import sys

from coursework.checkpoints import only_starts
from coursework.profile import load_config
from coursework.records import keep_dir
from coursework.runtime import build_accelerator, leave_together, seed_everything
from coursework.terminal import call
from segmentation.config import CONFIGS
from segmentation.data import from_drawings, load_lesions
from segmentation.evaluate import scores
from segmentation.grid import Cell, in_practice, record_name, train_all, train_cell


def main(arguments: list[str]) -> int:
    """Run one of the commands above; returns the exit status."""
    config = load_config("7W", CONFIGS)
    accelerator = build_accelerator()
    if (arguments[:1], len(arguments)) not in ((["grid"], 1), (["cell"], 4)):
        print(__doc__, file=sys.stderr)
        return 2
    with accelerator.main_process_first():  # it draws the stand-in, the others find it
        lesions = load_lesions(config)
    seed_everything(config.seed)
    if arguments[0] == "grid":
        found = train_all(config, lesions, from_drawings(config, lesions))
    else:
        cell = Cell(arguments[1], arguments[2], int(arguments[3]))
        own = in_practice(config) if only_starts(config) else config
        found = {cell: train_cell(cell, own, lesions, keep_dir("7W") / record_name(cell, lesions))}
    if accelerator.is_main_process:
        for cell, record in found.items():
            print(cell.name, ", ".join(f"{name} {value:.4f}" for name, value in scores(record.test).items()))
    leave_together(accelerator)
    return 0


if __name__ == "__main__":
    sys.exit(call(main))
