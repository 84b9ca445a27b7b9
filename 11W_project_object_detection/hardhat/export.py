"""CenterNet for where no PyTorch is: one ONNX file, from the picture to the boxes."""

import copy
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn
from torch.nn import functional as F

from coursework.runtime import thread_count
from hardhat.data import CLASSES


class WholeCenterNet(nn.Module):
    """Pictures (N, S, S, 3), float of 0 to 255, to boxes (N, k, 4) in pixels, scores (N, k) and labels (N, k)."""

    def __init__(self, model: nn.Module, most: int = 100):
        super().__init__()
        self.backbone, self.neck, self.head, self.most = model.backbone, model.neck, model.bbox_head, most
        self.colours = model.data_preprocessor

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        images = (pictures.permute(0, 3, 1, 2) - self.colours.mean) / self.colours.std
        (maps,) = self.neck(self.backbone(images))[-1:]
        heat = self.head.heatmap_head(maps).sigmoid()
        return decode(heat, self.head.wh_head(maps), self.head.offset_head(maps), pictures.shape[1], self.most)


def decode(heat: torch.Tensor, size: torch.Tensor, offset: torch.Tensor, side: int, most: int):
    """Maps to the `most` best boxes, scores and labels; `targets.decode` says the same for one picture in numpy."""
    cells = heat.shape[-1]
    peaks = heat * (F.max_pool2d(heat, 3, stride=1, padding=1) == heat)
    scores, order = peaks.flatten(1).topk(most)
    labels, place = order // cells**2, order % cells**2
    chosen = [maps.flatten(2).gather(2, place[:, None].expand(-1, 2, -1)) for maps in (size, offset)]
    middle = torch.stack([place % cells, place // cells], dim=1) + chosen[1]
    boxes = torch.cat([middle - chosen[0] / 2, middle + chosen[0] / 2], dim=1) * (side / cells)
    return boxes.transpose(1, 2), scores, labels


def export(model: nn.Module, side: int, path: Path) -> Path:
    """Write a CenterNet as an ONNX file for any number of pictures of this side; returns its path."""
    whole = WholeCenterNet(copy.deepcopy(model).to("cpu")).eval()
    batch = torch.export.Dim("batch", min=1, max=64)
    path.parent.mkdir(parents=True, exist_ok=True)
    program = torch.onnx.export(
        whole,
        (torch.zeros(2, side, side, 3),),
        input_names=["pictures"],
        output_names=["boxes", "scores", "labels"],
        dynamic_shapes={"pictures": {0: batch}},
        dynamo=True,
        verbose=False,
    )
    program.model.metadata_props["classes"] = ", ".join(CLASSES)
    program.save(str(path))
    return path


def open_onnx(path: Path) -> onnxruntime.InferenceSession:
    """An exported detector. Raises FileNotFoundError, or ValueError if the file is none, or one of other classes."""
    if not path.is_file():
        raise FileNotFoundError(f"{path.name} is not in {path.parent.name}/; export it first")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = thread_count()
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises kinds of its own
        raise ValueError(f"{path.name} is no ONNX file ({type(error).__name__}); export it again") from None
    names = [output.name for output in session.get_outputs()]
    if names != ["boxes", "scores", "labels"]:
        raise ValueError(f"{path.name} gives {', '.join(names)}; expected boxes, scores, labels")
    classes = session.get_modelmeta().custom_metadata_map.get("classes")
    if classes != ", ".join(CLASSES):
        raise ValueError(f"{path.name} tells apart {classes}; expected {', '.join(CLASSES)}")
    return session


def detect_onnx(session: onnxruntime.InferenceSession, squares: np.ndarray) -> list[dict]:
    """What an exported detector finds in squares, uint8 RGB (n, S, S, 3), in their pixels."""
    boxes, scores, labels = session.run(None, {"pictures": squares.astype(np.float32)})
    rows = zip(boxes, scores, labels, strict=True)
    return [{"boxes": box, "scores": score, "labels": label} for box, score, label in rows]


def compare(first: list[dict], second: list[dict], score: float) -> tuple[float, float]:
    """The largest differences of boxes, in pixels, and of scores between two detectors' answers to the same pictures.

    Of detections with a score above `score` in either; the nearest box of the same class is compared. Raises:
    ValueError if one of them has none in the other.
    """
    boxes = scores = 0.0
    for one, other in ((first, second), (second, first)):
        for here, there in zip(one, other, strict=True):
            for row in np.flatnonzero(here["scores"] >= score):
                same = there["labels"] == here["labels"][row]
                if not same.any():
                    raise ValueError(f"a detection with a score of {here['scores'][row]:.3f} is not in the other's")
                gaps = np.abs(there["boxes"][same] - here["boxes"][row]).max(axis=1)
                boxes = max(boxes, float(gaps.min()))
                scores = max(scores, float(abs(there["scores"][same][gaps.argmin()] - here["scores"][row])))
    return boxes, scores
