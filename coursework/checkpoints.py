"""Weights and half-finished trainings: written whole or not at all, read without unpickling, told apart by a key.

A key is a hash of all that a training depends on; weights and checkpoints of another key are not used.
"""

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from accelerate import PartialState
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from coursework.datasets import sha256
from coursework.records import build_dir, keep_dir, write_bytes, write_text


def training_key(*parts) -> str:
    """A hash of arrays, strings, numbers and dicts of them, 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(str((part.shape, part.dtype.str)).encode() + np.ascontiguousarray(part).tobytes())
        else:
            digest.update(json.dumps(part, sort_keys=True, default=str).encode())
    return digest.hexdigest()[:16]


def save_weights(path: Path, model: nn.Module, facts: dict) -> None:
    """Write what `model` learns, and its buffers, in half precision, with `facts` (its key among them) in the header.

    Parameters that do not require a gradient are left out: whoever builds the model has them.
    """
    if not any(value.requires_grad for value in model.parameters()):
        raise ValueError("the model has nothing that it could learn; unfreeze a part of it")
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
        raise ValueError(f"{path.name} is damaged or no weights file of this course; restore it from git, or delete it")
    own = model.state_dict()
    with safe_open(str(path), "pt") as file:
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dict
    for name, value in stored.items():
        if name not in own or own[name].shape != value.shape:
            expected = tuple(own[name].shape) if name in own else "no such part"
            raise ValueError(f"{path.name} has {name} of shape {tuple(value.shape)}, the model expects {expected}")
    missing = {name for name, value in model.named_parameters() if value.requires_grad} - set(stored)
    if missing:
        raise ValueError(f"{path.name} lacks {sorted(missing)[0]} and {len(missing) - 1} more parts of the model")
    model.load_state_dict({name: value.to(own[name].dtype) for name, value in stored.items()}, strict=False)
    return facts


def save_checkpoint(path: Path, state: dict) -> None:
    """Write a half-finished training: tensors, numbers, texts, lists and dicts of them; "key" says whose it is."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, buffer.getvalue())


def load_checkpoint(path: Path, key: str) -> dict | None:
    """The half-finished training with this key; None if there is none, or it is damaged or another's."""
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what the damaged bytes happen to make its reader raise
        print(f"{path.name} is damaged ({type(error).__name__}); training starts anew")
        return None
    return state if isinstance(state, dict) and state.get("key") == key else None


def obtain(
    week: str,
    folder: Path,
    name: str,
    model: nn.Module,
    key: str,
    train: Callable[[Path, str], list[dict]],
    retrain=False,
) -> dict:
    """Bring `model` to the end of the training called `name`; returns facts: "key", "history", "sha256", "origin".

    Finished weights of the very same training are loaded, those committed in `folder` unless `retrain`; else
    `train(checkpoint, key)` is called, which trains `model` in place, goes on where a killed one was, and returns the
    history. What was trained is rounded to half precision at the end, as it is when it is loaded.
    """
    fresh = keep_dir(week) / "weights" / f"{name}.safetensors"
    committed = folder / "weights" / fresh.name
    for path, origin in ((fresh, "trained before"), (committed, "committed")):
        if (path == fresh or not retrain) and (read_facts(path) or {}).get("key") == key:
            return load_weights(path, model) | {"sha256": sha256(path), "origin": origin}
    history = train(build_dir(week) / f"{name}.checkpoint", key)
    state = PartialState()
    if state.is_main_process:
        save_weights(fresh, model, {"key": key, "history": history})
    state.wait_for_everyone()
    return load_weights(fresh, model) | {"sha256": sha256(fresh), "origin": "trained now"}


def recorded(week: str, folder: Path, name: str, key: str, compute: Callable[[], dict], retrain=False) -> dict:
    """The record called `name`, a JSON file, of what need not be computed again; "key" says of what it is.

    One with this key is read, that below `build/` before the one committed in `folder`, but no committed one if
    `retrain`; else `compute` is called, and what it returns is kept.
    """
    fresh = keep_dir(week) / f"{name}.json"
    for path in (fresh,) if retrain else (fresh, folder / f"{name}.json"):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # not there, or damaged
            continue
        if isinstance(record, dict) and record.get("key") == key:
            return record
    record = {"key": key, **compute()}
    fresh.parent.mkdir(parents=True, exist_ok=True)
    write_text(fresh, to_json(record))
    return record


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
