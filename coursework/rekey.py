"""Update the code hash in committed weights and records after a refactoring that does not change any result.

A renaming changes the hash of a training's code, so its committed weights would have to be trained again. This command
trains a week at `tiny` with the code of a git revision and with the current code, by the settings `small` of the week's
`week.toml`, with which trainings reach their end. Only if all weights, training histories and records are bit-identical
does it write the new hash (and the new names of settings) into the headers of the committed files.
"""

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save

from coursework import records
from coursework.checkpoints import read_facts, read_json, to_json
from coursework.datasets import data_dir, sha256
from coursework.provenance import training_key
from coursework.weeks import ROOT, Week, read_week

# Entries of a file that say which training it belongs to, and what two equal trainings may spend differently.
IDENTITY = {"key", "settings", "code", "data", "training"}
TIMES = {"seconds", "waiting", "minutes", "megabytes", "device"}


def rekey(weeks: list[Week], revision: str) -> int:
    """Re-stamp the files of `weeks` for the code that is there now; 1 if a training comes out otherwise than before.

    Raises: ValueError if `revision` is no revision of this repository, or a week does not run at `tiny`.
    """
    return max(rekey_week(week, revision) for week in weeks)


def rekey_week(week: Week, revision: str) -> int:
    """Compare and re-stamp one week; prints what was done, or why nothing was."""
    with tempfile.TemporaryDirectory() as scratch:
        before = train(week, check_out(revision, Path(scratch) / "before"), Path(scratch) / "build-before")
        now = train(week, ROOT, Path(scratch) / "build-now")
        files = sorted(before | now)
        differing = [name for name in files if not same_outputs(before.get(name), now.get(name))]
        if differing or not files:
            told = f"{', '.join(differing)} differ from what the trainings at {revision} gave"
            advice = "no file was changed; train again"
            print(f"{week.name}: {told if files else 'nothing was trained'}; {advice}")
            return 1
        stamps = read_stamps([(facts_of(before[name]), facts_of(now[name])) for name in files])
    changed = restamp(week, stamps)
    print(f"{week.name}: {len(files)} weights and records equal to the last bit; re-stamped {len(changed)} files")
    known = {code for code, _ in stamps.values()}
    left = [path.name for path in stamped_files(week.folder) if facts_of(path)["code"] not in known]
    if left:
        print(f"{week.name}: unchanged, because `tiny` does not run their training: {', '.join(left)}")
    return int(bool(left))


def check_out(revision: str, folder: Path) -> Path:
    """The files of a revision. Raises ValueError for one that git does not know."""
    packed = subprocess.run(["git", "archive", revision], cwd=ROOT, capture_output=True)
    if packed.returncode:
        raise ValueError(f"git knows no revision {revision!r}: {packed.stderr.decode(errors='replace').strip()}")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def train(week: Week, tree: Path, build: Path) -> dict[str, Path]:
    """Run a week's notebooks, small, by the code of `tree`; the weights and records that this leaves, by places."""
    paths = os.pathsep.join([str(tree), str(tree / week.folder.name)])
    env = dict(os.environ) | {"PYTHONPATH": paths, "COURSEWORK_BUILD": str(build), "COURSEWORK_DATA": str(data_dir())}
    small = read_week(tree / week.folder.name).small  # with the names that settings have in this tree
    settings = ",".join(filter(None, ("retrain=true", small)))
    command = [sys.executable, "-m", "coursework", "run", week.name, "--profile", "tiny", "--set", settings]
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"{week.name} does not run at tiny: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return {path.relative_to(build).as_posix(): path for path in stamped_files(build)}


def same_outputs(first: Path | None, second: Path | None) -> bool:
    """Whether two trainings left the same in a file, equal to the last bit: weights or arrays, history and results."""
    return first is not None and second is not None and outputs_of(first) == outputs_of(second)


def outputs_of(path: Path) -> tuple[dict[str, tuple], str]:
    """The arrays of a file (type, shape, bytes), and as text all else in it but IDENTITY and TIMES."""
    arrays = load_file(path) if path.suffix == ".safetensors" else {}
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files if name != "facts"}
    facts = {name: value for name, value in (READERS[path.suffix](path) or {}).items() if name not in IDENTITY}
    bits = {name: (array.dtype.str, array.shape, array.tobytes()) for name, array in arrays.items()}
    return bits, json.dumps(without_times(facts), sort_keys=True)


def without_times(value):
    """`value` without the entries TIMES of all dicts in it."""
    if isinstance(value, dict):
        return {name: without_times(entry) for name, entry in value.items() if name not in TIMES}
    return [without_times(entry) for entry in value] if isinstance(value, list) else value


def read_stamps(pairs: list[tuple[dict, dict]]) -> dict[str, tuple[str, dict[str, str]]]:
    """For the code of each training before: the code that it has now, and the settings that have new names.

    Raises: ValueError if it cannot be said which setting has which new name.
    """
    return {before["code"]: (now["code"], renamed(before["settings"], now["settings"])) for before, now in pairs}


def renamed(before: dict, now: dict) -> dict[str, str]:
    """Old and new names of settings that kept their values. Raises ValueError for one that is not just renamed."""
    gone, come = [name for name in before if name not in now], [name for name in now if name not in before]
    found = {name: [other for other in come if now[other] == before[name]] for name in gone}
    unclear = [name for name, others in found.items() if len(others) != 1]
    if unclear or len(gone) != len(come) or len({others[0] for others in found.values()}) < len(come):
        raise ValueError(f"cannot match old settings {gone} to new settings {come} by their values; train again")
    return {name: others[0] for name, others in found.items()}


def restamp(week: Week, stamps: dict[str, tuple[str, dict[str, str]]]) -> list[str]:
    """Give the week's committed files new facts, and results.json their new digests; returns the changed files."""
    changed = {}
    for path in stamped_files(week.folder):
        facts = facts_of(path)
        stamp = new_facts(facts, stamps)
        if stamp != facts:
            records.write_bytes(path, WRITERS[path.suffix](path, stamp))
            changed[path.relative_to(week.folder).as_posix()] = sha256(path)
    results = records.read_results(week.results)
    for run in results["runs"].values():
        run["digests"] |= {path: digest for path, digest in changed.items() if path in run["digests"]}
    if changed:
        records.write_results(week.results, results)
    return list(changed)


def stamped_files(folder: Path) -> list[Path]:
    """The files below `folder` that say which training they belong to."""
    return sorted(path for path in folder.rglob("*") if path.suffix in WRITERS and facts_of(path))


def facts_of(path: Path) -> dict | None:
    """What a file says of its training; None if it says nothing."""
    facts = READERS[path.suffix](path)
    return facts if facts and {"code", "settings", "data"} <= set(facts) else None


def new_facts(facts: dict, stamps: dict[str, tuple[str, dict[str, str]]]) -> dict:
    """The facts of a file with the code and the names of settings that its training has now."""
    if facts["code"] not in stamps:
        return facts
    code, names = stamps[facts["code"]]
    settings = {names.get(name, name): value for name, value in facts["settings"].items()}
    return facts | {"settings": settings, "code": code, "key": training_key(settings, code, facts["data"])}


def read_arrays(path: Path) -> dict | None:
    """The facts in a file of arrays; None if it has none."""
    with np.load(path, allow_pickle=False) as file:
        return json.loads(str(file["facts"])) if "facts" in file else None


def write_weights(path: Path, facts: dict, tensors: dict[str, np.ndarray] | None = None) -> bytes:
    """A file of weights with other facts, and other `tensors` if they are given."""
    return save(tensors or load_file(path), {"facts": json.dumps(facts, sort_keys=True)})


def write_arrays(path: Path, facts: dict) -> bytes:
    """A file of arrays with other facts."""
    buffer = io.BytesIO()
    with np.load(path, allow_pickle=False) as file:
        np.savez_compressed(buffer, **{**file, "facts": json.dumps(facts)})
    return buffer.getvalue()


READERS = {".safetensors": read_facts, ".json": read_json, ".npz": read_arrays}
WRITERS = {
    ".safetensors": write_weights,
    ".json": lambda path, facts: to_json(facts).encode("utf-8"),
    ".npz": write_arrays,
}
