"""python -m simpsons: the training runs of week 6 without the notebook, and predictions for image files.

`train` fine-tunes MobileNetV2 and reports its scores, on the images of any folder with `--data FOLDER`
(torchrun --standalone --nproc-per-node 2 -m simpsons train: on two processes).
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from scipy.special import softmax
from torch import nn

from coursework import predicting
from coursework.checkpoints import load_weights, only_starts, read_facts, save_weights
from coursework.profile import load_config
from coursework.records import build_dir, read_results
from coursework.runtime import build_accelerator, leave_together, seed_everything
from coursework.terminal import call
from simpsons.ablation import ablate
from simpsons.cast import CAST
from simpsons.config import CONFIGS, Config
from simpsons.data import CharacterData, ImageData, hold_out, hold_out_test, load_characters, load_own, read_image
from simpsons.evaluate import fit_temperature, predict, scores
from simpsons.experiments import (
    FOLDER,
    PARTS,
    describe_training,
    shorten,
    start_from_imagenet,
    train_config,
)
from simpsons.models import build_mobilenet
from simpsons.train import fit

RELEASED = FOLDER / "weights" / "finetuned.safetensors"


def main(arguments: list[str]) -> int:
    """Run one of the commands; returns the exit status."""
    if arguments[:1] == ["predict"]:
        about = "The three most probable characters of each image."
        return predicting.predict(arguments[1:], "simpsons", about, prepare, describe_prediction, add_weights)
    args = build_parser().parse_args(arguments)
    config = load_config("6W", CONFIGS)
    seed_everything(config.seed)
    accelerator = build_accelerator()
    with accelerator.main_process_first():  # it generates the cast, the others find it
        characters = load_own(args.data, config) if args.data else load_characters(config)
        characters, test = hold_out_test(characters, config.validation, config.seed)
    if accelerator.is_main_process and characters.notes:
        print("\n".join(characters.notes))
    if args.command == "ablation":
        for metric, table in ablate(characters, config, compute=True)[0].items():
            print(f"{metric}\n{table.to_string()}")
    elif args.command == "train":
        report(accelerator, train(accelerator, characters, test, config, "own" if args.data else "finetuned"))
    else:
        model, classes, _ = load_classifier(args.file)
        check_known(classes, characters.classes, args.file)
        report(accelerator, scores(*predict(model, test, batch=config.batch)))
    leave_together(accelerator)
    return 0


def build_parser() -> argparse.ArgumentParser:
    """All commands but `predict`, and their options."""
    parser = argparse.ArgumentParser("python -m simpsons", description="Week 6: which character does an image show?")
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="fine-tune MobileNetV2 and report its scores on held-out images")
    evaluation = commands.add_parser("evaluate", help="scores of weights on the test images")
    evaluation.add_argument("file", type=Path, metavar="FILE", help="a weights file")
    study = commands.add_parser("ablation", help="compute the rows of the ablation study without a record")
    commands.add_parser("predict", help="the three most probable characters of image files")
    for command in (training, evaluation, study):
        command.add_argument("--data", type=Path, metavar="FOLDER", help="a folder with one folder of images per class")
    return parser


def add_weights(parser: argparse.ArgumentParser) -> None:
    """The option of `predict`."""
    parser.add_argument("--weights", type=Path, default=RELEASED, metavar="FILE", help="default: the released weights")


def train(
    accelerator: Accelerator, characters: CharacterData, test: ImageData, config: Config, name: str
) -> dict[str, float]:
    """Fine-tune all layers from ImageNet weights; returns the scores on the test images.

    The weights are written to `name`.safetensors, with what `predict` needs; a killed training resumes.
    Raises: ValueError for too few images.
    """
    training, validation, _ = hold_out(characters.train, config.validation, config.seed)
    if not len(validation) or not len(test):
        raise ValueError("too few images to hold out some for validation and test; give every class three or more")
    settings, practice = train_config(config), only_starts(config)
    settings = shorten(settings) if practice else settings
    torch.manual_seed(settings.seed)
    model, split = build_mobilenet(len(characters.classes)), (training, validation)
    with accelerator.main_process_first():  # it downloads the weights, the others find them
        source = start_from_imagenet(model, training, config, fallback=practice)
    key = describe_training(name, model, split, settings, characters, PARTS, (start_from_imagenet,)).key
    if accelerator.is_main_process:
        print(source)
    fit(model, *split, settings, build_dir("6W") / f"{name}.checkpoint", key, **PARTS)
    temperature = fit_temperature(*predict(model, validation, batch=config.batch))
    if accelerator.is_main_process:
        path = build_dir("6W") / f"{name}.safetensors"
        save_weights(path, model, {"classes": characters.classes, "side": config.side, "temperature": temperature})
        print(f"weights: {path.name} in {path.parent.name}/")
    return scores(*predict(model, test, batch=config.batch))


def load_classifier(path: Path) -> tuple[nn.Module, list[str], dict]:
    """MobileNetV2 with these weights, the names of its classes, and the facts of the file.

    Raises: ValueError for a file that does not say which classes it has, FileNotFoundError for none.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path.name} is not in {path.parent.name or '.'}/; name a weights file")
    facts = read_facts(path) or {}
    classes = facts.get("classes")
    if path.resolve() == RELEASED.resolve():
        classes = sorted(CAST)
    if not classes:
        raise ValueError(f"{path.name} does not say which classes it knows; train with python -m simpsons train")
    model = build_mobilenet(len(classes))
    load_weights(path, model)
    return model.eval(), classes, facts


def check_known(known: list[str], found: list[str], path: Path) -> None:
    """Raise ValueError if a data set has classes that the weights do not know, or lacks some of theirs."""
    if unknown := sorted(set(found) - set(known)):
        raise ValueError(f"{path.name} does not know {', '.join(unknown[:5])}; train on these images")
    if found != known:
        raise ValueError(f"{path.name} knows {len(known)} classes, the data set has {len(found)}; both must be equal")


def prepare(options: argparse.Namespace) -> predicting.Answer:
    """Load the weights; the result answers for one image file."""
    model, classes, facts = load_classifier(options.weights)
    side, temperature = facts.get("side", CONFIGS["released"].side), facts.get("temperature")
    if temperature is None and options.weights.resolve() == RELEASED.resolve():
        temperature = released_temperature()

    def answer(path: Path) -> dict:
        image, _ = read_image(path, side)
        logits, _ = predict(model, ImageData(image[None], None, [path.name]))
        probs = softmax(logits[0] / (temperature or 1.0))
        top = np.argsort(-probs, kind="stable")[:3]
        return {"characters": [{"name": classes[k], "probability": float(probs[k])} for k in top]}

    return answer


def describe_prediction(answer: dict) -> str:
    """The answer for one image in one line."""
    return ", ".join(f"{row['name']} {row['probability']:.1%}" for row in answer["characters"])


def released_temperature() -> float | None:
    """The temperature of the released weights, which the notebook fitted on validation images; None without record."""
    results = read_results(FOLDER / "results.json")
    return results["runs"][results["headline"]]["metrics"].get("temperature")


def report(accelerator: Accelerator, metrics: dict[str, float]) -> None:
    """Print the scores, once."""
    if accelerator.is_main_process:
        print(", ".join(f"{name} {value:.6f}" for name, value in metrics.items()))


if __name__ == "__main__":
    sys.exit(call(main))
