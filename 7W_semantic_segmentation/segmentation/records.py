"""Records of training runs: the history, and the predictions for the validation and the test images."""

import io
import json
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torch import nn

from coursework.records import write_bytes
from segmentation import evaluate
from segmentation.data import LesionSplit


@dataclass(frozen=True)
class Experiment:
    """One training run of the grid."""

    model: str
    loss: str
    seed: int

    @property
    def name(self) -> str:
        """The name of its files."""
        return f"{self.model}-{self.loss}-{self.seed}"


@dataclass(frozen=True)
class Record:
    """The history, one dict per epoch, and predictions of a training run; `facts` describe the training.

    Shapes: `validation` and `test` (n, 2, 2, BINS), see `evaluate.count_pixels`; `masks` (n, S, S), predictions for the
    test images; `validation_probs` (n, S, S), and `probs` (4, S, S) of the images of `example_rows`, uint8, in percent;
    `boundary` (n, 2), boundary errors without and with `outside_is_skin`; `diagnoses` (n,).
    """

    history: list[dict]
    validation: np.ndarray
    test: np.ndarray
    masks: np.ndarray
    validation_probs: np.ndarray
    probs: np.ndarray
    boundary: np.ndarray
    diagnoses: np.ndarray
    facts: dict = field(default_factory=dict)


def evaluate_network(model: nn.Module, lesions: LesionSplit, history: list[dict], facts: dict) -> Record:
    """The predictions of a trained network for the validation and the test images."""
    test, masks = evaluate.predict(model, lesions.test)
    errors = [evaluate.boundary_error(masks, lesions.test.masks, outside) for outside in (False, True)]
    validation = evaluate.predict(model, lesions.validation)[0]
    examples = lesions.test.subset(example_rows(lesions.test.masks))
    percent = [evaluate.probability_maps(model, part) for part in (lesions.validation, examples)]
    boundary = np.stack(errors, axis=1)
    return Record(history, validation, test, masks, *percent, boundary, lesions.test.diagnoses, dict(facts))


def example_rows(masks: np.ndarray, number: int = 4) -> np.ndarray:
    """Rows of `number` test images from small to large lesions, for masks (n, S, S)."""
    order = np.argsort(masks.mean(axis=(1, 2)), kind="stable")
    return order[np.linspace(0, len(order) - 1, number + 2).round().astype(int)[1:-1]]


def record_name(experiment: Experiment) -> Path:
    """The path of a record below the week's folder, or below `build/`."""
    return Path("grid") / f"{experiment.name}.npz"


def write_record(path: Path, record: Record) -> None:
    """Write a record atomically; masks as bits."""
    buffer, header = io.BytesIO(), record.facts | {"history": record.history, "size": record.masks.shape[-1]}
    np.savez_compressed(
        buffer,
        facts=json.dumps(header, sort_keys=True),
        validation=record.validation.astype(np.int32),
        test=record.test.astype(np.int32),
        masks=np.packbits(record.masks, axis=-1),
        validation_probs=record.validation_probs,
        probs=record.probs,
        boundary=record.boundary.astype(np.float32),
        diagnoses=record.diagnoses.astype(np.int8),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, buffer.getvalue())


def read_record(path: Path) -> Record | None:
    """The record in a file; None if there is none, or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            facts = json.loads(str(file["facts"]))
            masks = np.unpackbits(file["masks"], axis=-1, count=facts.pop("size")).astype(bool)
            names = ("validation_probs", "probs", "boundary", "diagnoses")
            arrays = (file["validation"], file["test"], masks, *(file[name] for name in names))
            return Record(facts.pop("history"), *arrays, facts)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error):
        return None
