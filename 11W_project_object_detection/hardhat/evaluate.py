"""Detections judged: average precision by COCO's rules, with intervals.

A detection is a dict of arrays for one picture: boxes (n, 4) xmin ymin xmax ymax, scores (n,), labels (n,) as places in
CLASSES.
"""

import contextlib
import io
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torchvision.ops import box_iou

from hardhat.data import CLASSES, Picture, to_coco


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
    boxes = (torch.from_numpy(some.astype(np.float64)) for some in (first, second))
    return box_iou(*boxes).nan_to_num().numpy()  # NaN of two boxes without area


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
    """The detections of a class, the highest score first: score, whether it hits an object (1 or 0), its picture."""
    scores, hits, pictures = [np.array([])], [np.array([])], [np.array([], int)]
    for number, (truth, found) in enumerate(zip(truths, detections, strict=True)):
        rows, which = match(truth, found, label, iou)
        scores.append(found["scores"][rows])
        hits.append((which >= 0).astype(float))
        pictures.append(np.full(len(rows), number))
    columns = {"score": scores, "hit": hits, "picture": pictures}
    table = pd.DataFrame({name: np.concatenate(values) for name, values in columns.items()})
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
    return area_below(curve["precision"].to_numpy(), curve["recall"].to_numpy())


def area_below(precision: np.ndarray, recall: np.ndarray) -> float:
    """The same for a curve as two arrays (n,), the lowest recall first; 0 for an empty one."""
    falling = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)  # beyond the last recall nothing is found
    return float(falling[np.searchsorted(recall, np.linspace(0, 1, 101), side="left")].mean())


def ap50(truths: list[Truth], detections: list[dict], label: int) -> float:
    """Average precision of a class at IoU 0.5; NaN if there is no object of it."""
    if not any((truth.labels == label).any() for truth in truths):
        return float("nan")
    return average_precision(precision_recall(truths, detections, label))


def interval(truths: list[Truth], detections: list[dict], label: int, resamples: int, seed: int) -> tuple[float, float]:
    """The 95 % interval of `ap50`, by the bootstrap: as many pictures are drawn from them, with replacement."""
    return middle_share(bootstrap(truths, detections, label, resamples, seed))


def difference(
    truths: list[Truth], first: list[dict], second: list[dict], label: int, resamples: int, seed: int
) -> tuple[float, float]:
    """The 95 % interval of how much better `first` is than `second` in `ap50`; both are judged on the same draws."""
    drawn = [bootstrap(truths, detections, label, resamples, seed) for detections in (first, second)]
    return middle_share(drawn[0] - drawn[1])


def middle_share(values: np.ndarray) -> tuple[float, float]:
    """What 95 % of values lie between, as many above as below."""
    return tuple(float(edge) for edge in np.nanquantile(values, (0.025, 0.975)))


def bootstrap(truths: list[Truth], detections: list[dict], label: int, resamples: int, seed: int) -> np.ndarray:
    """`ap50` of as many pictures, drawn from them with replacement, (resamples,); NaN where none has an object.

    A picture that is drawn twice counts twice: no detection has to be matched again.
    """
    table, rng = right_or_wrong(truths, detections, label), np.random.default_rng(seed)
    objects = np.array([(truth.labels == label).sum() for truth in truths])
    hit, picture = table["hit"].to_numpy(), table["picture"].to_numpy()
    found = np.full(resamples, np.nan)
    for place in range(resamples):
        times = np.bincount(rng.integers(len(truths), size=len(truths)), minlength=len(truths))
        right, said = np.cumsum(hit * times[picture]), np.cumsum(times[picture])
        if number := times @ objects:
            found[place] = area_below(right / np.maximum(said, 1), right / number)
    return found


def best_score(truths: list[Truth], detections: list[dict]) -> float:
    """The score, in steps of 0.05, above which detections have the largest F1, of all classes together.

    F1 is 2 right / (detections + objects). For pictures that are not those of the test.
    """
    table = pd.concat([right_or_wrong(truths, detections, label) for label in range(len(CLASSES))])
    objects = sum(len(truth.labels) for truth in truths)
    steps = np.arange(1, 20) / 20
    kept = [table[table["score"] >= step] for step in steps]
    return float(steps[np.argmax([2 * rows["hit"].sum() / max(len(rows) + objects, 1) for rows in kept])])
