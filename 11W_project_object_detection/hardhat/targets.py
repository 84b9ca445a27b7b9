"""CenterNet's targets and its way back to boxes in plain numpy, to be read; mmdet's own are what trains.

Source: Zhou, Wang and Krähenbühl 2019, sections 3 and 4, arXiv:1904.07850; the radius: Law and Deng 2018, section 3.1.
"""

import numpy as np
import torch
from torch import nn


def gaussian_radius(height: float, width: float, least: float = 0.3) -> float:
    """How far a corner pair may be off, in all three ways, for a box to keep an IoU of `least`, in cells of the map.

    The smallest root of three quadratic equations: both corners move inwards, both outwards, one of each. The form of
    the roots is that of the reference implementation, which mmdet keeps.
    """
    total, area = height + width, height * width
    cases = (
        (1.0, -total, area * (1 - least) / (1 + least)),
        (4.0, -2 * total, (1 - least) * area),
        (4 * least, 2 * least * total, (least - 1) * area),
    )
    first, second, third = (np.sqrt(b**2 - 4 * a * c) for a, b, c in cases)
    return min(
        (total - first) / 2,
        (2 * total - second) / 8,
        (-2 * least * total + third) / (8 * least),
    )


def draw_gaussian(heat: np.ndarray, x: int, y: int, radius: int) -> None:
    """Put a bump of height 1 at (x, y) into a map (H, W), in place; where bumps meet, the higher one stays."""
    deviation = (2 * radius + 1) / 6
    rows, columns = np.mgrid[0 : heat.shape[0], 0 : heat.shape[1]]
    square = (columns - x) ** 2 + (rows - y) ** 2
    bump = np.exp(-square / (2 * deviation**2))
    near = (abs(columns - x) <= radius) & (abs(rows - y) <= radius)
    np.maximum(heat, np.where(near, bump, 0), out=heat)


def make_targets(boxes: np.ndarray, labels: np.ndarray, classes: int, side: int, cells: int) -> dict[str, np.ndarray]:
    """What the head should say for the boxes (n, 4) of a square picture: maps of cells × cells.

    "heat" (classes, cells, cells); "size" and "offset" (2, cells, cells), in cells, of which only those at "weight" 1
    count.
    """
    scale = cells / side
    found = {"heat": np.zeros((classes, cells, cells)), "size": np.zeros((2, cells, cells))}
    found |= {"offset": np.zeros((2, cells, cells)), "weight": np.zeros((2, cells, cells))}
    for box, label in zip(boxes * scale, labels, strict=True):
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        width, height = box[2] - box[0], box[3] - box[1]
        column, row = int(x), int(y)
        radius = max(0, int(gaussian_radius(height, width)))
        draw_gaussian(found["heat"][label], column, row, radius)
        found["size"][:, row, column] = width, height
        found["offset"][:, row, column] = x - column, y - row
        found["weight"][:, row, column] = 1
    return found


def decode(heat: np.ndarray, size: np.ndarray, offset: np.ndarray, side: int, most: int = 100) -> dict[str, np.ndarray]:
    """The way back: cells that are highest among their neighbours become boxes, the best `most` of them.

    No other suppression is needed: an object has one middle.
    """
    cells = heat.shape[1]
    padded = np.pad(heat, ((0, 0), (1, 1), (1, 1)))
    around = [padded[:, dy : dy + cells, dx : dx + cells] for dy in range(3) for dx in range(3)]
    peaks = np.where(heat == np.max(around, axis=0), heat, 0)
    order = np.argsort(-peaks, axis=None, kind="stable")[:most]
    labels, rows, columns = np.unravel_index(order, peaks.shape)
    middles = np.stack([columns, rows]) + offset[:, rows, columns]
    half = size[:, rows, columns] / 2
    boxes = np.concatenate([middles - half, middles + half]).T * side / cells
    return {"boxes": boxes.clip(0, side), "scores": peaks.ravel()[order], "labels": labels}


def draw_on_cpu(head: nn.Module) -> None:
    """Have mmdet's CenterNet draw its targets on the CPU: box by box, in steps too tiny for a GPU."""
    draw = head.get_targets

    def draw_and_move(boxes: list[torch.Tensor], labels: list[torch.Tensor], *shapes):
        targets, number = draw([some.cpu() for some in boxes], [some.cpu() for some in labels], *shapes)
        return {name: target.to(boxes[0].device) for name, target in targets.items()}, number

    head.get_targets = draw_and_move
