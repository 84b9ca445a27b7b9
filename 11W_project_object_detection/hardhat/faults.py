"""What goes wrong in detections: confusion, kinds of errors, and how they depend on size, score and box."""

import numpy as np
import pandas as pd

from hardhat.data import CLASSES
from hardhat.evaluate import Truth, ap50, assign, best_first, match, overlap, right_or_wrong

SIZES = {"up to 16": (0, 16), "16 to 32": (16, 32), "32 to 64": (32, 64), "above 64": (64, 10_000)}  # heights, pixels
KINDS = ("right", "duplicate", "wrong class", "badly placed", "background", "missed")


def confusion(truths: list[Truth], detections: list[dict], score: float) -> pd.DataFrame:
    """What is there (rows) against what is said (columns), both with background, at detections above `score`.

    A detection takes the object that it overlaps most, by half at least, of whichever class that is.
    """
    names = [*CLASSES, "background"]
    table = np.zeros((len(names), len(names)), int)
    for truth, found in zip(truths, detections, strict=True):
        rows = best_first(found, found["scores"] >= score)
        hits = assign(overlap(found["boxes"][rows], truth.boxes))
        for row, hit in zip(rows, hits, strict=True):
            table[truth.labels[hit] if hit >= 0 else -1, found["labels"][row]] += 1
        for label in np.delete(truth.labels, hits[hits >= 0]):
            table[label, -1] += 1
    return pd.DataFrame(table, index=names, columns=names)


def count_kinds(truths: list[Truth], detections: list[dict], score: float) -> dict[str, int]:
    """How many detections above `score` are right, and of what kind the others are; and how many objects are missed.

    After Hoiem et al. 2012, class by class: a detection takes an object of its own class only. A wrong class overlaps
    an object of the other class by half; a badly placed one overlaps an object by a tenth to a half; what overlaps less
    is background. An object of which the wrong class is said is also missed.
    """
    counts = dict.fromkeys(KINDS, 0)
    for truth, found in zip(truths, detections, strict=True):
        keep = found["scores"] >= score
        found = {key: value[keep] for key, value in found.items()}
        hit = np.zeros(len(truth.labels), bool)
        for label in range(len(CLASSES)):
            own = np.flatnonzero(truth.labels == label)
            rows, which = match(truth, found, label)
            right, boxes = which >= 0, found["boxes"][rows]
            hit[own[which[right]]] = True
            same = overlap(boxes, truth.boxes[own]).max(axis=1, initial=0)
            other = overlap(boxes, truth.boxes[truth.labels != label]).max(axis=1, initial=0)
            counts["right"] += int(right.sum())
            for own_overlap, other_overlap in zip(same[~right], other[~right], strict=True):
                counts[kind_of(own_overlap, other_overlap)] += 1
        counts["missed"] += int((~hit).sum())
    return counts


def kind_of(same: float, other: float) -> str:
    """The kind of a wrong detection, by its largest overlap with objects of its own class and of the other."""
    if same >= 0.5:
        return "duplicate"
    if other >= 0.5:
        return "wrong class"
    return "badly placed" if max(same, other) >= 0.1 else "background"


def count_faults(truths: list[Truth], detections: list[dict], score: float) -> np.ndarray:
    """How many faults each picture has at detections above `score`, (n,): what `confusion` has off its diagonal."""
    found = [confusion([truth], [row], score).to_numpy() for truth, row in zip(truths, detections, strict=True)]
    return np.array([table.sum() - np.trace(table) for table in found])


def by_size(truths: list[Truth], detections: list[dict], label: int) -> pd.DataFrame:
    """AP50 of the objects of each size, with their number; detections that hit others are left out, as COCO does."""
    rows = {}
    for name, (low, high) in SIZES.items():
        part_truths, part_found = [], []
        for truth, found in zip(truths, detections, strict=True):
            heights = truth.boxes[:, 3] - truth.boxes[:, 1]
            inside = (heights >= low) & (heights < high)
            others = overlap(found["boxes"], truth.boxes[~inside]).max(axis=1, initial=0) >= 0.5
            own = found["boxes"][:, 3] - found["boxes"][:, 1]
            hits = overlap(found["boxes"], truth.boxes[inside]).max(axis=1, initial=0) >= 0.5
            keep = hits | (~others & (own >= low) & (own < high))
            part_truths.append(Truth(truth.boxes[inside], truth.labels[inside]))
            part_found.append({key: value[keep] for key, value in found.items()})
        number = int(sum((truth.labels == label).sum() for truth in part_truths))
        rows[name] = {"number": number, "AP50": ap50(part_truths, part_found, label)}
    return pd.DataFrame(rows).T


def by_score(truths: list[Truth], detections: list[dict], bins: int = 10) -> pd.DataFrame:
    """Detections in bins of equal width by their score: number, mean score, share that is right at an IoU of 0.5."""
    curves = pd.concat([right_or_wrong(truths, detections, label) for label in range(len(CLASSES))])
    place = np.minimum((curves["score"] * bins).astype(int), bins - 1)
    groups = curves.groupby(place)
    table = {"number": groups.size(), "mean score": groups["score"].mean(), "right": groups["hit"].mean()}
    return pd.DataFrame(table)


def area_ratio(truths: list[Truth], detections: list[dict], score: float) -> float:
    """How large detections above `score` are, as a share of the area of the object each overlaps most: the median.

    Of detections that overlap one by a tenth at least; NaN if there are none.
    """
    ratios = [np.array([])]
    for truth, found in zip(truths, detections, strict=True):
        boxes = found["boxes"][found["scores"] >= score]
        across = overlap(boxes, truth.boxes)
        near = across.max(axis=1, initial=0) >= 0.1
        if near.any():
            objects = truth.boxes[across[near].argmax(axis=1)]
            areas = [np.prod(some[:, 2:] - some[:, :2], axis=1) for some in (boxes[near], objects)]
            ratios.append(areas[0] / areas[1])
    together = np.concatenate(ratios)
    return float(np.median(together)) if together.size else float("nan")


def enlarge(detections: list[dict], times: float) -> list[dict]:
    """Detections whose boxes are so many times as wide and as high, around the same middles."""
    found = []
    for row in detections:
        middle, half = (row["boxes"][:, :2] + row["boxes"][:, 2:]) / 2, (row["boxes"][:, 2:] - row["boxes"][:, :2]) / 2
        found.append({**row, "boxes": np.concatenate([middle - times * half, middle + times * half], axis=1)})
    return found
