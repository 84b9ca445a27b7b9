"""Mini-batches: the rows in random order, a few at a time."""

from collections.abc import Iterator

import numpy as np


def iterate_batches(X, y, batch_size: int, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """One epoch of mini-batches: every row at most once, in random order.

    A remainder shorter than a batch is left out; fewer rows than a batch make one batch.
    Shapes: X (n, d), y (n, …); yields (batch, d), (batch, …).
    """
    order = rng.permutation(len(X))
    size = min(batch_size, len(X))
    for start in range(0, len(X) - size + 1, size):
        rows = order[start : start + size]
        yield X[rows], y[rows]


def refill_batches(
    X, targets, batch_size: int, rng: np.random.Generator, memory: tuple[np.ndarray, np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The same batches, each written into `memory` over the last one, which takes less time than new arrays.

    `memory` holds two arrays of a batch's shape.
    """
    check_sizes(X, targets, batch_size)
    order = rng.permutation(len(X))
    size = len(memory[0])
    for start in range(0, len(X) - size + 1, size):
        gather((X, targets), order[start : start + size], memory)
        yield memory


class ShuffledOnce:
    """Shuffles the rows once into a copy; each epoch reads contiguous blocks of it in random order.

    Rows in random order lie all over memory, and fetching them takes long. The first epoch fetches
    them as `iterate_batches` does, and keeps what it fetched. Later epochs start somewhere in that copy, go round
    in blocks that lie in one piece, and take the blocks in random order.

    A batch is a view, valid until the next one. Memory: one copy of X. Source for shuffling once:
    Mishchenko et al. 2020, arXiv:2006.05988.
    """

    def __init__(self, X: np.ndarray, targets: np.ndarray, batch_size: int, rng: np.random.Generator):
        check_sizes(X, targets, batch_size)
        self.size, self.rng = min(batch_size, len(X)), rng
        self.source = X, targets
        self.copy = None

    def epoch(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the batches of the next epoch, shapes (batch, d) and (batch, …)."""
        return self._first_epoch() if self.copy is None else self._later_epoch()

    def _first_epoch(self):
        self.copy = tuple(np.empty_like(array) for array in self.source)
        order = self.rng.permutation(len(self.copy[0]))
        for start in range(0, len(order), self.size):
            part = slice(start, start + self.size)
            gather(self.source, order[part], tuple(copy[part] for copy in self.copy))
            if start + self.size <= len(order):
                yield tuple(copy[part] for copy in self.copy)

    def _later_epoch(self):
        rows = len(self.copy[0])
        offset = self.rng.integers(rows)
        for block in self.rng.permutation(rows // self.size):
            start = (offset + block * self.size) % rows
            end = start + self.size
            if end <= rows:
                yield tuple(copy[start:end] for copy in self.copy)
            else:  # the block that goes over the end and on at the beginning
                yield tuple(np.concatenate([copy[start:], copy[: end - rows]]) for copy in self.copy)


def gather(arrays: tuple, rows: np.ndarray, memory: tuple) -> None:
    """Copy these rows of each array into its place in `memory`."""
    for array, place in zip(arrays, memory, strict=True):
        # "clip" spares np.take a buffer of its own; the rows are in range by construction.
        np.take(array, rows, axis=0, out=place, mode="clip")


def check_sizes(X, targets, batch_size: int) -> None:
    """Raise ValueError for rows and targets of different number, no rows, or a batch size below 1."""
    if len(X) != len(targets):
        raise ValueError(f"{len(X)} rows but {len(targets)} targets; expected one target a row")
    if len(X) == 0:
        raise ValueError("no rows; expected at least one")
    if isinstance(batch_size, bool) or not isinstance(batch_size, int | np.integer) or batch_size < 1:
        raise ValueError(f"batch_size={batch_size!r}; expected a whole number from 1")
