"""Seeds, device and the facts about the machine."""

import random

import numpy as np
import pytest

from coursework import runtime


def test_seed_repeats_every_generator():
    draws = []
    for _ in range(2):
        generator = runtime.seed_everything(3)
        draws.append((random.random(), np.random.rand(), generator.random()))
    assert draws[0] == draws[1]


def test_seed_reaches_torch_where_it_is_loaded():
    torch = pytest.importorskip("torch")
    draws = []
    for _ in range(2):
        runtime.seed_everything(3)
        draws.append(torch.rand(1).item())
    assert draws[0] == draws[1]


def test_device_can_be_forced(monkeypatch):
    monkeypatch.setenv("COURSEWORK_DEVICE", "cpu")
    assert runtime.pick_device() == "cpu"


def test_unknown_device_is_named(monkeypatch):
    monkeypatch.setenv("COURSEWORK_DEVICE", "tpu")
    with pytest.raises(ValueError, match="'tpu'; COURSEWORK_DEVICE takes cpu or cuda"):
        runtime.pick_device()


def test_cuda_where_there_is_none_is_an_error(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("COURSEWORK_DEVICE", "cuda")
    with pytest.raises(ValueError, match="no CUDA device"):
        runtime.pick_device()
    monkeypatch.delenv("COURSEWORK_DEVICE")
    assert runtime.pick_device() == "cpu"


@pytest.mark.cuda
def test_cuda_is_found(monkeypatch):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("this machine has no CUDA device")
    monkeypatch.setenv("COURSEWORK_DEVICE", "cuda")
    assert runtime.pick_device() == "cuda"


@pytest.mark.parametrize(
    ("facts", "precision"),
    [
        ({"vendor_id": "GenuineIntel", "flags": "avx512f avx512_bf16 amx_bf16"}, "bf16"),
        ({"vendor_id": "GenuineIntel", "flags": "avx512f avx512_bf16"}, "no"),  # slower than float32
        ({"vendor_id": "AuthenticAMD", "flags": "avx512f avx512_bf16"}, "bf16"),
        ({"vendor_id": "AuthenticAMD", "flags": "avx512f"}, "no"),
        ({"Features": "asimd bf16"}, "bf16"),  # ARM
        ({}, "no"),
    ],
)
def test_half_precision_is_used_where_it_is_fast(monkeypatch, facts, precision):
    monkeypatch.setenv("COURSEWORK_DEVICE", "cpu")
    monkeypatch.setattr(runtime, "read_cpuinfo", lambda: facts)
    assert runtime.half_precision() == precision


def test_environment_names_versions_and_machine():
    facts = runtime.environment(("numpy", "no-such-package"))
    assert facts["numpy"] == np.__version__
    assert facts["no-such-package"] is None
    assert facts["threads"] == 1  # the test plugin says so
    assert facts["cpu"]
    table = runtime.environment_table(facts, "a source").data
    assert "| **profile** | tiny |" in table
    assert "| **data** | a source |" in table
