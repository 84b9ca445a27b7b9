"""python -m simpsons: the trainings of week 6 without the notebook, also on several processes.

`python -m simpsons finetuned` trains (torchrun --standalone --nproc-per-node 2 -m simpsons finetuned: on two
processes); `ablation` computes the rows that no record holds; `evaluate FILE` judges weights on the test part.
"""

import sys
from pathlib import Path

from coursework.checkpoints import load_weights
from coursework.profile import load_config
from coursework.runtime import build_accelerator, seed_everything
from simpsons.ablation import ablate
from simpsons.config import CONFIGS, Config
from simpsons.data import Gallery, load_characters, split
from simpsons.evaluate import predict, scores
from simpsons.models import build_model, pick_backbone
from simpsons.stages import obtain, plans


def main(arguments: list[str]) -> int:
    """Run one of the commands above; returns the exit status."""
    config = load_config("6W", CONFIGS)
    accelerator = build_accelerator()
    with accelerator.main_process_first():  # it draws the cast, the others find it
        gallery = load_characters(config)
    seed_everything(config.seed)
    if arguments[:1] == ["ablation"]:
        print(ablate(gallery, config, pick_backbone(config.backbone)[0], compute=True).to_string())
    elif arguments[:1] == ["finetuned"]:
        report(accelerator, finetune(gallery, config))
    elif arguments[:1] == ["evaluate"] and len(arguments) == 2:
        model = build_model(pick_backbone(config.backbone)[0], len(gallery.classes), pretrained=False)
        load_weights(Path(arguments[1]), model)
        report(accelerator, scores(*predict(model, gallery.test, batch=config.batch)))
    else:
        print(__doc__, file=sys.stderr)
        return 2
    accelerator.wait_for_everyone()
    accelerator.end_training()  # or one process leaves while another still talks to it
    return 0


def finetune(gallery: Gallery, config: Config) -> dict[str, float]:
    """Fine-tune all layers from ImageNet's weights; returns the scores on the test part."""
    train, validation, _ = split(gallery.train.labels, config.validation, config.seed)
    backbone, _ = pick_backbone(config.backbone)
    model, plan = build_model(backbone, len(gallery.classes)), plans(config, backbone)["finetuned"]
    obtain("finetuned", model, gallery.train.take(train), gallery.train.take(validation), plan, retrain=True)
    return scores(*predict(model, gallery.test, batch=config.batch))


def report(accelerator, found: dict[str, float]) -> None:
    """Print the scores, once."""
    if accelerator.is_main_process:
        print(", ".join(f"{name} {value:.6f}" for name, value in found.items()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
