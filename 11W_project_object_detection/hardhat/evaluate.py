"""Detections judged: average precision by COCO's rules, by class and size, with intervals; and what goes wrong.

A detection is a dict of arrays for one picture: boxes (n, 4) xmin ymin xmax ymax, scores (n,), labels (n,) as places in
CLASSES.
"""

import contextlib
import io
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from hardhat.data import CLASSES, Picture, to_coco

SIZES = {"up to 16": (0, 16), "16 to 32": (16, 32), "32 to 64": (32, 64), "above 64": (64, 10_000)}  # heights, pixels
KINDS = ("right", "duplicate", "wrong class", "badly placed", "background", "missed")


@dataclass(frozen=True)
class Truth:
    """What is there in one picture: boxes (n, 4), labels (n,)."""

    boxes: np.ndarray
    labels: np.ndarray


def truth_of(picture: Picture) -> Truth:
    """A picture's objects of CLASSES."""
    wanted = picture.of(*CLASSES)
    return Truth(wanted.boxes, np.array([CLASSES.index(name) for name in wanted.names], int))


def coco_average(pictures: list[Picture], detections: list[dict]) -> dict[str, float]:
    """COCO's mean average precision, over IoU 0.5 to 0.95, and that at 0.5 of each class, by pycocotools.

    Raises: ValueError for another number of detections than pictures.
    """
    check_pairs(pictures, detections)
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools tells what it does, line by line
        truth = COCO()
        truth.dataset = to_coco(pictures)
        truth.createIndex()
        rows = to_rows(detections)
        if not rows:
            return {"map": 0.0, **{f"ap50_{name}": 0.0 for name in CLASSES}}
        judge = COCOeval(truth, truth.loadRes(rows), "bbox")
        judge.evaluate()
        judge.accumulate()
    precision = judge.eval["precision"][:, :, :, 0, -1]  # (10 thresholds, 101 recalls, classes)
    found = {"map": mean_of(precision)}
    return found | {f"ap50_{name}": mean_of(precision[0, :, place]) for place, name in enumerate(CLASSES)}


def mean_of(precision: np.ndarray) -> float:
    """The mean of what is there; pycocotools marks what is not by -1."""
    there = precision[precision > -1]
    return float(there.mean()) if there.size else float("nan")


def to_rows(detections: list[dict]) -> list[dict]:
    """Detections as COCO's list."""
    return [
        {
            "image_id": number,
            "category_id": int(label) + 1,
            "bbox": [*map(float, (box[0], box[1], box[2] - box[0], box[3] - box[1]))],
            "score": float(score),
        }
        for number, found in enumerate(detections)
        for box, score, label in zip(found["boxes"], found["scores"], found["labels"], strict=True)
    ]


def check_pairs(pictures: list, detections: list) -> None:
    """Raise ValueError unless there is a detection for each picture."""
    if len(pictures) != len(detections):
        raise ValueError(f"{len(detections)} detections for {len(pictures)} pictures; give one for each")


def overlap(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of all pairs of boxes (n, 4) and (m, 4): (n, m)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (first, second)]
    return shared / np.maximum(areas[0][:, None] + areas[1][None, :] - shared, 1e-9)


def best_first(found: dict, keep: np.ndarray) -> np.ndarray:
    """Rows of those detections that `keep` (n,) marks, the highest score first."""
    rows = np.flatnonzero(keep)
    return rows[np.argsort(-found["scores"][rows], kind="stable")]


def assign(across: np.ndarray, iou: float = 0.5) -> np.ndarray:
    """For each detection, a row of overlaps (n, m), the best first, the object that it takes, (n,); -1 for none.

    Each takes the object that it overlaps most, if nobody before it has taken that.
    """
    hits, taken = np.full(len(across), -1), np.zeros(across.shape[1], bool)
    for place, line in enumerate(across):
        free = np.where(taken, -1, line)
        if len(free) and free.max() >= iou:
            hits[place] = free.argmax()
            taken[free.argmax()] = True
    return hits


def match(truth: Truth, found: dict, label: int, iou: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the detections of a class, the best first, and which object of the class each hits (-1: none)."""
    rows = best_first(found, found["labels"] == label)
    return rows, assign(overlap(found["boxes"][rows], truth.boxes[truth.labels == label]), iou)


def right_or_wrong(truths: list[Truth], detections: list[dict], label: int, iou: float = 0.5) -> pd.DataFrame:
    """The detections of a class, the highest score first: score, and whether it hits an object, 1 or 0."""
    scores, hits = [np.array([])], [np.array([])]
    for truth, found in zip(truths, detections, strict=True):
        rows, which = match(truth, found, label, iou)
        scores.append(found["scores"][rows])
        hits.append((which >= 0).astype(float))
    table = pd.DataFrame({"score": np.concatenate(scores), "hit": np.concatenate(hits)})
    return table.sort_values("score", ascending=False, kind="stable", ignore_index=True)


def precision_recall(truths: list[Truth], detections: list[dict], label: int, iou: float = 0.5) -> pd.DataFrame:
    """Precision and recall of a class at every score, the highest first."""
    table = right_or_wrong(truths, detections, label, iou)
    number = sum((truth.labels == label).sum() for truth in truths)
    right = table["hit"].cumsum()
    precision, recall = right / np.arange(1, len(table) + 1), right / max(number, 1)
    return pd.DataFrame({"score": table["score"], "precision": precision, "recall": recall})


def average_precision(curve: pd.DataFrame) -> float:
    """The area under a curve whose precision is made to fall, at COCO's 101 recalls."""
    if curve.empty:
        return 0.0
    falling = np.maximum.accumulate(curve["precision"].to_numpy()[::-1])[::-1]
    places = np.searchsorted(curve["recall"].to_numpy(), np.linspace(0, 1, 101), side="left")
    return float(np.mean([falling[place] if place < len(falling) else 0.0 for place in places]))


def ap50(truths: list[Truth], detections: list[dict], label: int) -> float:
    """Average precision of a class at IoU 0.5; NaN if there is no object of it."""
    if not any((truth.labels == label).any() for truth in truths):
        return float("nan")
    return average_precision(precision_recall(truths, detections, label))


def interval(truths: list[Truth], detections: list[dict], label: int, resamples: int, seed: int) -> tuple[float, float]:
    """The 95 % interval of `ap50`, by drawing pictures again."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(resamples):
        rows = rng.integers(len(truths), size=len(truths))
        found.append(ap50([truths[row] for row in rows], [detections[row] for row in rows], label))
    return tuple(float(edge) for edge in np.nanquantile(found, (0.025, 0.975)))


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


def confusion(truths: list[Truth], detections: list[dict], score: float) -> pd.DataFrame:
    """What is there (rows) against what is said (columns), both with background, at detections above `score`."""
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

    After Hoiem et al. 2012: a wrong class overlaps an object of the other class by half; a badly placed one overlaps an
    object by a tenth to a half; what overlaps less is background.
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


def count_faults(truths: list[Truth], detections: list[dict], score: float) -> np.ndarray:
    """How many objects of each picture are missed, and how many detections above `score` are wrong, (n,)."""
    found = [count_kinds([truth], [row], score) for truth, row in zip(truths, detections, strict=True)]
    return np.array([sum(kinds.values()) - kinds["right"] for kinds in found])


def by_score(truths: list[Truth], detections: list[dict], bins: int = 10) -> pd.DataFrame:
    """Detections in bins of equal width by their score: number, mean score, share that is right at an IoU of 0.5."""
    curves = pd.concat([right_or_wrong(truths, detections, label) for label in range(len(CLASSES))])
    place = np.minimum((curves["score"] * bins).astype(int), bins - 1)
    groups = curves.groupby(place)
    table = {"number": groups.size(), "mean score": groups["score"].mean(), "right": groups["hit"].mean()}
    return pd.DataFrame(table)


def kind_of(same: float, other: float) -> str:
    """The kind of a wrong detection, by its largest overlap with objects of its own class and of the other."""
    if same >= 0.5:
        return "duplicate"
    if other >= 0.5:
        return "wrong class"
    return "badly placed" if max(same, other) >= 0.1 else "background"
