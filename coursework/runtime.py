"""The machine under the notebook: seeds, device, and a table of what everything ran on."""

import os
import platform
import random
import sys
import time
from collections.abc import Callable
from importlib import metadata
from itertools import takewhile

import numpy as np
from IPython.display import Markdown

from coursework.profile import profile_name


def seed_everything(seed: int) -> np.random.Generator:
    """Seed Python, numpy and, where it is loaded, torch; returns a generator for explicit use."""
    random.seed(seed)
    np.random.seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
    return np.random.default_rng(seed)


def forced_device() -> str | None:
    """The device that COURSEWORK_DEVICE names, or None. Raises ValueError for another name than cpu or cuda."""
    forced = os.environ.get("COURSEWORK_DEVICE") or None
    if forced not in (None, "cpu", "cuda"):
        raise ValueError(f"unknown device {forced!r}; COURSEWORK_DEVICE takes cpu or cuda")
    return forced


def pick_device() -> str:
    """Return "cuda" where torch finds one, else "cpu"; COURSEWORK_DEVICE forces either.

    Raises: ValueError for an unknown name, or for cuda on a machine without it.
    """
    forced = forced_device()
    if forced == "cpu":
        return "cpu"
    import torch  # only here: weeks 1 to 3 run where torch is not installed

    if torch.cuda.is_available():
        return "cuda"
    if forced == "cuda":
        raise ValueError("COURSEWORK_DEVICE=cuda, but torch sees no CUDA device; unset it or use cpu")
    return "cpu"


def half_precision() -> str:
    """The 16-bit precision that this machine computes fast in: "bf16" on CUDA and on CPUs that have it, else "no".

    Intel's processors with AVX-512's bfloat16, but without AMX, train our networks faster in float32; AMD's do not.
    """
    if pick_device() == "cuda":
        return "bf16"
    facts = read_cpuinfo()
    flags = set(facts.get("flags", facts.get("Features", "")).split())
    fast = {"amx_bf16", "bf16"} if facts.get("vendor_id") == "GenuineIntel" else {"avx512_bf16", "amx_bf16", "bf16"}
    return "bf16" if fast & flags else "no"


def read_cpuinfo() -> dict[str, str]:
    """What Linux says about the first processor; empty on other systems."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            facts = dict(line.split(":", 1) for line in takewhile(str.strip, lines))
    except (OSError, ValueError):
        return {}
    return {name.strip(): value.strip() for name, value in facts.items()}


def autocast(half: bool = True):
    """The context in which networks compute here: in 16 bits if the machine is fast at it, and `half`."""
    import torch

    return torch.autocast(pick_device(), torch.bfloat16, enabled=half and half_precision() == "bf16")


def build_accelerator(precision: str = "no"):
    """A fresh Accelerator for one training, on the device of `pick_device`; `precision` is "no", "bf16" or "fp16".

    The learning rate is stepped by the loop, not once a process; losses are computed in float32.
    """
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state()  # or the precision of the first training would hold for all
    return Accelerator(cpu=pick_device() == "cpu", mixed_precision=precision, step_scheduler_with_optimizer=False)


def leave_together(accelerator, status: int = 0) -> None:
    """End the processes of a training that ran on several, once all are done; with one process, return.

    Ends without Python's clean-up: threads of the process group outlive it, and one that lets go of a tensor while
    Python is being taken down aborts (pytorch issue 190489).
    """
    accelerator.wait_for_everyone()
    if accelerator.num_processes > 1:
        accelerator.end_training()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def thread_count() -> int:
    """Threads that numerical libraries may use: OMP_NUM_THREADS, else the cores this process may run on."""
    if os.environ.get("OMP_NUM_THREADS", "").isdigit():
        return int(os.environ["OMP_NUM_THREADS"])
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_name() -> str:
    """The processor's model name as the operating system gives it, with family and model where it tells them.

    Virtual machines call processors of several generations by one name, and these do not round alike.
    """
    found = read_cpuinfo()
    numbers = [
        f"{word} {found[name]}" for word, name in (("family", "cpu family"), ("model", "model")) if name in found
    ]
    name = found.get("model name") or platform.processor() or platform.machine()
    return f"{name} ({', '.join(numbers)})" if numbers else name


def device_name() -> str:
    """The model name of what `pick_device` picks."""
    if pick_device() == "cpu":
        return cpu_name()
    import torch

    return torch.cuda.get_device_name()


def installed_version(package: str) -> str | None:
    """The installed version of `package`, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def environment(packages: tuple[str, ...], device: str = "cpu", precision: str = "float64") -> dict:
    """What a record says of the machine: Python, the versions of `packages`, device, precision, threads, CPU.

    `device` is "cpu" for a week that uses no other, whatever is there. Raises ValueError as `forced_device` does.
    """
    forced_device()
    versions = {package: installed_version(package) for package in packages}
    return {
        "python": platform.python_version(),
        **versions,
        "device": device,
        "precision": precision,
        "threads": thread_count(),
        "cpu": cpu_name(),
    }


def environment_table(facts: dict, source: str) -> Markdown:
    """`environment()` with profile and data source as a table for the top of a notebook."""
    facts = {"profile": profile_name(), "data": source, **facts}
    return Markdown("\n".join(["| | |", "|---|---|", *(f"| **{name}** | {value} |" for name, value in facts.items())]))


def seconds(call: Callable[[], object]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
