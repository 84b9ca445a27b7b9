"""python -m autoencoders: the trainings of week 8 without the notebook.

`python -m autoencoders faces`, `people` and `digits` train what the notebook's sections need. What is there is not
trained again; what was killed goes on. Several processes share the work:
`torchrun --standalone --nproc-per-node 2 -m autoencoders digits`.
"""

import sys

from autoencoders import stages
from autoencoders.config import CONFIGS, Config
from autoencoders.data import load_faces, split_people
from autoencoders.digits import load_digits
from coursework.profile import load_config
from coursework.runtime import build_accelerator, leave_together, seed_everything
from coursework.terminal import call


def load_stages(part: str, config: Config) -> dict[str, stages.Stage]:
    """All trainings of one part."""
    if part == "digits":
        return stages.digit_stages(config, load_digits(config))
    faces = load_faces(config)
    rows = split_people(faces, config.parts, config.seed)
    if part == "faces":
        return stages.face_stages(config, faces, rows)
    return {"people": stages.people_stage(config, faces, rows["train"])}


def main(arguments: list[str]) -> int:
    """Run one of the commands above; returns the exit status."""
    config = load_config("8W", CONFIGS)
    if len(arguments) != 1 or arguments[0] not in ("faces", "people", "digits"):
        print(__doc__, file=sys.stderr)
        return 2
    seed_everything(config.seed)
    processes = build_accelerator()
    for name, facts in stages.finish_all(load_stages(arguments[0], config), config).items():
        history = facts["history"]
        best = min(row["validation loss"] for row in history)
        minutes = sum(row["seconds"] for row in history) / 60
        if processes.is_main_process:
            print(
                f"{name}: {facts['origin']}, {len(history)} epochs, {minutes:.1f} minutes, validation loss {best:.5f}"
            )
    leave_together(processes)
    return 0


if __name__ == "__main__":
    sys.exit(call(main))
