"""Nearest neighbours against a brute-force oracle with the same rule for ties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.neighbors import NearestNeighbors

from knn import neighbors
from knn.neighbors import METRICS, nearest_neighbors

ALGORITHMS = ("kd_tree", "brute", "auto")


def oracle(train, test, k, metric):
    """All distances one by one, then sorted by (distance, row): slow, and plainly right."""
    distances, rows = np.empty((len(test), k)), np.empty((len(test), k), dtype=int)
    for number, point in enumerate(test):
        gaps = np.abs(train - point)
        every = {"manhattan": gaps.sum(1), "euclidean": np.sqrt((gaps**2).sum(1)), "chebyshev": gaps.max(1)}[metric]
        order = sorted(range(len(train)), key=lambda row, every=every: (every[row], row))[:k]
        distances[number], rows[number] = every[order], order
    return distances, rows


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 4, 30])
def test_ties_and_zero_distances_as_the_oracle(algorithm, metric, k):
    rng = np.random.default_rng(0)
    train = rng.integers(0, 3, size=(200, 4)).astype(float)  # 81 places for 200 rows: ties and twins everywhere
    test = rng.integers(0, 3, size=(50, 4)).astype(float)
    distances, rows = nearest_neighbors(train, test, k, metric, algorithm)
    expected_distances, expected_rows = oracle(train, test, k, metric)
    assert (distances == expected_distances).all()
    assert (rows == expected_rows).all()
    assert (distances[:, 0] == 0).any()


small = hnp.arrays(np.float64, st.tuples(st.integers(1, 30), st.just(3)), elements=st.integers(-4, 4).map(float))


@settings(max_examples=60, deadline=None)
@given(train=small, test=small, k=st.integers(1, 8), metric=st.sampled_from(list(METRICS)), data=st.data())
def test_any_small_integer_data_as_the_oracle(train, test, k, metric, data):
    k = min(k, len(train))
    distances, rows = nearest_neighbors(train, test, k, metric, data.draw(st.sampled_from(ALGORITHMS)))
    expected_distances, expected_rows = oracle(train, test, k, metric)
    assert (distances == expected_distances).all()
    assert (rows == expected_rows).all()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("offset", "scale"), [(0, 1), (1e4, 1), (0, 1e-6), (1e6, 1e3)])
def test_both_indexes_agree_to_the_bit_on_real_numbers(metric, offset, scale):
    rng = np.random.default_rng(1)
    train, test = (offset + scale * rng.normal(size=(n, 12)) for n in (400, 80))
    train[200:220] = train[:20]  # twins, which a matrix product puts at tiny distances instead of equal ones
    test[:10] = train[:10]
    answers = [nearest_neighbors(train, test, 6, metric, algorithm) for algorithm in ("kd_tree", "brute")]
    assert (answers[0][0] == answers[1][0]).all()
    assert (answers[0][1] == answers[1][1]).all()
    assert (answers[0][0][:10, :2] == 0).all()


def test_equal_distances_are_compared_where_an_index_rounds_them_apart():
    """The index takes the last of forty equal rows for the nearest, by less than rounding may do."""
    train, test = np.full((40, 3), 1e3), np.full((1, 3), 1e3) + 1
    error = neighbors.rounding_error(train, test, 2.0)

    def rounded(rows, width):
        squares = 3 - error * np.arange(40) / 80
        order = np.argsort(squares)[:width]
        return np.sqrt(squares[order])[None], order[None]

    distances, rows = nearest_neighbors(train, test, 5, algorithm=rounded)
    assert rows.tolist() == [[0, 1, 2, 3, 4]]
    assert (distances == np.sqrt(3)).all()


def test_equals_scikit_learn_where_nothing_ties():
    rng = np.random.default_rng(2)
    train, test = rng.normal(size=(300, 5)), rng.normal(size=(60, 5))
    distances, rows = nearest_neighbors(train, test, 7, "manhattan")
    expected_distances, expected_rows = NearestNeighbors(n_neighbors=7, p=1).fit(train).kneighbors(test)
    assert (rows == expected_rows).all()
    np.testing.assert_allclose(distances, expected_distances)


def test_rows_that_are_all_the_same_are_taken_in_order():
    _, rows = nearest_neighbors(np.ones((500, 3)), np.zeros((4, 3)), 5)
    assert (rows == np.arange(5)).all()


def test_batches_bound_the_memory(monkeypatch):
    rng = np.random.default_rng(3)
    train, test = rng.integers(0, 2, size=(2, 90, 3)).astype(float)
    whole = nearest_neighbors(train, test, 5)
    monkeypatch.setattr(neighbors, "BATCH", 64)
    parts = nearest_neighbors(train, test, 5)
    assert (whole[1] == parts[1]).all()


def test_features_too_large_to_square_are_named():
    with pytest.raises(ValueError, match="too large for squared distances"), np.errstate(over="ignore"):
        nearest_neighbors(np.array([[1e200], [2e200]]), np.array([[0.0]]), 1)


def test_an_index_may_be_passed():
    train, test = np.eye(4), np.eye(4)[:2]
    _, rows = nearest_neighbors(train, test, 1, "manhattan", neighbors.tree_index(train, 1.0))
    assert rows.ravel().tolist() == [0, 1]


@pytest.mark.parametrize(
    ("k", "metric", "algorithm", "message"),
    [
        (0, "euclidean", "auto", "asked for 0 neighbours of 3 training rows; take 1 to 3"),
        (4, "euclidean", "auto", "asked for 4 neighbours"),
        (1, "cosine", "auto", "unknown metric 'cosine'; there are: manhattan, euclidean, chebyshev"),
        (1, "euclidean", "magic", "unknown algorithm 'magic'; there are: auto, kd_tree, brute"),
    ],
)
def test_mistakes_are_named(k, metric, algorithm, message):
    with pytest.raises(ValueError, match=message):
        nearest_neighbors(np.eye(3), np.eye(3), k, metric, algorithm)
