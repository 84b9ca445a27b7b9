"""python -m gan: the trainings of week 10 without the notebooks.

`python -m gan faces 128` trains our pair at this side, `dcgan 128` the starting point, `levers` all levers.
What is there is not trained again; what was killed goes on.
"""

import sys

from coursework.profile import load_config
from coursework.runtime import seed_everything
from gan.config import CONFIGS
from gan.data import load_faces
from gan.levers import best_rate, run_levers, summarise, try_rates
from gan.stages import dcgan_recipe, finish, minutes, our_recipe


def main(arguments: list[str]) -> int:
    """Run one of the commands above; returns the exit status."""
    config = load_config("10W", CONFIGS)
    sides = [str(side) for side in config.sides]
    possible = [["levers"], *([what, side] for what in ("faces", "dcgan") for side in sides)]
    if arguments not in possible:
        print(__doc__, file=sys.stderr)
        return 2
    seed_everything(config.seed)
    if arguments == ["levers"]:
        runs = run_levers(load_faces(config, config.lever_side), config)
        print(summarise(runs).round(4).to_string())
        return 0
    place = sides.index(arguments[1])
    faces = load_faces(config, config.sides[place])
    recipe = our_recipe(config, place)
    if arguments[0] == "dcgan":
        recipe = dcgan_recipe(config, place, best_rate(try_rates(place, faces, config)))
    _, facts, _ = finish("_".join(arguments), recipe, faces, config)
    print(f"{minutes(facts['history']):.1f} minutes, {facts['history'][-1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
