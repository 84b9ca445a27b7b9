"""Weights, records and training checkpoints: written atomically, read without executing pickled code.

`coursework.provenance` decides to which training they belong; a checkpoint is identified by its training key.
"""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import torch
from accelerate import PartialState
from accelerate.utils import extract_model_from_parallel
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from coursework.datasets import sha256
from coursework.provenance import OTHER_CODE, OTHER_DATA, Training, architecture_of, listing_of
from coursework.records import ONLY_BEGUN, build_dir, create, keep_dir, write_bytes, write_text
from coursework.runtime import device_name


def save_weights(path: Path, model: nn.Module, facts: dict) -> None:
    """Write the trainable parameters and the buffers of `model` in half precision, with `facts` in the file's header.

    Frozen parameters are left out: the code that builds the model loads them from their own source.
    """
    if not any(value.requires_grad for value in model.parameters()):
        raise ValueError("the model has no trainable parameters; set requires_grad to True for some of them")
    frozen = {name for name, value in model.named_parameters() if not value.requires_grad}
    state = {name: value for name, value in model.state_dict().items() if name not in frozen}
    half = {name: (v.half() if v.is_floating_point() else v).cpu().contiguous() for name, v in state.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, save(half, {"facts": json.dumps(facts, sort_keys=True)}))


def read_facts(path: Path) -> dict | None:
    """What the header of a weights file says; None if there is no such file, or it is damaged."""
    try:
        with safe_open(str(path), "pt") as file:
            return json.loads(file.metadata()["facts"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None


def load_weights(path: Path, model: nn.Module) -> dict:
    """Put the weights of `path` into `model`; returns the file's facts.

    Raises: FileNotFoundError, or ValueError if the file is damaged or belongs to a model of another shape.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path.name} is not in {path.parent.name}/; train, or restore it from git")
    facts = read_facts(path)
    if facts is None:
        raise ValueError(f"{path.name} is damaged or not a weights file of this course; restore or delete it")
    own = model.state_dict()
    with safe_open(str(path), "pt") as file:
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dict
    for name, value in stored.items():
        if name not in own or own[name].shape != value.shape:
            expected = tuple(own[name].shape) if name in own else "no such parameter"
            raise ValueError(f"{path.name} has {name} of shape {tuple(value.shape)}, the model expects {expected}")
    missing = {name for name, value in model.named_parameters() if value.requires_grad} - set(stored)
    if missing:
        raise ValueError(f"{path.name} lacks {sorted(missing)[0]} and {len(missing) - 1} more parameters of the model")
    model.load_state_dict({name: value.to(own[name].dtype) for name, value in stored.items()}, strict=False)
    return facts


def save_checkpoint(path: Path, state: dict) -> None:
    """Write a checkpoint: tensors, numbers, texts, lists and dicts of them; "key" identifies its training."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, buffer.getvalue())


def load_checkpoint(path: Path, key: str) -> dict | None:
    """The checkpoint with this key; None if there is none, if it is damaged, or if it belongs to another training."""
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what the damaged bytes happen to make its reader raise
        print(f"{path.name} is damaged ({type(error).__name__}); training starts from scratch")
        return None
    return state if isinstance(state, dict) and state.get("key") == key else None


def obtain(
    week: str,
    folder: Path,
    name: str,
    model: nn.Module,
    training: Training,
    train: Callable[[Path, str], list[dict]],
    retrain: bool = False,
    released: Training | None = None,
    classes: tuple[str, ...] = (),
    practice: Training | None = None,
) -> dict:
    """Load the trained weights called `name` into `model`, or train it; returns facts about them.

    Weights that this machine trained and kept below `build/` come first. Next are those committed in `folder`, unless
    `retrain`: they must fit the model and belong to `training` or, if given, to `released`, the same training with the
    settings of the released weights. Otherwise `train(checkpoint, key)` trains `model` in place, resumes from an
    existing checkpoint, and returns the history. New weights are rounded to half precision, as if they were loaded.
    `practice` is a short training that only shows that the loop runs. If it is given, `train` does it, first, into a
    folder of its own; then committed weights are loaded if they belong to `training`, however few of its data there
    are. Only if they do not, a line is printed, and the weights of the short training are those that are used.
    The facts are those in the file's header, and "origin" ("weights" if committed weights were loaded, "computed" if
    they were trained on this machine), "digests" of the files, and "differing", how many items of the data were not
    in the training data.
    Raises: ValueError while results are reproduced, if committed weights do not belong to this training.
    """
    short = practice if practice and not reproducing() else None
    root, own = (build_dir(week) / "practice", short) if short else (keep_dir(week), training)
    fresh, committed = (place / "weights" / f"{name}.safetensors" for place in (root, folder))
    architecture = architecture_of(model, classes)
    done = read_facts(fresh)
    trained = bool(done) and (done.get("key"), done.get("architecture")) == (own.key, architecture)
    if short and not trained:
        train_and_keep(week, fresh, model, own, train, architecture)
        trained = True
    if committed.is_file() and not retrain and (short or not trained):
        wanted, about = released or training, read_facts(committed)
        facts = stand_for(wanted, committed, about, folder, "weights", architecture, few=bool(short))
        if facts:
            return load_weights(committed, model) | facts
    if not trained:
        train_and_keep(week, fresh, model, own, train, architecture)
        if PartialState().is_main_process:
            list_items(week, own)
    return load_weights(fresh, model) | provenance(fresh, root, "computed")


def train_and_keep(
    week: str, fresh: Path, model: nn.Module, training: Training, train: Callable, architecture: str
) -> None:
    """Train `model` and write its weights to `fresh`, with all that `obtain` wants to know of them."""
    history = train(build_dir(week) / f"{fresh.stem}.checkpoint", training.key)
    state = PartialState()
    if state.is_main_process:
        facts = {**training.as_facts(), "architecture": architecture, "history": history}
        save_weights(fresh, model, facts | {"training": spent(history)})
    state.wait_for_everyone()
    extract_model_from_parallel(model, keep_fp32_wrapper=False)  # computes as one that was loaded, not as in training


def stand_for(
    training: Training,
    path: Path,
    facts: dict | None,
    folder: Path,
    origin: str,
    architecture: str | None = None,
    few: bool = False,
) -> dict | None:
    """Origin, digests and differing items of a committed file if it belongs to `training`; else None.

    Weights must also have this `architecture`. With `few`, as after a short training, only some of the data are used;
    whatever else differs is printed. Otherwise one line is printed if only the code differs: other settings were
    requested by the user.
    Raises: ValueError while results are reproduced, if the file does not belong to `training`. A file for another data
    set is no error: that data set has results of its own.
    """
    reason = training.difference(facts, few)
    if reason is None and architecture and facts["architecture"] != architecture:
        reason = "weights of another architecture"
    if reason is None:
        return provenance(path, folder, origin, training.data.differing(folder, facts["data"]))
    if reason != OTHER_DATA and reproducing():
        advice = "undo the change of code or settings, or use reproduce --retrain to train again"
        raise ValueError(f"{path.parent.name}/{path.name}: {reason}, so it does not belong to this training; {advice}")
    if few and reason != OTHER_DATA:
        print(f"{path.parent.name}/{path.name}: {reason}; {ONLY_BEGUN}")
    elif reason == OTHER_CODE:
        print(f"{path.parent.name}/{path.name}: {reason} (model, loss or training step changed); training anew")
    return None


def reproducing() -> bool:
    """Whether this notebook is run by `reproduce`."""
    return bool(os.environ.get("COURSEWORK_REPRODUCE"))


def only_starts(config) -> bool:
    """Whether trainings with this config only start, before released results are loaded: as at tiny."""
    return config.practice and not reproducing()


def list_items(week: str, training: Training) -> None:
    """Write the list of the items of a training's data beside its weights or record, where these are committed from."""
    path = keep_dir(week) / listing_of(training.as_facts()["data"])
    write_text(create(path.parent) / path.name, training.data.as_text())


def provenance(path: Path, root: Path, origin: str, differing: int = 0) -> dict:
    """What is said of a file of weights, or of a record, below `root` besides its content."""
    return {"origin": origin, "digests": {path.relative_to(root).as_posix(): sha256(path)}, "differing": differing}


def spent(history: list[dict]) -> dict:
    """Minutes, device and number of steps of a training, from its history."""
    steps = [row["step"] for row in history if "step" in row][-1:] or [sum(row.get("steps", 0) for row in history)]
    minutes = sum(row.get("seconds", 0.0) for row in history) / 60
    return {"minutes": round(minutes, 2), "device": device_name(), "steps": steps[0]}


def recorded(
    week: str,
    folder: Path,
    name: str,
    training: Training,
    compute: Callable[[], dict],
    retrain: bool = False,
    practice: Training | None = None,
) -> dict:
    """The record called `name`, a JSON file, of a training whose weights are not kept; with the facts of `obtain`.

    One that stands for `training` is read, that below `build/` before the one committed in `folder`, but no committed
    one if `retrain`; else `compute` is called, and what it returns is kept. The origin is "record" or "computed".
    `practice` is as for `obtain`: a short training, which `compute` does.
    Raises: ValueError while results are reproduced, if the committed record does not stand for this training.
    """
    short = practice if practice and not reproducing() else None
    root, own = (build_dir(week) / "practice", short) if short else (keep_dir(week), training)
    fresh, committed = root / f"{name}.json", folder / f"{name}.json"
    record = read_json(fresh)
    done = bool(record) and record.get("key") == own.key
    if short and not done:
        record, done = compute_and_keep(fresh, own, compute), True
    if committed.is_file() and not retrain and (short or not done):
        found = read_json(committed)
        facts = stand_for(training, committed, found, folder, "record", few=bool(short))
        if facts:
            return found | facts
    if not done:
        record = compute_and_keep(fresh, own, compute)
        list_items(week, own)
    return record | provenance(fresh, root, "computed")


def compute_and_keep(fresh: Path, training: Training, compute: Callable[[], dict]) -> dict:
    """Call `compute` and write what it returns to `fresh`, with all that `recorded` wants to know of it."""
    record = {**training.as_facts(), **compute()}
    record["training"] = {**spent(record.get("history", [])), **record.get("training", {})}
    fresh.parent.mkdir(parents=True, exist_ok=True)
    write_text(fresh, to_json(record))
    return record


def read_json(path: Path) -> dict | None:
    """A record; None if it is not there, or damaged."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def to_json(record: dict) -> str:
    """`record` as JSON, a line for each entry and for each dict in a list of dicts, so that a change is short."""

    def write(value) -> str:
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return "[\n" + ",\n".join(f"  {json.dumps(item)}" for item in value) + "\n ]"
        return json.dumps(value)

    return "{\n" + ",\n".join(f" {json.dumps(name)}: {write(value)}" for name, value in record.items()) + "\n}\n"


def pack(key: str, model: nn.Module, optimizer, schedule, history: list[dict], best: dict) -> dict:
    """All that a training needs to go on, for `save_checkpoint`."""
    return {
        "key": key,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
        "history": history,
        "best": best,
    }


def resume(state: dict | None, model: nn.Module, optimizer, schedule) -> tuple[list[dict], dict]:
    """Put back what `pack` took; returns the history so far and the best weights, empty for a new training."""
    if state is None:
        return [], {}
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    schedule.load_state_dict(state["schedule"])
    return state["history"], state["best"]
