"""The fast grid search: a scikit-learn citizen, equal to GridSearchCV, the same on every backend."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from knn.config import CONFIGS
from knn.data import load_covertype
from knn.search import KNeighborsGridSearchCV, vote

GRID = {"n_neighbors": range(1, 11), "weights": ["uniform", "distance"], "metric": ["manhattan", "euclidean"]}


@pytest.fixture(scope="module")
def real():
    """1,500 rows of Covertype: whole metres, so distances tie."""
    data = load_covertype(replace(CONFIGS["sample"], rows=1500))
    return np.ascontiguousarray(data.features), data.labels.to_numpy()


@pytest.fixture(scope="module")
def untied():
    """Real numbers: no two distances are equal."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 6))
    labels = rng.integers(3, size=400)
    return centres[labels] + rng.normal(size=(400, 6)), labels


def split_scores(search):
    return np.column_stack([search.cv_results_[f"split{fold}_test_score"] for fold in range(search.n_splits_)])


@pytest.mark.parametrize(
    ("weights", "winners"),
    [
        ("uniform", [0, 0, 1, 0, 1]),  # votes 1:0, 1:1, 1:2, 2:2, 2:3
        ("distance", [0, 0, 0, 0, 0]),  # 1 : ½ + ¼, then 1.2 : 0.95 at the end
    ],
)
def test_vote_by_hand(weights, winners):
    labels, distances = np.array([[0, 1, 1, 0, 1]]), np.array([[1.0, 2.0, 4.0, 5.0, 5.0]])
    assert vote(labels, distances, 2, weights).tolist() == [winners]


def test_only_neighbours_at_distance_zero_vote_by_distance():
    labels, distances = np.array([[2, 1, 0, 0, 0]]), np.array([[0.0, 0.0, 0.1, 0.1, 0.1]])
    assert vote(labels, distances, 3, "distance").tolist() == [[2, 1, 1, 1, 1]]


def test_equals_grid_search_where_nothing_ties(untied):
    ours = KNeighborsGridSearchCV(KNeighborsClassifier(), GRID, cv=5).fit(*untied)
    theirs = GridSearchCV(KNeighborsClassifier(), GRID, cv=5).fit(*untied)
    assert ours.tied_share_.max() == 0
    assert (split_scores(ours) == split_scores(theirs)).all()
    for name in ("best_params_", "best_index_", "best_score_", "n_splits_", "multimetric_"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert (ours.classes_ == theirs.classes_).all()
    assert ours.score(*untied) == theirs.score(*untied)
    assert (ours.predict_proba(untied[0]) == theirs.predict_proba(untied[0])).all()


def test_cv_results_have_grid_searchs_form(untied):
    grid = [{"n_neighbors": [3, 1]}, {"n_neighbors": [2], "weights": ["distance"]}]
    ours = KNeighborsGridSearchCV(KNeighborsClassifier(), grid, cv=3).fit(*untied).cv_results_
    theirs = GridSearchCV(KNeighborsClassifier(), grid, cv=3).fit(*untied).cv_results_
    assert list(ours) == list(theirs)
    for name, column in theirs.items():
        assert type(ours[name]) is type(column)
        if name == "params":
            assert ours[name] == column
        elif "time" not in name:
            assert ours[name].dtype == column.dtype
            assert np.ma.allequal(ours[name], column) if "param_" in name else (ours[name] == column).all()
        if "param_" in name:
            assert (np.ma.getmaskarray(ours[name]) == np.ma.getmaskarray(column)).all()


def test_on_real_rows_it_differs_by_no_more_than_the_tied_share(real):
    ours = KNeighborsGridSearchCV(KNeighborsClassifier(), GRID, cv=5).fit(*real)
    theirs = GridSearchCV(KNeighborsClassifier(), GRID, cv=5).fit(*real)
    assert ours.tied_share_.max() > 0
    assert (np.abs(split_scores(ours) - split_scores(theirs)) <= ours.tied_share_ + 1e-12).all()
    assert ours.best_params_ == theirs.best_params_


@pytest.mark.parametrize("algorithm", ["brute", "kd_tree", "ball_tree"])
def test_the_table_does_not_depend_on_the_index(real, algorithm):
    reference = KNeighborsGridSearchCV(KNeighborsClassifier(), GRID, cv=5).fit(*real)
    other = KNeighborsGridSearchCV(KNeighborsClassifier(algorithm=algorithm), GRID, cv=5).fit(*real)
    assert (split_scores(reference) == split_scores(other)).all()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("backend", ["sequential", "threading", "loky"])
def test_the_table_does_not_depend_on_threads_or_backend(real, backend, threads):
    reference = KNeighborsGridSearchCV(KNeighborsClassifier(algorithm="brute"), GRID, cv=5).fit(*real)
    inner = {"inner_max_num_threads": threads} if backend == "loky" else {}
    with threadpool_limits(threads), parallel_config(backend=backend, n_jobs=2, **inner):
        other = KNeighborsGridSearchCV(KNeighborsClassifier(algorithm="brute"), GRID, cv=5).fit(*real)
    assert (split_scores(reference) == split_scores(other)).all()


IN_A_CHILD = """
import numpy, sys
from joblib import parallel_config
from sklearn.neighbors import KNeighborsClassifier
from knn.search import KNeighborsGridSearchCV
rows = numpy.load(sys.argv[1])
grid = {"n_neighbors": range(1, 11), "weights": ["uniform", "distance"], "metric": ["manhattan", "euclidean"]}
with parallel_config(backend="multiprocessing", n_jobs=2):
    search = KNeighborsGridSearchCV(KNeighborsClassifier(algorithm="brute"), grid, cv=5).fit(rows["x"], rows["y"])
numpy.save(sys.argv[2], numpy.column_stack([search.cv_results_[f"split{fold}_test_score"] for fold in range(5)]))
"""


@pytest.mark.parametrize("threads", ["1", "2"])
def test_nor_on_forked_processes(real, tmp_path, monkeypatch, threads):
    """In a process of its own: forking one in which OpenMP already runs threads hangs, with any library."""
    reference = KNeighborsGridSearchCV(KNeighborsClassifier(), GRID, cv=5).fit(*real)
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    np.savez(tmp_path / "rows.npz", x=real[0], y=real[1])
    command = [sys.executable, "-c", IN_A_CHILD, tmp_path / "rows.npz", tmp_path / "scores.npy"]
    subprocess.run(command, check=True, timeout=120)
    assert (np.load(tmp_path / "scores.npy") == split_scores(reference)).all()


def test_a_dask_cluster_serves_it(real):
    distributed = pytest.importorskip("distributed")
    reference = KNeighborsGridSearchCV(KNeighborsClassifier(), GRID, cv=5).fit(*real)
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1"}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        with parallel_config(backend="dask"):
            search = KNeighborsGridSearchCV(KNeighborsClassifier(), GRID, cv=5).fit(*real)
        done_by = client.run(lambda dask_worker: len(dask_worker.state.transition_counter and dask_worker.state.log))
    assert len(done_by) == 2
    assert all(done_by.values())
    assert (split_scores(reference) == split_scores(search)).all()


def test_a_pipeline_scales_within_the_fold(untied):
    grid = {"kneighborsclassifier__n_neighbors": [1, 5], "kneighborsclassifier__metric": ["manhattan", "chebyshev"]}
    pipeline = make_pipeline(StandardScaler(), KNeighborsClassifier())
    ours = KNeighborsGridSearchCV(pipeline, grid, cv=4).fit(*untied)
    theirs = GridSearchCV(pipeline, grid, cv=4).fit(*untied)
    assert (split_scores(ours) == split_scores(theirs)).all()
    assert ours.best_params_ == theirs.best_params_


def test_a_pipeline_sees_column_names(untied):
    frame = pd.DataFrame(untied[0], columns=list("abcdef"))
    pipeline = make_pipeline(ColumnTransformer([("some", StandardScaler(), ["a", "c"])]), KNeighborsClassifier())
    grid = {"kneighborsclassifier__n_neighbors": [1, 5]}
    ours = KNeighborsGridSearchCV(pipeline, grid, cv=4).fit(frame, untied[1])
    theirs = GridSearchCV(pipeline, grid, cv=4).fit(frame, untied[1])
    assert (split_scores(ours) == split_scores(theirs)).all()
    assert (ours.predict(frame) == theirs.predict(frame)).all()


def test_steps_of_a_pipeline_see_the_labels(untied):
    names = np.array(["x", "y", "z"])[untied[1]]
    pipeline = make_pipeline(SelectKBest(k=3), KNeighborsClassifier())
    grid = {"kneighborsclassifier__n_neighbors": [1, 5]}
    ours = KNeighborsGridSearchCV(pipeline, grid, cv=4).fit(untied[0], names)
    theirs = GridSearchCV(pipeline, grid, cv=4).fit(untied[0], names)
    assert (split_scores(ours) == split_scores(theirs)).all()


def test_it_nests_and_takes_splitters_frames_and_names(untied):
    frame, labels = pd.DataFrame(untied[0], columns=list("abcdef")), np.array(["x", "y", "z"])[untied[1]]
    search = KNeighborsGridSearchCV(KNeighborsClassifier(p=1), {"n_neighbors": [1, 3]}, cv=StratifiedKFold(3))
    assert len(cross_val_score(search, frame, labels, cv=3)) == 3
    assert list(search.fit(frame, labels).feature_names_in_) == list("abcdef")
    assert set(search.predict(frame)) <= {"x", "y", "z"}
    assert search.best_estimator_.p == 1


def test_without_refit_there_is_a_table_and_no_estimator(untied):
    search = KNeighborsGridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 3]}, refit=False).fit(*untied)
    assert not hasattr(search, "best_estimator_")
    assert len(search.cv_results_["params"]) == 2


@parametrize_with_checks([KNeighborsGridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 2]}, cv=2)])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("search", "message"),
    [
        (KNeighborsGridSearchCV(RandomForestClassifier(), GRID), "expected a KNeighborsClassifier"),
        (
            KNeighborsGridSearchCV(KNeighborsClassifier(), {"leaf_size": [1]}),
            r"varies \['leaf_size'\], expected some of",
        ),
        (KNeighborsGridSearchCV(KNeighborsClassifier(), {"metric": ["cosine"]}), "metric='cosine'"),
        (KNeighborsGridSearchCV(KNeighborsClassifier(p=3), {"n_neighbors": [1]}), r"metric='minkowski' \(p=3\)"),
        (KNeighborsGridSearchCV(KNeighborsClassifier(metric_params={"w": 1}), GRID), "metric_params="),
        (KNeighborsGridSearchCV(KNeighborsClassifier(), {"weights": [abs]}), "weights=<built-in"),
        (KNeighborsGridSearchCV(KNeighborsClassifier(), {"n_neighbors": [2.5]}), "n_neighbors=2.5; expected a whole"),
        (KNeighborsGridSearchCV(KNeighborsClassifier(), {"n_neighbors": [0]}), "n_neighbors=0"),
        (KNeighborsGridSearchCV(KNeighborsClassifier(), {"n_neighbors": [400]}), "a fold trains on 320 rows"),
        (KNeighborsGridSearchCV(KNeighborsClassifier(), GRID, scoring="f1_macro"), "only accuracy"),
        (KNeighborsGridSearchCV(KNeighborsClassifier(), GRID, return_train_score=True), "only accuracy"),
    ],
)
def test_what_it_cannot_do_is_named(untied, search, message):
    with pytest.raises(ValueError, match=message):
        search.fit(*untied)


def test_bad_data_is_named(untied):
    features, labels = untied
    search = KNeighborsGridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1]})
    with pytest.raises(TypeError, match=r"dense data is required; use X.toarray"):
        search.fit(sparse.csr_matrix(features), labels)
    with pytest.raises(ValueError, match=r"one class; a classifier needs two"):
        search.fit(features, np.zeros(len(labels), dtype=int))
    with pytest.raises(ValueError, match="NaN"):
        search.fit(np.where(features > 2, np.nan, features), labels)
    with pytest.raises(ValueError, match="y is None"):
        search.fit(features)
