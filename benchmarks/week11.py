"""11W: heads found in padded pictures, by our path and by onnxruntime, against MMDetection's own inference."""

import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.cases import Case
from hardhat import detector, export, lite, stages
from hardhat.config import CONFIGS
from hardhat.data import load_sites
from hardhat.evaluate import coco_average

from mmcv.transforms import Compose  # isort: skip  after hardhat.detector, which sees to mmcv.ops
from mmdet.apis import inference_detector  # isort: skip

CONFIG = CONFIGS["sample"]  # whose weights are committed
PICTURES = 24
GAP = 0.002  # of mAP, at most
SETTING = f"the light CenterNet at {CONFIG.side} pixels, {PICTURES} padded drawn sites"
PIPELINE = [
    {"type": "mmdet.LoadImageFromNDArray"},
    {"type": "NoBorder"},
    {"type": "mmdet.PackDetInputs", "meta_keys": ("ori_shape", "img_shape", "border")},
]


@cache
def sites():
    """The drawn sites."""
    return load_sites(CONFIG)


@cache
def trained():
    """The chosen detector at the end of its training."""
    return stages.finish_drawn(sites(), CONFIG)[0]


@cache
def quick():
    """The same, made quick."""
    return lite.pad_inside(lite.clip_inside(detector.fuse(trained())))


@cache
def session():
    """The same as an ONNX file, opened."""
    with tempfile.TemporaryDirectory() as folder:
        return export.open_onnx(export.export(trained(), CONFIG.side, Path(folder) / "centernet.onnx"))


@cache
def squares() -> np.ndarray:
    """Padded pictures of the test part, uint8 RGB."""
    return np.stack([detector.read_square(picture.path, CONFIG.side) for picture in sites().test[:PICTURES]])


def by_torch(some: np.ndarray) -> list[dict]:
    """Our path: channels last, 16 bits where the machine is fast at it, four pictures at a time."""
    return [row for k in range(0, len(some), 4) for row in detector.detect_squares(quick(), some[k : k + 4])]


def by_onnx(some: np.ndarray) -> list[dict]:
    """onnxruntime in 32 bits, one picture after another."""
    return [row for one in some for row in export.detect_onnx(session(), one[None])]


def by_mmdet(some: np.ndarray) -> list[dict]:
    """MMDetection's own inference; it takes pictures as BGR."""
    model = trained()
    model.cfg = detector.load_config(CONFIG.chosen, CONFIG)
    found = inference_detector(model, [np.ascontiguousarray(one[..., ::-1]) for one in some], Compose(PIPELINE))
    rows = [sample.pred_instances for sample in found]
    return [{"boxes": r.bboxes.numpy(), "scores": r.scores.numpy(), "labels": r.labels.numpy()} for r in rows]


@cache
def average(path) -> float:
    """mAP of a path on the whole test part."""
    pictures = sites().test
    return coco_average(pictures, detector.detect_by(path, pictures, CONFIG.side))["map"]


def build_cases() -> list[Case]:
    """Both of our ways against MMDetection's."""

    def case(name: str, title: str, target: float, path) -> Case:
        def agree(_ours, _theirs) -> bool:
            return abs(average(path) - average(by_mmdet)) <= GAP

        return Case(name, title, SETTING, target, lambda: path(squares()), lambda: by_mmdet(squares()), agree)

    return [
        case("hardhat_predict_vs_mmdet", "PyTorch, our path", 3.0, by_torch),
        case("hardhat_onnx_vs_mmdet", "onnxruntime, 32 bits", 1.5, by_onnx),
    ]
