"""python -m segmentation: the training runs of week 7 without the notebook, and masks for photographs.

(torchrun --standalone --nproc-per-node 2 -m segmentation run unet dice 0: one training run on two processes.)
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from coursework import predicting
from coursework.checkpoints import load_weights
from coursework.figures import BLUE
from coursework.images import read_rgb
from coursework.profile import load_config
from coursework.runtime import build_accelerator, leave_together, seed_everything
from coursework.terminal import call
from segmentation.config import CONFIGS
from segmentation.cross_validation import PRETRAINED, run_cross_validation
from segmentation.data import load_lesions
from segmentation.evaluate import predict_probs, scores
from segmentation.experiments import FOLDER, run_experiment, run_grid
from segmentation.losses import LOSSES
from segmentation.models import MODELS
from segmentation.pretrained import PretrainedUNet
from segmentation.records import Experiment
from segmentation.transforms import normalise

WARNING = "This outlines a lesion in dermoscopic images; it is no diagnosis."


def main(arguments: list[str]) -> int:
    """Run one of the commands; returns the exit status."""
    if arguments[:1] == ["predict"]:
        about = f"Write the mask and an overlay of each image. {WARNING}"
        status = predicting.predict(arguments[1:], "segmentation", about, prepare, describe_prediction, add_out)
        print(WARNING, file=sys.stderr)
        return status
    args = build_parser().parse_args(arguments)
    config = load_config("7W", CONFIGS)
    accelerator = build_accelerator()
    with accelerator.main_process_first():  # it generates the synthetic images, the others find them
        lesions = load_lesions(config)
    seed_everything(config.seed)
    lines = []
    if args.command == "pretrained":
        lines = run_cross_validation(config)
    else:
        if args.command == "grid":
            records = run_grid(config, lesions)
        else:
            experiment = Experiment(args.model, args.loss, args.seed)
            records = {experiment: run_experiment(experiment, config, lesions)}
        for experiment, record in records.items():
            values = ", ".join(f"{name} {value:.4f}" for name, value in scores(record.test).items())
            lines.append(f"{experiment.name}: {values}")
    if accelerator.is_main_process:
        print("\n".join(lines))
    leave_together(accelerator)
    return 0


def build_parser() -> argparse.ArgumentParser:
    """All commands but `predict`, and their options."""
    parser = argparse.ArgumentParser("python -m segmentation", description="Week 7: which pixels are lesion?")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("grid", help="train three networks with five losses, where there is no record")
    run = commands.add_parser("run", help="one training run of the grid")
    run.add_argument("model", choices=MODELS)
    run.add_argument("loss", choices=LOSSES)
    run.add_argument("seed", type=int)
    commands.add_parser("pretrained", help="cross-validation of the network with a pretrained encoder")
    commands.add_parser("predict", help="masks of image files")
    return parser


def add_out(parser: argparse.ArgumentParser) -> None:
    """The option of `predict`."""
    parser.add_argument("--out", type=Path, default=Path(), metavar="FOLDER", help="default: the current folder")


def prepare(options: argparse.Namespace) -> predicting.Answer:
    """Load the released weights; the result segments one image file."""
    model, size = PretrainedUNet(pretrained=False), CONFIGS["released"].pretrained_size
    load_weights(FOLDER / "weights" / f"{PRETRAINED}.safetensors", model)
    model.eval()
    options.out.mkdir(parents=True, exist_ok=True)

    def answer(path: Path) -> dict:
        image = read_rgb(path)
        probs = segment(model, image, size)
        mask = Image.fromarray((probs >= 0.5).astype(np.uint8) * 255).resize(image.size, Image.Resampling.BILINEAR)
        mask = mask.point(lambda value: 255 if value >= 128 else 0)
        files = [options.out / f"{path.stem}_{kind}.png" for kind in ("mask", "overlay")]
        mask.save(files[0])
        overlay(image, mask).save(files[1])
        return {"lesion": float((np.asarray(mask) > 0).mean()), "files": [str(file) for file in files]}

    return answer


@torch.inference_mode()
def segment(model: torch.nn.Module, image: Image.Image, size: int) -> np.ndarray:
    """Probabilities of lesion, (size, size), for an image of any size."""
    pixels = np.asarray(image.resize((size, size), Image.Resampling.BOX))
    batch = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None]
    return predict_probs(model, normalise(batch), flips=True)[0, 0].numpy()


def overlay(image: Image.Image, mask: Image.Image) -> Image.Image:
    """The image with the pixels of the mask tinted."""
    tint = Image.new("RGB", image.size, BLUE)
    return Image.composite(Image.blend(image, tint, 0.4), image, mask)


def describe_prediction(answer: dict) -> str:
    """The answer for one image in one line."""
    return f"lesion on {answer['lesion']:.0%} of the image; wrote {' and '.join(Path(f).name for f in answer['files'])}"


if __name__ == "__main__":
    sys.exit(call(main))
