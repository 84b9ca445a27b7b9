"""python -m simpsons: the trainings of week 6 without the notebook, also on several processes.

`python -m simpsons finetuned` trains (torchrun --standalone --nproc-per-node 2 -m simpsons finetuned: on two
processes); `ablation` computes the rows that no record holds; `evaluate FILE` judges weights on the test part.
"""

import sys
from dataclasses import replace
from pathlib import Path

from coursework.checkpoints import load_weights
from coursework.profile import load_config
from coursework.runtime import build_accelerator, leave_together, seed_everything
from coursework.terminal import call
from simpsons.ablation import ablate
from simpsons.config import CONFIGS, Config
from simpsons.data import Gallery, Pictures, hold_out, load_characters, set_aside
from simpsons.evaluate import predict, scores
from simpsons.models import build_model, pick_backbone
from simpsons.stages import train_stage


def main(arguments: list[str]) -> int:
    """Run one of the commands above; returns the exit status."""
    config = load_config("6W", CONFIGS)
    accelerator = build_accelerator()
    with accelerator.main_process_first():  # it draws the cast, the others find it
        gallery, judged = set_aside(load_characters(config), config.validation, config.seed)
    seed_everything(config.seed)
    if arguments[:1] == ["ablation"]:
        print(ablate(gallery, config, pick_backbone(config.backbone)[0], compute=True).to_string())
    elif arguments[:1] == ["finetuned"]:
        report(accelerator, finetune(gallery, judged, config))
    elif arguments[:1] == ["evaluate"] and len(arguments) == 2:
        model = build_model(pick_backbone(config.backbone)[0], len(gallery.classes), pretrained=False)
        load_weights(Path(arguments[1]), model)
        report(accelerator, scores(*predict(model, judged, batch=config.batch)))
    else:
        print(__doc__, file=sys.stderr)
        return 2
    leave_together(accelerator)
    return 0


def finetune(gallery: Gallery, judged: Pictures, config: Config) -> dict[str, float]:
    """Fine-tune all layers from ImageNet's weights; returns the scores on the pictures that are judged."""
    train, validation, _ = hold_out(gallery.train, config.validation, config.seed)
    backbone, _ = pick_backbone(config.backbone)
    config = replace(config, retrain=True)
    model, _ = train_stage("finetuned", train, validation, gallery, config, backbone)
    return scores(*predict(model, judged, batch=config.batch))


def report(accelerator, found: dict[str, float]) -> None:
    """Print the scores, once."""
    if accelerator.is_main_process:
        print(", ".join(f"{name} {value:.6f}" for name, value in found.items()))


if __name__ == "__main__":
    sys.exit(call(main))
