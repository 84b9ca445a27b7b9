"""Tests that can fail: five faults in each deep week, every one of which must make a unit test fail."""

import json
import os
import subprocess
import sys

import pytest

from coursework.testing import guarded
from coursework.weeks import ROOT, find_week

LEARNS = "test_it_learns_and_keeps_the_best_epoch"
TORCH = ["torch", "torchvision", "accelerate", "sklearn.metrics", "scipy", "pandas"]
STEP = ("        optimizer.step()\n", "")


def fault(module: str, old: str, new: str, *tests: str) -> dict:
    """In `module`, `old` becomes `new`; one of the tests must notice."""
    return {"module": module, "old": old, "new": new, "tests": list(tests)}


SIMPSONS = {
    "labels shuffled": fault(
        "train.py",
        "PictureSet(train.images, train.labels, ",
        "PictureSet(train.images, np.random.permutation(train.labels), ",
        f"test_simpsons_train.py::{LEARNS}",
    ),
    "sign of the loss": fault("train.py", "backward(loss)", "backward(-loss)", f"test_simpsons_train.py::{LEARNS}"),
    "no optimiser step": fault("train.py", *STEP, f"test_simpsons_train.py::{LEARNS}"),
    "pictures shifted against their names": fault(
        "data.py",
        "return Pictures(self.images[rows], labels",
        "return Pictures(np.roll(self.images[rows], 1, 0), labels",
        "test_simpsons_evaluate.py::test_pictures_can_be_drawn_and_taken",
    ),
    "training part used as test": fault(
        "data.py",
        "return pictures.take(train), pictures.take(validation), one_sided",
        "return pictures.take(train), pictures.take(train), one_sided",
        "test_simpsons_data.py::test_who_has_no_labelled_test_part_sets_pictures_aside",
    ),
}
SEGMENTATION = {
    "masks shuffled": fault(
        "train.py",
        "LesionSet(train, build_augmentation())",
        "LesionSet(Lesions(train.images, np.random.permutation(train.masks), train.names), build_augmentation())",
        f"test_segmentation_train.py::{LEARNS}",
    ),
    "sign of the loss": fault("train.py", "backward(loss)", "backward(-loss)", f"test_segmentation_train.py::{LEARNS}"),
    "no optimiser step": fault("train.py", *STEP, f"test_segmentation_train.py::{LEARNS}"),
    "mask shifted": fault(
        "transforms.py",
        "return torch.as_tensor(image), torch.as_tensor(mask).float()",
        "return torch.as_tensor(image), torch.as_tensor(mask).float().roll(2, -1)",
        "test_segmentation_data.py::test_image_and_mask_move_together",
    ),
    "training part used as test": fault(
        "data.py",
        "for start, end in pairwise(ends)]",
        "for start, end in [(0, parts[0])] * 3]",
        "test_segmentation_data.py::test_the_database_is_read_and_split",
    ),
}
AUTOENCODERS = {
    "pictures shuffled": fault(
        "losses.py",
        'return {"loss": F.mse_loss(model(images), images)}',
        'return {"loss": F.mse_loss(model(images), images.roll(1, 0))}',
        "test_autoencoders_parts.py::test_a_picture_is_compared_with_itself",
    ),
    "sign of the loss": fault(
        "train.py", 'backward(parts["loss"])', 'backward(-parts["loss"])', f"test_autoencoders_train.py::{LEARNS}"
    ),
    "no optimiser step": fault("train.py", *STEP, f"test_autoencoders_train.py::{LEARNS}"),
    "crop shifted": fault(
        "data.py",
        "partial(read_middle, side=config.side, share=CROP)",
        "partial(read_middle, side=config.side, share=CROP + 0.1)",
        "test_autoencoders_data.py::test_pictures_are_cropped_and_kept",
    ),
    "training part used as test": fault(
        "data.py",
        "np.isin(faces.people, group)) for name, group in groups.items()}",
        'np.isin(faces.people, groups["train"])) for name, group in groups.items()}',
        "test_autoencoders_data.py::test_people_are_in_one_part_only",
    ),
}
COLOURS = "test_gan_train.py::test_it_learns_the_colours_of_the_data"
GAN = {
    "real and generated exchanged": fault(
        "train.py",
        "swap_labels(said_real, said_fake, recipe.swapped)",
        "swap_labels(said_fake, said_real, recipe.swapped)",
        COLOURS,
    ),
    "sign of the loss": fault("train.py", "backward(cost_g)", "backward(-cost_g)", COLOURS),
    "no optimiser step": fault("train.py", '        optimizers["generator"].step()\n', "", COLOURS),
    "crop shifted": fault(
        "data.py",
        "partial(read_middle, side=side, share=crop)",
        "partial(read_middle, side=side, share=crop * 1.02)",
        "test_gan_data.py::test_the_crop_is_exact_at_128",
    ),
    "training people kept aside, too": fault(
        "data.py",
        "parts = images[:number], images[number:]",
        "parts = images[:number], images[:number]",
        "test_gan_data.py::test_nobody_is_on_both_sides_or_dominates",
    ),
}
FINDS = "test_hardhat_detector.py::test_it_learns_to_find"
ROUND = "test_hardhat_data.py::test_coco_and_back"
HARDHAT = {
    "labels exchanged": fault("data.py", "CLASSES.index(name) + 1", "len(CLASSES) - CLASSES.index(name)", ROUND),
    "sign of the loss": fault(
        "train.py",
        "    @contextlib.contextmanager\n    def optim_context",
        "    def backward(self, loss, **rest):\n        super().backward(-loss, **rest)\n\n"
        "    @contextlib.contextmanager\n    def optim_context",
        FINDS,
    ),
    "no optimiser step": fault(
        "train.py",
        "    @contextlib.contextmanager\n    def optim_context",
        "    def step(self, **rest):\n        pass\n\n    @contextlib.contextmanager\n    def optim_context",
        FINDS,
    ),
    "boxes shifted": fault(
        "detector.py",
        'np.clip(row["boxes"] * scale, 0, limits)',
        'np.clip((row["boxes"] + 12) * scale, 0, limits)',
        "test_hardhat_detector.py::test_boxes_come_back_in_the_pictures_own_pixels",
    ),
    "training part used as test": fault(
        "data.py",
        "(order[:number], order[number:])",
        "(order[number:], order[number:])",
        "test_hardhat_data.py::test_photographs_are_split_by_the_seed",
    ),
}
WEEKS = {"6W": SIMPSONS, "7W": SEGMENTATION, "8W": AUTOENCODERS, "10W": GAN, "11W": HARDHAT}


@pytest.mark.parametrize("name", WEEKS)
def test_every_fault_makes_a_test_fail(name):
    week, faults = find_week(name), WEEKS[name]
    assert len(faults) == 5
    imports = TORCH + (["mmengine", "mmcv", "onnxruntime"] if name == "11W" else [])
    job = {"package": week.package, "folder": str(week.folder), "imports": imports, "faults": list(faults.values())}
    command = [sys.executable, str(ROOT / "tests" / "faulty.py")]
    env = guarded(dict(os.environ)) | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # nbval takes seconds
    done = subprocess.run(command, input=json.dumps(job), env=env, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-3000:]
    statuses = dict(zip(("no fault", *faults), json.loads(done.stdout), strict=True))
    assert statuses == {"no fault": 0} | dict.fromkeys(faults, 1), done.stderr[-3000:]
