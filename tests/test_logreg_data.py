"""MNIST is unpacked once and read whole; damage is named; and what the figures are drawn from is right."""

import gzip
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from coursework import datasets
from logreg import data, evaluate
from logreg.config import CONFIGS
from logreg.model import SGDLogisticRegression
from logreg.reference import find_optimum


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty data folder."""
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "MNIST" / "raw"


def test_all_of_mnist_is_unpacked_on_first_use(folder):
    digits = data.load_mnist(CONFIGS["sample"])
    assert digits.train.shape == (60_000, 784)
    assert digits.test.shape == (10_000, 784)
    assert digits.train.dtype == np.uint8
    assert np.bincount(digits.test_labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        name.removeprefix("mnist/").removesuffix(".gz") for name in datasets.KNOWN if name.startswith("mnist/")
    )
    stamps = [path.stat().st_mtime_ns for path in folder.iterdir()]
    data.load_mnist(CONFIGS["tiny"])
    assert [path.stat().st_mtime_ns for path in folder.iterdir()] == stamps


def test_torchvision_reads_what_we_unpack(folder):
    torchvision = pytest.importorskip("torchvision", reason="week 2 runs without torchvision")
    mnist = torchvision.datasets.MNIST(datasets.unpack_mnist(), train=False)
    ours = data.load_mnist(CONFIGS["sample"])
    assert (mnist.data.numpy().reshape(-1, 784) == ours.test).all()
    assert (mnist.targets.numpy() == ours.test_labels).all()


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path / "file"))
    with pytest.raises(PermissionError, match=r"cannot write MNIST/raw/.*set COURSEWORK_DATA"):
        data.load_mnist(CONFIGS["tiny"])


@pytest.mark.parametrize("content", [b"", b"short", b"<html>" * 500, None])
def test_a_damaged_file_is_named(folder, content):
    datasets.unpack_mnist()
    path = folder / "t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1] if content is None else content)
    with pytest.raises(ValueError, match=r"t10k-images-idx3-ubyte is no intact MNIST file .* delete it"):
        data.load_mnist(CONFIGS["tiny"])


def test_a_damaged_archive_is_named(folder, tmp_path, monkeypatch):
    (tmp_path / "mnist").mkdir()
    for name in datasets.KNOWN:
        if name.startswith("mnist/"):
            (tmp_path / name).write_bytes(gzip.compress(b"nothing"))
    monkeypatch.setattr(datasets, "ASSETS", tmp_path)
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte\.gz has SHA-256"):
        data.load_mnist(CONFIGS["tiny"])


def test_an_archive_that_is_gone_is_named(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "ASSETS", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"train-images-idx3-ubyte\.gz is not in"):
        data.load_mnist(CONFIGS["tiny"])


@pytest.mark.parametrize("rows", [0, 60_001])
def test_impossible_numbers_of_rows_are_refused(rows):
    with pytest.raises(ValueError, match=f"train rows: {rows} wanted; expected from 1 to 60,000"):
        data.load_mnist(replace(CONFIGS["tiny"], train_rows=rows))


def test_two_digits_are_taken_out():
    images, labels = data.only(np.arange(12, dtype=np.uint8).reshape(4, 3), np.array([3, 1, 0, 1]), 0, 1)
    assert images.tolist() == [[3, 4, 5], [6, 7, 8], [9, 10, 11]]
    assert images.dtype == np.float64
    assert labels.tolist() == [1, 0, 1]


def test_pixels_that_vary():
    assert data.varying(np.array([[0, 1, 5], [0, 2, 5]])).tolist() == [False, True, False]


def test_worst_misses_and_confusion_by_hand():
    chances = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    labels = np.array([1, 1, 0])
    assert evaluate.worst_misses(chances, labels, 2).tolist() == [0, 2]
    assert evaluate.confusion(labels, np.array([0, 1, 0]), 2).tolist() == [[1, 0], [1, 1]]


def test_weight_images_need_a_fitted_model_of_pixels():
    pipeline = make_pipeline(StandardScaler(), SGDLogisticRegression(random_state=0))
    with pytest.raises(NotFittedError, match="coef_ is not known yet"):
        evaluate.weight_images(pipeline)
    X, y = data.load_blobs(3, 0)
    with pytest.raises(ValueError, match="2 weights a class; expected 784"):
        evaluate.weight_images(pipeline.fit(X, y))


def test_watching_does_not_change_the_training():
    X, y = data.load_blobs(2, 0, rows=1000)
    targets = y[:, None].astype(float)
    _, _, optimum = find_optimum(X, targets, 0.01, 0.5)
    model = SGDLogisticRegression(0.01, 0.5, random_state=3)
    curve, watched, _ = evaluate.watch_gap(model, X, y, optimum)
    alone = SGDLogisticRegression(0.01, 0.5, random_state=3).fit(X, y)
    assert (watched.coef_ == alone.coef_).all()
    assert len(curve) in (alone.n_iter_, alone.n_iter_ + 1)
    assert curve["gap"].iloc[-1] == pytest.approx(evaluate.relative_gap(alone, X, y, 0.01, 0.5, optimum))
    assert curve["gap"].iloc[-1] < 1e-3 < curve["gap"].iloc[0]


@pytest.mark.parametrize("name", ["ours", "sgd", "adaptive", "saga", "quasi-newton"])
def test_all_solvers_minimise_the_same_objective(name):
    X, y = data.load_blobs(2, 0, rows=1000)
    _, _, optimum = find_optimum(X, y[:, None].astype(float), 0.01, 0.5)
    build = {
        "ours": lambda epochs: evaluate.build_ours(0.01, 0.5, 0.05, epochs),
        "adaptive": lambda epochs: evaluate.build_sgd_classifier(0.01, 0.5, 0.1, epochs, "adaptive"),
        "quasi-newton": lambda epochs: evaluate.QuasiNewton(0.01, 0.5, epochs),
        "sgd": lambda epochs: evaluate.build_sgd_classifier(0.01, 0.5, 0.1, epochs),
        "saga": lambda epochs: evaluate.build_saga(0.01, 0.5, len(y), epochs),
    }[name]

    def gap(model):
        return evaluate.relative_gap(model, X, y, 0.01, 0.5, optimum)

    race = evaluate.race(build, (1, 10, 100, 1000), gap, X, y, enough=0.01)
    assert isinstance(race, pd.DataFrame)
    assert race["gap"].iloc[-1] <= 0.01
    assert (race["gap"].iloc[:-1] > 0.01).all()
