"""What week 1 measures: hand-computed values, identities, and that nothing warns."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier

from knn import baseline, evaluate
from knn.config import CONFIGS
from knn.data import load_covertype
from knn.search import KNeighborsGridSearchCV


@pytest.fixture(scope="module")
def rows():
    return load_covertype(CONFIGS["tiny"])


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [(5, 10, 0.2366, 0.7634), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (1476, 2000, 0.7183, 0.7568)],
)
def test_wilson_interval(correct, total, low, high):
    assert evaluate.accuracy_interval(correct, total) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(("correct", "total"), [(-1, 10), (11, 10), (0, 0)])
def test_impossible_counts_are_named(correct, total):
    with pytest.raises(ValueError, match=f"{correct} of {total} correct"):
        evaluate.accuracy_interval(correct, total)


def test_growth_exponent_of_a_power():
    sizes = np.array([10, 100, 1000])
    assert evaluate.growth_exponent(sizes, 3 * sizes**1.5) == pytest.approx(1.5)


def test_distance_shares_sum_to_a_whole(rows):
    shares = evaluate.distance_shares(rows.features, seed=0, pairs=500)
    assert shares.sum(axis=1).to_numpy() == pytest.approx(100)
    assert shares.loc["as they are", "roads and fires"] > 50
    assert shares.loc["each to unit variance", "soil type"] > 20
    assert shares.loc["unit variance, no indicators", ["wilderness area", "soil type"]].sum() == 0


def test_cost_curve_exact_methods_find_every_neighbour(rows):
    best = {"n_neighbors": 4, "weights": "distance", "metric": "euclidean"}
    curve = evaluate.cost_curve(rows.features, rows.labels, best, (60, 120), queries=40, repeats=1, seed=0)
    assert list(curve.columns) == ["n", "method", "accuracy", "recall", "milliseconds"]
    exact = curve[curve["method"] != "graph (approximate)"]
    assert (exact["recall"] == 1).all()
    assert exact.groupby("n")["accuracy"].nunique().eq(1).all()
    assert curve["recall"].min() > 0.8
    assert (curve["milliseconds"] > 0).all()


def test_cost_curve_agrees_with_the_classifier(rows):
    best = {"n_neighbors": 3, "weights": "uniform", "metric": "manhattan"}
    curve = evaluate.cost_curve(rows.features, rows.labels, best, (100,), queries=50, repeats=1, seed=0)
    train, test, train_labels, test_labels = evaluate.train_test_split(
        rows.features.to_numpy(), rows.labels.to_numpy(), test_size=50, random_state=0
    )
    model = KNeighborsClassifier(**best).fit(train[:100], train_labels[:100])
    assert curve["accuracy"].iloc[0] == pytest.approx(model.score(test, test_labels), abs=0.021)  # one tie in 50


def test_too_many_queries_are_named(rows):
    with pytest.raises(ValueError, match=r"need more than the .* rows; lower one"):
        evaluate.cost_curve(rows.features, rows.labels, {}, (10_000,), queries=10, repeats=1, seed=0)


def test_scaling_and_nested_scores_have_a_value_per_fold(rows):
    best = {"n_neighbors": 3, "weights": "distance", "metric": "manhattan"}
    scores = evaluate.scaling_scores(rows.features, rows.labels, best, folds=3)
    assert scores.shape == (3, len(evaluate.SCALERS))
    exact = evaluate.best_fold_scores(
        KNeighborsGridSearchCV(KNeighborsClassifier(**best), {}, cv=3).fit(rows.features, rows.labels)
    )
    assert (scores["as they are"] == exact).all()
    search = KNeighborsGridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 3]}, cv=3)
    nested = evaluate.nested_search(search, rows.features, rows.labels, folds=3)
    assert list(nested.columns) == ["n_neighbors", "accuracy"]
    assert len(nested) == 3
    assert not hasattr(search, "best_params_"), "the search itself must stay unfitted"


def test_nested_accuracies_are_of_the_outer_folds(rows):
    search = KNeighborsGridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 3]}, cv=3)
    nested = evaluate.nested_search(search, rows.features, rows.labels, folds=3)
    for (train, test), found in zip(
        StratifiedKFold(3).split(rows.features, rows.labels), nested["accuracy"], strict=True
    ):
        inner = clone(search).fit(rows.features.iloc[train], rows.labels.iloc[train])
        assert found == inner.score(rows.features.iloc[test], rows.labels.iloc[test])
        assert found != inner.best_score_, "which is of rows that the search has seen"


def test_grid_scores_are_a_table_of_the_grid(rows):
    grid = {"n_neighbors": [1, 2], "weights": ["uniform", "distance"], "metric": ["manhattan"]}
    search = KNeighborsGridSearchCV(KNeighborsClassifier(), grid, cv=3).fit(rows.features, rows.labels)
    table = evaluate.grid_scores(search)
    assert table["mean"].shape == (2, 2)
    assert table["mean"].max().max() == search.best_score_
    assert table.loc[("manhattan", "uniform"), ("mean", 1)] == table.loc[("manhattan", "distance"), ("mean", 1)]


@pytest.mark.parametrize(
    ("version", "l1", "l2"),
    [
        ("1.6.1", {"penalty": "l1"}, {"penalty": "l2"}),
        ("1.7.2", {"penalty": "l1"}, {"penalty": "l2"}),
        ("1.8.0", {"l1_ratio": 1.0}, {"l1_ratio": 0.0}),
        ("1.10.dev0", {"l1_ratio": 1.0}, {"l1_ratio": 0.0}),
    ],
)
def test_penalty_keywords_for_every_version(monkeypatch, version, l1, l2):
    monkeypatch.setattr(sklearn, "__version__", version)
    assert (baseline.penalty_keywords("l1"), baseline.penalty_keywords("l2")) == (l1, l2)


def test_penalties_do_what_they_say(rows):
    weights = {}
    for penalty in baseline.PENALTIES:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = baseline.build_logistic(0, penalty, c=0.1).fit(rows.features, rows.labels)
        assert isinstance(model[-1], LogisticRegression)
        weights[penalty] = model[-1].coef_
    assert (weights["l1"] == 0).mean() > 0.5 > (weights["l2"] == 0).mean()


def test_an_unknown_penalty_is_named():
    with pytest.raises(ValueError, match="unknown penalty 'l3'; there are: l1, l2"):
        baseline.penalty_keywords("l3")


def test_logistic_grid_never_warns_and_fills_its_table(rows):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search = baseline.search_logistic(rows.features, rows.labels, (0.1, 1.0), folds=3, seed=0, jobs=1)
    table = pd.DataFrame(baseline.logistic_scores(search, (0.1, 1.0)), index=baseline.PENALTIES, columns=[0.1, 1.0])
    for parameters, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
        values = list(parameters.values())
        kind = next(
            kind for kind in baseline.PENALTIES if next(iter(baseline.penalty_keywords(kind).values())) in values[1:]
        )
        assert table.loc[kind, values[0]] == score
