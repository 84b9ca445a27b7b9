"""Three networks by five losses by some seeds: each cell trained once, from a fresh start, and kept as a record.

A record holds the history, and what `evaluate.predict` gives on the validation and the test part, so that the whole
report is made from records. Cells that are there are not trained again, so an interrupted grid goes on.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from accelerate import PartialState
from tqdm import tqdm

from coursework.checkpoints import load_weights, read_facts, save_weights, training_key
from coursework.records import build_dir, keep_dir, write_bytes
from coursework.runtime import half_precision
from segmentation.config import Config
from segmentation.data import Collection, Lesions
from segmentation.evaluate import predict, scores
from segmentation.losses import LOSSES
from segmentation.models import MODELS, build_model
from segmentation.train import Plan, fit

FOLDER = Path(__file__).resolve().parents[1]  # of the week


@dataclass(frozen=True)
class Cell:
    """One training of the grid."""

    model: str
    loss: str
    seed: int

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"{self.model}-{self.loss}-{self.seed}"


@dataclass(frozen=True)
class Record:
    """What a cell left: one dict an epoch, tables (n, 2, BINS) of both parts, masks (n, S, S) of the test part."""

    history: list[dict]
    validation: np.ndarray
    test: np.ndarray
    masks: np.ndarray


def all_cells(config: Config) -> Iterator[Cell]:
    """Every network with every loss, one seed after the other."""
    for seed, model, loss in product(config.seeds, MODELS, LOSSES):
        yield Cell(model, loss, seed)


def plan_of(cell: Cell, config: Config) -> Plan:
    """How a cell is trained: all alike, but for the loss."""
    return Plan(cell.loss, config.epochs, config.batch, config.rate, config.warmup, half_precision(), cell.seed)


def cell_key(cell: Cell, config: Config, lesions: Collection) -> str:
    """What tells this training from any other: its rules, its network's name and width, and its pictures.

    The code is not part of it: after a change there, delete `build/7W` and train again with `retrain`.
    """
    rules = {**asdict(plan_of(cell, config)), "precision": None}  # a matter of the machine
    parts = (lesions.train, lesions.validation, lesions.test)
    arrays = [array for part in parts for array in (part.images, part.masks)]
    return training_key(asdict(cell), rules, config.width, *arrays)


def run_cell(cell: Cell, config: Config, lesions: Collection) -> Record:
    """The record of a cell: the committed one unless `config.retrain`, else that below `build/`, else trained now."""
    key = cell_key(cell, config, lesions)
    fresh = record_path(cell, lesions)
    committed = FOLDER / fresh.relative_to(keep_dir("7W"))
    for path in (fresh,) if config.retrain else (committed, fresh):
        record = read_record(path, key)
        if record is not None:
            return record
    return train_cell(cell, config, lesions, key, fresh)


def record_path(cell: Cell, lesions: Collection) -> Path:
    """Where a new record is written."""
    return keep_dir("7W") / "grid" / lesions.name / f"{cell.name}.npz"


def train_cell(cell: Cell, config: Config, lesions: Collection, key: str, path: Path) -> Record:
    """Train one cell from a fresh start; its record goes to `path`, its weights below `build/`.

    The weights are rounded to half precision first, and judged as rounded: so they say the same when they are loaded.
    """
    plan = plan_of(cell, config)
    torch.manual_seed(plan.seed)
    model = build_model(cell.model, config.width)
    weights = build_dir("7W") / weights_name(cell, lesions)
    checkpoint = weights.with_suffix(".checkpoint")
    history = fit(model, lesions.train, lesions.validation, plan, checkpoint, key)
    state = PartialState()
    if state.is_main_process:
        save_weights(weights, model, {"key": key})
    state.wait_for_everyone()
    record = judge(load_network(cell, config, weights), history, lesions.validation, lesions.test)
    if state.is_main_process:
        write_record(path, record, key)
    return record


def weights_name(cell: Cell, lesions: Collection) -> Path:
    """Where a cell's weights lie below the week's folder, or below `build/`."""
    return Path("weights") / lesions.name / f"{cell.name}.safetensors"


def find_weights(cell: Cell, config: Config, lesions: Collection) -> Path:
    """A cell's weights: the committed ones unless `config.retrain`, else those below `build/`, else trained now.

    Those of photographs are put aside to be committed; those of drawings anybody can train again.
    """
    key, name = cell_key(cell, config, lesions), weights_name(cell, lesions)
    fresh = build_dir("7W") / name
    places = (fresh,) if config.retrain else (FOLDER / name, fresh)
    path = next((place for place in places if (read_facts(place) or {}).get("key") == key), None)
    if path is None:
        path = fresh
        train_cell(cell, config, lesions, key, record_path(cell, lesions))
    if path == fresh and lesions.generator is None:
        kept = keep_dir("7W") / name
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(kept, fresh.read_bytes())
    return path


def load_network(cell: Cell, config: Config, weights: Path) -> torch.nn.Module:
    """A cell's network with these weights."""
    model = build_model(cell.model, config.width)
    load_weights(weights, model)
    return model


def judge(model, history: list[dict], validation: Lesions, test: Lesions) -> Record:
    """What a trained network says of both parts."""
    tables, masks = predict(model, test)
    return Record(history, predict(model, validation)[0], tables, masks)


def write_record(path: Path, record: Record, key: str) -> None:
    """Write a record whole or not at all; masks as bits."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        facts=json.dumps({"key": key, "history": record.history, "side": record.masks.shape[-1]}),
        validation=record.validation.astype(np.int32),
        test=record.test.astype(np.int32),
        masks=np.packbits(record.masks, axis=-1),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, buffer.getvalue())


def read_record(path: Path, key: str) -> Record | None:
    """The record in a file; None if there is none, or it is damaged or another training's."""
    try:
        with np.load(path, allow_pickle=False) as file:
            facts = json.loads(str(file["facts"]))
            masks = np.unpackbits(file["masks"], axis=-1, count=facts["side"]).astype(bool)
            record = Record(facts["history"], file["validation"], file["test"], masks)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    return record if facts["key"] == key else None


def run_grid(config: Config, lesions: Collection) -> dict[Cell, Record]:
    """All cells, trained where they are not there yet."""
    cells = list(all_cells(config))
    return {cell: run_cell(cell, config, lesions) for cell in tqdm(cells, desc="grid", unit="cell", leave=False)}


def winners(records: dict[Cell, Record]) -> dict[str, Cell]:
    """For each network, the cell to keep, the best network first: chosen on the validation part alone.

    The loss with the best IoU, averaged over the seeds, and of its seeds the best.
    """
    values = pd.Series({(c.model, c.loss, c.seed): scores(record.validation)["iou"] for c, record in records.items()})
    groups = values.groupby(level=[0, 1], sort=False)
    tops = groups.idxmax()
    best = {}
    for pair in groups.mean().sort_values(ascending=False, kind="stable").index:
        model, loss, seed = tops[pair]
        best.setdefault(model, Cell(model, loss, int(seed)))
    return best


def train_all(config: Config, lesions: Collection, drawings: Collection) -> dict[Cell, Record]:
    """Everything that the report is made from; returns the grid's records."""
    records = run_grid(config, lesions)
    kept = winners(records)
    for cell in kept.values():
        find_weights(cell, config, lesions)
        again(cell, config, lesions)
    best = next(iter(kept.values()))
    for seed in config.seeds:
        run_cell(Cell(best.model, best.loss, seed), config, drawings)
    return records


def again(cell: Cell, config: Config, lesions: Collection) -> Record:
    """The record of the same training, done a second time from nothing."""
    return run_cell(cell, config, replace(lesions, name=f"{lesions.name}-again"))
