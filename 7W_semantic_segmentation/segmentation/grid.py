"""Three networks by five losses by some seeds: each cell trained once, from a fresh start, and kept as a record.

A record holds the history, and what `evaluate.predict` gives on the validation and the test part, so that the whole
report is made from records. Cells that are there are not trained again, so an interrupted grid goes on.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from accelerate import PartialState
from tqdm import tqdm

from coursework.checkpoints import (
    list_items,
    load_weights,
    only_starts,
    provenance,
    read_facts,
    save_weights,
    spent,
    stand_for,
)
from coursework.provenance import Training, architecture_of, fingerprint
from coursework.records import ONLY_BEGUN, build_dir, keep_dir, write_bytes
from coursework.runtime import half_precision
from coursework.source_code import model_code, training_code
from segmentation.config import Config
from segmentation.data import Collection, split
from segmentation.evaluate import predict, scores
from segmentation.losses import LOSSES, bce_loss
from segmentation.models import MODELS, build_model
from segmentation.train import TrainConfig, fit

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
    """What a cell left: one dict an epoch, tables (n, 2, BINS) of both parts, masks (n, S, S) of the test part.

    `facts` are those of `coursework.checkpoints.recorded`; a record that was just computed has none yet.
    """

    history: list[dict]
    validation: np.ndarray
    test: np.ndarray
    masks: np.ndarray
    facts: dict = field(default_factory=dict)

    def first(self, number: int) -> "Record":
        """The same for the first images of the test part; what was chosen on the validation part stays."""
        return replace(self, test=self.test[:number], masks=self.masks[:number])


def all_cells(config: Config) -> Iterator[Cell]:
    """Every network with every loss, one seed after the other."""
    for seed, model, loss in product(config.seeds, MODELS, LOSSES):
        yield Cell(model, loss, seed)


def train_config_of(cell: Cell, config: Config) -> TrainConfig:
    """How a cell is trained: all alike, but for the loss."""
    return TrainConfig(cell.loss, config.epochs, config.batch, config.lr, config.warmup, half_precision(), cell.seed)


def training_of(cell: Cell, config: Config, lesions: Collection) -> Training:
    """What decides how a cell's training ends."""
    train_config = {**asdict(train_config_of(cell, config)), "precision": None}  # a matter of the machine
    sizes = {"model": cell.model, "width": config.width, "side": config.side}
    parts_of = {"parts": list(config.parts), "split_seed": config.seed}
    model = build_model(cell.model, config.width)
    taught = (fit, TrainConfig, bce_loss, LOSSES[cell.loss], split, *model_code(model))
    code = training_code(*taught, alone=[train_cell])
    parts = (lesions.train, lesions.validation, lesions.test)
    items = [np.concatenate(arrays) for arrays in zip(*((part.images, part.masks) for part in parts), strict=True)]
    names = [name for part in parts for name in part.names]
    return Training(train_config | sizes | parts_of, code, fingerprint(lesions.name, names, *items))


def run_cell(cell: Cell, config: Config, lesions: Collection, suffix: str = "") -> Record:
    """The record of a cell: the committed one unless `config.retrain`, else that below `build/`, else trained now.

    With `config.practice`, cells of the first seed are trained for a moment, to show that the loop runs, before the
    committed record is read. `suffix` is added to the folder's name, for another training of the same cell.
    """
    practice = only_starts(config)
    own = in_practice(config) if practice else config
    training, name = training_of(cell, config, lesions), record_name(cell, lesions, suffix)
    committed, fresh = FOLDER / name, keep_dir("7W") / name
    if practice and not config.retrain and cell.seed == config.seeds[0] and not suffix:
        train_unless_there(cell, own, lesions.first(2, 1, 1), build_dir("7W") / "practice" / name)
    if committed.is_file() and not config.retrain:
        record = read_record(committed)
        facts = stand_for(training, committed, record and record.facts, FOLDER, "record", few=practice)
        if facts:
            record.facts.update(facts)
            return record.first(len(lesions.test))
    record = train_unless_there(cell, own, lesions, fresh)
    record.facts.update(provenance(fresh, keep_dir("7W"), "computed"))
    return record


def in_practice(config: Config) -> Config:
    """The config of a short training: an epoch of cross-entropy, and one of the cell's own loss."""
    return replace(config, epochs=2, warmup=0.5, batch=2)


def train_unless_there(cell: Cell, config: Config, lesions: Collection, fresh: Path) -> Record:
    """The record of a cell below `build/`, trained now if it is not there."""
    record = read_record(fresh)
    if record is None or record.facts["key"] != training_of(cell, config, lesions).key:
        record = train_cell(cell, config, lesions, fresh)
    return record


def record_name(cell: Cell, lesions: Collection, suffix: str = "") -> Path:
    """Where a cell's record lies below the week's folder, or below `build/`."""
    return Path("grid") / f"{lesions.name}{suffix}" / f"{cell.name}.npz"


def train_cell(cell: Cell, config: Config, lesions: Collection, path: Path) -> Record:
    """Train one cell from a fresh start; its record goes to `path`, its weights below `build/`.

    The weights are rounded to half precision first, and evaluated as rounded, as they are when loaded.
    """
    train_config, training = train_config_of(cell, config), training_of(cell, config, lesions)
    torch.manual_seed(train_config.seed)
    model = build_model(cell.model, config.width)
    weights = build_dir("7W") / weights_name(cell, lesions)
    history = fit(
        model, lesions.train, lesions.validation, train_config, weights.with_suffix(".checkpoint"), training.key
    )
    facts = {**training.as_facts(), "history": history, "training": spent(history)}
    state = PartialState()
    if state.is_main_process:
        save_weights(weights, model, facts | {"architecture": architecture_of(model)})
    state.wait_for_everyone()
    model = build_model(cell.model, config.width)  # the trained one still computes in the precision of its training
    load_weights(weights, model)
    record = judge(model, lesions, facts)
    if state.is_main_process:
        write_record(path, record)
        list_items("7W", training)
    state.wait_for_everyone()
    return record


def weights_name(cell: Cell, lesions: Collection) -> Path:
    """Where a cell's weights lie below the week's folder, or below `build/`."""
    return Path("weights") / lesions.name / f"{cell.name}.safetensors"


def finish(cell: Cell, config: Config, lesions: Collection) -> tuple[torch.nn.Module, dict]:
    """A cell's trained network, with the facts of `coursework.checkpoints.obtain`.

    The weights are the committed ones unless `config.retrain`, else those below `build/`, else trained now, with
    `config.practice` only for a moment.
    """
    practice = only_starts(config)
    own = in_practice(config) if practice else config
    training, name = training_of(cell, config, lesions), weights_name(cell, lesions)
    model, fresh, committed = build_model(cell.model, config.width), build_dir("7W") / name, FOLDER / name
    if committed.is_file() and not config.retrain:
        about, shape = read_facts(committed), architecture_of(model)
        facts = stand_for(training, committed, about, FOLDER, "weights", shape, few=practice)
        if facts:
            return model, load_weights(committed, model) | facts
    if (read_facts(fresh) or {}).get("key") != training_of(cell, own, lesions).key:
        train_cell(cell, own, lesions, keep_dir("7W") / record_name(cell, lesions))
    kept = keep_dir("7W") / name
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(kept, fresh.read_bytes())
    return model, load_weights(fresh, model) | provenance(fresh, build_dir("7W"), "computed")


def judge(model: torch.nn.Module, lesions: Collection, facts: dict) -> Record:
    """What a trained network says of the validation and the test part; `facts` are those of its training."""
    tables, masks = predict(model, lesions.test)
    return Record(facts["history"], predict(model, lesions.validation)[0], tables, masks, dict(facts))


def write_record(path: Path, record: Record) -> None:
    """Write a record whole or not at all; masks as bits."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        facts=json.dumps({**record.facts, "history": record.history, "side": record.masks.shape[-1]}),
        validation=record.validation.astype(np.int32),
        test=record.test.astype(np.int32),
        masks=np.packbits(record.masks, axis=-1),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, buffer.getvalue())


def read_record(path: Path) -> Record | None:
    """The record in a file; None if there is none, or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            facts = json.loads(str(file["facts"]))
            masks = np.unpackbits(file["masks"], axis=-1, count=facts.pop("side")).astype(bool)
            return Record(facts["history"], file["validation"], file["test"], masks, facts)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def all_or_none(config: Config, lesions: Collection) -> Config:
    """`config`; with `retrain` if trainings only start and not all committed records of the grid belong to them.

    Otherwise, after a change of one loss, networks that have only begun would be compared with finished ones.
    """
    if not only_starts(config) or config.retrain:
        return config
    changed = {}
    for cell in all_cells(config):
        committed = FOLDER / record_name(cell, lesions)
        facts = getattr(read_record(committed), "facts", None)
        reason = training_of(cell, config, lesions).difference(facts, few=True)
        if reason:
            changed[committed.name] = reason
    if not changed:
        return config
    name, reason = next(iter(changed.items()))
    print(f"{len(changed)} of the grid's records do not belong to this code and data ({name}: {reason}); {ONLY_BEGUN}")
    return replace(config, retrain=True)


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
    config = all_or_none(config, lesions)
    records = run_grid(config, lesions)
    kept = winners(records)
    for cell in kept.values():
        finish(cell, config, lesions)
        again(cell, config, lesions)
    best = next(iter(kept.values()))
    for seed in config.seeds:
        run_cell(Cell(best.model, best.loss, seed), config, drawings)
    return records


def again(cell: Cell, config: Config, lesions: Collection) -> Record:
    """The record of the same training, done a second time from scratch."""
    return run_cell(cell, config, lesions, "-again")
