"""Provenance: by which settings, code and data weights and records were produced, and whether they are still valid.

Weights can be evaluated if the architecture and the classes agree (`architecture_of`). They are the result of a given
training if its settings, its code and the name of its data set agree, too (`Training`). The items of a data set are
compared one by one and the differing ones are counted: another copy of a published data set, decoded by another
library or saved with another JPEG quality, still counts as the data set that the weights were trained on.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

OTHER_DATA, OTHER_CODE = "trained on other data", "trained by other code"
COUNTS = ("items", "pictures")  # settings that say how many items of a data set were used


def short_hash(*parts) -> str:
    """A hash of arrays, strings, numbers and dicts of them, 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(str((part.shape, part.dtype.str)).encode() + np.ascontiguousarray(part).tobytes())
        else:
            digest.update(json.dumps(part, sort_keys=True, default=str).encode())
    return digest.hexdigest()[:16]


def training_key(settings: dict, code: str, data: dict) -> str:
    """The key of a training with these settings, this hash of its code, and data of this "name" and "hash"."""
    return short_hash(settings, code, data["name"], data["hash"])


def architecture_of(model, classes: Sequence[str] = ()) -> str:
    """A hash of the names and shapes of a network's tensors and of its classes: whether weights can be evaluated."""
    return short_hash({name: tuple(value.shape) for name, value in model.state_dict().items()}, list(classes))


@dataclass(frozen=True)
class Fingerprint:
    """The data of a training: their name, and a short hash for each item, uint32 (n,), sorted."""

    name: str
    items: np.ndarray = field(repr=False)

    @property
    def hash(self) -> str:
        """One hash of all items."""
        return short_hash(self.items)

    def differing(self, folder: Path, facts: dict) -> int:
        """How many of these items are not among those of the training that `facts` describe.

        `folder` is the week's, where `listing_of` says which file lists the items of a committed training.
        """
        if facts.get("hash") == self.hash:
            return 0
        path = folder / listing_of(facts)
        known = np.array([int(word, 16) for word in path.read_text().split()], np.uint32) if path.is_file() else []
        return int((~np.isin(self.items, known)).sum())

    def as_text(self) -> str:
        """The content of the file that lists the items, twelve a line."""
        words = [f"{item:08x}" for item in self.items.tolist()]
        return "\n".join(" ".join(words[start : start + 12]) for start in range(0, len(words), 12)) + "\n"


def listing_of(facts: dict) -> str:
    """Where the items of the data that `facts` describe are listed, below the week's folder."""
    return f"trained_on/{facts['name']}-{facts['hash']}.txt"


def fingerprint(name: str, names: Sequence[str], *arrays: np.ndarray) -> Fingerprint:
    """The fingerprint of a data set: an item is a name with its rows of `arrays`, each (n, …)."""
    digests = []
    for row, item in enumerate(names):
        digest = hashlib.blake2b(str(item).encode(), digest_size=4)
        for array in arrays:
            digest.update(np.ascontiguousarray(array[row]).tobytes())
        digests.append(int(digest.hexdigest(), 16))
    return Fingerprint(name, np.sort(np.array(digests, np.uint32)))


def as_json(settings: dict) -> dict:
    """Settings as they come back from a file: tuples as lists, keys as texts."""
    return json.loads(json.dumps(settings))


@dataclass(frozen=True)
class Training:
    """What decides how a training ends: settings (JSON values; steps and seed among them), code, data."""

    settings: dict
    code: str
    data: Fingerprint

    @property
    def key(self) -> str:
        """The training key: equal keys, equal trainings."""
        return training_key(self.settings, self.code, {"name": self.data.name, "hash": self.data.hash})

    def as_facts(self) -> dict:
        """What stands in the header of weights and in records."""
        data = {"name": self.data.name, "items": len(self.data.items), "hash": self.data.hash}
        return {"key": self.key, "settings": as_json(self.settings), "code": self.code, "data": data}

    def difference(self, facts: dict | None, few: bool = False) -> str | None:
        """Why finished weights or a record with these facts do not stand for this training; None if they do.

        With `few`, how many items of the data set were used makes no difference.
        """
        if facts is None or not {"settings", "code", "data"} <= set(facts):
            return "damaged, or not written by this course's code"
        if facts["data"]["name"] != self.data.name:
            return OTHER_DATA
        own, theirs = as_json(self.settings), facts["settings"]
        asked = [name for name in own | theirs if not (few and name in COUNTS)]
        names = [name for name in asked if own.get(name) != theirs.get(name)]
        changed = [f"{name} {theirs.get(name)!r}, now {own.get(name)!r}" for name in names]
        if changed:
            return f"trained with other settings ({'; '.join(changed[:3])})"
        return None if facts["code"] == self.code else OTHER_CODE
