"""Batches: every row at most once an epoch, none half full, others left out each time; both ways of shuffling."""

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logreg.batches import ShuffledOnce, iterate_batches, refill_batches


def every_epoch(X, y, size, rng):
    return lambda: iterate_batches(X, y, size, rng)


def refilled(X, y, size, rng):
    rows = max(1, min(int(size), len(X)))
    memory = np.empty_like(X, shape=(rows, X.shape[1])), np.empty_like(y, shape=rows)
    return lambda: refill_batches(X, y, size, rng, memory)


def once(X, y, size, rng):
    return ShuffledOnce(X, y, size, rng).epoch


def rows_of(epoch):
    """The row numbers of each batch; the features must belong to them."""
    batches = []
    for X, y in epoch:
        assert (X[:, 0] == 10 * y).all()
        batches.append(y.tolist())
    return batches


def make_rows(n):
    numbers = np.arange(n, dtype=float)
    return 10 * numbers[:, None], numbers


@pytest.mark.parametrize("way", [every_epoch, refilled, once])
@given(n=st.integers(1, 40), size=st.integers(1, 15), seed=st.integers(0, 5))
def test_an_epoch_keeps_its_promises(way, n, size, seed):
    epoch = way(*make_rows(n), size, np.random.default_rng(seed))
    for _ in range(4):
        batches = rows_of(epoch())
        assert len(batches) == max(1, n // size)
        assert {len(batch) for batch in batches} == {min(size, n)}
        flat = list(chain(*batches))
        assert len(flat) == len(set(flat))
        assert set(flat) <= set(range(n))


@pytest.mark.parametrize("way", [every_epoch, refilled, once])
def test_every_row_is_left_out_at_some_time_and_order_changes(way):
    epoch = way(*make_rows(11), 4, np.random.default_rng(0))
    epochs = [rows_of(epoch()) for _ in range(60)]
    left_out = [frozenset(range(11)) - set(chain(*batches)) for batches in epochs]
    assert set().union(*left_out) == set(range(11))
    assert len({str(batches) for batches in epochs}) > 15


@pytest.mark.parametrize("way", [every_epoch, refilled, once])
def test_rows_are_shuffled_and_the_seed_decides(way):
    first, again, other = (rows_of(way(*make_rows(100), 100, np.random.default_rng(seed))()) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert first[0] != sorted(first[0])


@pytest.mark.parametrize("way", [refilled, once])
@pytest.mark.parametrize(
    ("rows", "targets", "size", "message"),
    [
        (3, 2, 1, "3 rows but 2 targets"),
        (0, 0, 1, "no rows"),
        (3, 3, 0, "batch_size=0; expected a whole number from 1"),
        (3, 3, 1.5, r"batch_size=1\.5"),
        (3, 3, True, "batch_size=True"),
    ],
)
def test_bad_sizes_are_named(way, rows, targets, size, message):
    with pytest.raises(ValueError, match=message):
        list(way(np.zeros((rows, 1)), np.zeros(targets), size, np.random.default_rng(0))())


def test_the_source_is_not_changed():
    X, y = make_rows(10)
    epoch = once(X, y, 3, np.random.default_rng(0))
    for _ in range(3):
        rows_of(epoch())
    assert X[:, 0].tolist() == (10 * np.arange(10)).tolist()
