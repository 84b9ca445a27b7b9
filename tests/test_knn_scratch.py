"""kNN from scratch: by hand, and equal to scikit-learn's where nothing ties."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from knn import scratch

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(120, 4)), RNG.choice([2, 5, 7], size=120)
ASKED = RNG.normal(size=(40, 4))


def test_the_distances_by_hand():
    differences = np.array([[3.0, -4.0], [0.0, 0.0]])
    assert scratch.manhattan(differences).tolist() == [7, 0]
    assert scratch.euclidean(differences).tolist() == [5, 0]


@pytest.mark.parametrize("metric", ["manhattan", "euclidean"])
@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("k", [1, 4, 9])
def test_it_equals_scikit_learn(metric, weights, k):
    ours = scratch.KNN(k, weights, getattr(scratch, metric)).fit(X, Y)
    theirs = KNeighborsClassifier(k, weights=weights, metric=metric).fit(X, Y)
    assert ours.predict_proba(ASKED) == pytest.approx(theirs.predict_proba(ASKED))
    assert (ours.predict(ASKED) == theirs.predict(ASKED)).all()
    assert ours.score(X, Y) == theirs.score(X, Y)


def test_an_identical_row_outvotes_all_others():
    model = scratch.KNN(3, "distance").fit(np.array([[0.0], [0.1], [0.1]]), np.array([1, 2, 2]))
    assert model.predict(np.array([[0.0]])) == [1]


def test_a_draw_goes_to_the_smaller_class():
    model = scratch.KNN(2).fit(np.array([[0.0], [1.0]]), np.array([4, 3]))
    assert model.predict(np.array([[0.1]])) == [3]
