"""What week 1 measures: hand-computed values, identities, and that nothing warns."""

import warnings

import numpy as np
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


def test_a_paired_difference_and_its_interval_by_hand():
    """Differences 1, 2, 3: mean 2, standard deviation 1, t(0.975; 2) = 4.3027, a test row per two training rows."""
    found = evaluate.paired_difference(np.array([2.0, 4, 6]), np.array([1.0, 2, 3]))
    margin = 4.3027 * (1 / 3 + 1 / 2) ** 0.5
    assert found == pytest.approx((2, 2 - margin, 2 + margin), abs=1e-4)


def test_the_fit_curve_is_of_training_and_of_other_rows(rows):
    half = len(rows.labels) // 2
    parts = rows.features[:half], rows.labels[:half], rows.features[half:], rows.labels[half:]
    curve = evaluate.fit_curve(*parts, (1, 7))
    assert curve.loc[1, "training"] == 1
    assert curve.loc[7, "test"] == KNeighborsClassifier(7).fit(*parts[:2]).score(*parts[2:])


def test_the_scores_of_a_candidate_are_found_by_its_settings(rows):
    search = KNeighborsGridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 3]}, cv=3)
    search.fit(rows.features, rows.labels)
    means = [evaluate.fold_scores(search, {"n_neighbors": k}).mean() for k in (1, 3)]
    assert means == pytest.approx(search.cv_results_["mean_test_score"])
    assert evaluate.best_fold_scores(search).mean() == pytest.approx(search.best_score_)


def test_growth_exponent_of_a_power():
    sizes = np.array([10, 100, 1000])
    assert evaluate.growth_exponent(sizes, 3 * sizes**1.5) == pytest.approx(1.5)


def test_contributions_sum_to_a_whole_and_are_those_of_nearest_neighbours(rows):
    shares = evaluate.distance_contributions(rows.features, evaluate.SCALERS, seed=0, pairs=100)
    assert shares.sum(axis=1).to_numpy() == pytest.approx(100)
    assert shares.loc["unit variance, no indicators", ["wilderness area", "soil type"]].sum() == 0
    values = rows.features.to_numpy()
    asked = np.random.default_rng(0).permutation(len(values))[:100]
    gaps = np.abs(values[asked, None] - values).sum(axis=2)
    gaps[np.arange(100), asked] = np.inf
    nearest = np.abs(values[asked] - values[gaps.argmin(axis=1)])
    elevation = 100 * nearest[:, rows.features.columns.get_loc("Elevation")].sum() / nearest.sum()
    assert shares.loc["raw", "elevation"] == pytest.approx(elevation, rel=0.02)  # some rows have two that are nearest


def test_every_scaler_does_what_its_name_says(rows):
    scaled = {name: clone(scaler).fit_transform(rows.features) for name, scaler in evaluate.SCALERS.items()}
    assert scaled["raw"].equals(rows.features)
    louder = scaled["raw, indicators × 100"]
    assert louder[evaluate.INDICATORS].equals(100 * rows.features[evaluate.INDICATORS])
    assert louder["Elevation"].equals(rows.features["Elevation"])
    assert list(scaled["raw, no indicators"].columns) == evaluate.MEASURED
    assert scaled["each to [0, 1]"].max().max() == pytest.approx(1)
    assert scaled["unit variance"].std(ddof=0)["Elevation"] == pytest.approx(1)
    assert list(scaled["unit variance, no indicators"].columns) == evaluate.MEASURED
    quadruple = scaled["unit variance, elevation, roads, fires × 4"].std(ddof=0)
    assert quadruple[evaluate.POSITION].to_numpy() == pytest.approx(4)
    assert quadruple["Slope"] == pytest.approx(1)


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


def test_scaling_searches_and_nested_scores_have_a_value_per_fold(rows):
    grid = {"n_neighbors": [1, 3], "weights": ["distance"], "metric": ["manhattan", "euclidean"]}
    searches = evaluate.scaling_searches(rows.features, rows.labels, evaluate.SCALERS, grid, folds=3)
    assert list(searches.index) == list(evaluate.SCALERS)
    exact = KNeighborsGridSearchCV(KNeighborsClassifier(), grid, cv=3).fit(rows.features, rows.labels)
    assert (searches.loc["raw", "folds"] == evaluate.best_fold_scores(exact)).all()
    assert dict(searches.loc["raw", list(grid)]) == exact.best_params_
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


def test_the_logistic_grid_holds_every_pair_and_never_warns(rows):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search = baseline.search_logistic(rows.features, rows.labels, (0.1, 1.0), folds=3, seed=0, jobs=1)
    (key,) = baseline.penalty_keywords("l1")
    tried = [
        (chosen["logisticregression__C"], chosen[f"logisticregression__{key}"])
        for chosen in search.cv_results_["params"]
    ]
    kinds = [baseline.penalty_keywords(kind)[key] for kind in baseline.PENALTIES]
    assert sorted(tried) == sorted((c, kind) for c in (0.1, 1.0) for kind in kinds)
