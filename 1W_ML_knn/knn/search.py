"""A grid search for kNN that asks for the neighbours once per fold and metric, not once per candidate.

The k nearest rows are the first k of the k + 1 nearest, and the weights only change how they vote. So one query for
the largest k answers every candidate that shares fold and metric: 20 of them in the course's grid.
"""

import time

import numpy as np
from joblib import Parallel, delayed
from scipy import sparse
from scipy.stats import rankdata
from sklearn.base import clone
from sklearn.metrics import check_scoring
from sklearn.model_selection import GridSearchCV, ParameterGrid, check_cv
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array, check_consistent_length, check_X_y, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from knn.neighbors import METRICS, nearest_neighbors

WEIGHTS = ("uniform", "distance")
GRID_FIELDS = ("n_neighbors", "weights", "metric")


def vote(labels: np.ndarray, distances: np.ndarray, classes: int, weights: str) -> np.ndarray:
    """The class that wins among the first 1, 2, … k neighbours, for every k at once.

    Shapes: labels (m, k), integers below `classes`; distances (m, k), ascending. Returns (m, k).
    "distance" weighs a neighbour by 1 / distance; if some are at distance 0, only those vote. A draw goes
    to the class with the smaller number.
    """
    share = np.ones_like(distances)
    if weights == "distance":
        identical = distances == 0
        share = np.where(identical[:, :1], identical, 1 / np.where(identical, 1, distances))
    ballots = np.eye(classes)[labels] * share[..., None]  # (m, k, classes)
    return ballots.cumsum(axis=1).argmax(axis=2)


def score_fold(train, train_labels, test, test_labels, largest_k: int, metric: str, algorithm: str):
    """Accuracy for k = 1 … largest_k under both weights, and the share of rows that are tied at each k.

    Shapes: train (n, d), test (m, d), labels integers from 0. A row is tied at k if its k-th and its (k + 1)-th
    neighbour are equally far away. Returns ({weights: (largest_k,)}, (largest_k,), seconds).
    """
    started = time.perf_counter()
    wanted = min(largest_k + 1, len(train))
    distances, positions = nearest_neighbors(train, test, wanted, metric, algorithm)
    tied = np.zeros(largest_k)
    tied[: wanted - 1] = (distances[:, :-1] == distances[:, 1:]).mean(axis=0)
    labels, distances = train_labels[positions[:, :largest_k]], distances[:, :largest_k]
    classes = 1 + max(train_labels.max(), test_labels.max())
    scores = {}
    for weights in WEIGHTS:
        winners = vote(labels, distances, classes, weights)  # (m, largest_k)
        scores[weights] = (winners == test_labels[:, None]).mean(axis=0)
    return scores, tied, time.perf_counter() - started


def score_split(matrix, target, numbers, fold, before: Pipeline | None, *settings):
    """`score_fold` on one fold (train rows, test rows), behind the steps `before` fitted on its train part."""
    train, test = fold
    parts = [matrix.iloc[rows] if hasattr(matrix, "iloc") else matrix[rows] for rows in fold]
    if before is not None:
        fitted = clone(before).fit(parts[0], target[train])
        parts = [check_array(fitted.transform(part), dtype=np.float64, order="C") for part in parts]
    return score_fold(parts[0], numbers[train], parts[1], numbers[test], *settings)


class KNeighborsGridSearchCV(GridSearchCV):
    """`GridSearchCV` for a `KNeighborsClassifier`, or a `Pipeline` that ends in one, many times faster.

    Takes GridSearchCV's arguments; the grid may vary n_neighbors, weights ("uniform", "distance") and metric
    ("manhattan", "euclidean", "chebyshev"), and the score is accuracy. Features must be numeric and dense. After
    `fit` it has GridSearchCV's attributes, and `tied_share_`, shape (candidates, folds): the share of test rows for
    which the k-th neighbour is not unique, so that libraries may differ there. Ours takes the earlier training row,
    whatever the number of threads. Neighbours are searched as the estimator's `algorithm` says, with equal results.
    In `cv_results_` a query's time is divided among its candidates; there is nothing to fit, so fit times are 0.
    """

    def fit(self, X, y=None, groups=None):
        """Search the grid on X (n, d) and y (n,), then refit the best candidate on all rows.

        Raises: ValueError for an estimator, grid, score or data outside what the class describes.
        """
        self._check_settings()
        matrix, target, numbers = self._check_data(X, y)
        candidates = list(ParameterGrid(self.param_grid))
        settings = [self._setting(candidate) for candidate in candidates]
        folds = list(check_cv(self.cv, target, classifier=True).split(matrix, target, groups))
        largest = {metric: max(k for m, k, _ in settings if m == metric) for metric, _, _ in settings}
        self._check_sizes(largest, folds)
        tasks = [(metric, fold) for metric in largest for fold in range(len(folds))]
        done = Parallel(n_jobs=self.n_jobs, verbose=self.verbose, pre_dispatch=self.pre_dispatch)(
            delayed(score_split)(
                matrix, target, numbers, folds[fold], self._steps_before(), largest[metric], metric, self._algorithm()
            )
            for metric, fold in tasks
        )
        self._collect(candidates, settings, dict(zip(tasks, done, strict=True)), len(folds))
        if self.refit:
            started = time.perf_counter()
            self.best_estimator_ = clone(self.estimator).set_params(**self.best_params_).fit(X, y)
            self.refit_time_ = time.perf_counter() - started
            if hasattr(self.best_estimator_, "feature_names_in_"):
                self.feature_names_in_ = self.best_estimator_.feature_names_in_
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.classifier_tags.multi_label = False
        tags.target_tags.multi_output = False
        return tags

    def _final(self) -> tuple[str, KNeighborsClassifier]:
        """The prefix of the kNN's parameters ("" outside a pipeline) and the kNN itself."""
        if isinstance(self.estimator, Pipeline):
            name, last = self.estimator.steps[-1]
            return f"{name}__", last
        return "", self.estimator

    def _steps_before(self) -> Pipeline | None:
        """The steps of a pipeline before its kNN, or None if there are none."""
        if isinstance(self.estimator, Pipeline) and len(self.estimator.steps) > 1:
            return self.estimator[:-1]
        return None

    def _algorithm(self) -> str:
        algorithm = self._final()[1].algorithm
        return "kd_tree" if algorithm == "ball_tree" else algorithm

    def _check_settings(self) -> None:
        prefix, classifier = self._final()
        if not isinstance(classifier, KNeighborsClassifier):
            raise ValueError(
                f"the estimator is {classifier!r}, expected a KNeighborsClassifier or a Pipeline that ends in one"
            )
        allowed = [f"{prefix}{field}" for field in GRID_FIELDS]
        unknown = {name for candidate in ParameterGrid(self.param_grid) for name in candidate} - set(allowed)
        if unknown:
            raise ValueError(
                f"the grid varies {sorted(unknown)}, expected some of {allowed}; use GridSearchCV for others"
            )
        if classifier.metric_params:
            raise ValueError(f"metric_params={classifier.metric_params!r}; expected None; use GridSearchCV for others")
        if self.scoring not in (None, "accuracy") or self.return_train_score or callable(self.refit):
            raise ValueError("only accuracy on the test part is computed; use GridSearchCV for other scores or refits")

    def _check_data(self, X, y):
        """X, as float64 in C order unless steps of a pipeline come first; y; and y as class numbers from 0."""
        if sparse.issparse(X):
            raise TypeError("sparse data was passed, but dense data is required; use X.toarray()")
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        if self._steps_before() is None:
            matrix, target = check_X_y(X, y, dtype=np.float64, order="C")
        else:  # the steps decide what they take, and see column names if there are any
            matrix, target = X if hasattr(X, "iloc") else np.asarray(X), column_or_1d(y, warn=True)
            check_consistent_length(matrix, target)
        check_classification_targets(target)
        classes, numbers = np.unique(target, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(f"all labels are {classes[0]!r}, one class; a classifier needs two classes or more")
        return matrix, target, numbers

    def _setting(self, candidate: dict) -> tuple[str, int, str]:
        """Metric, k and weights of one candidate, where it is silent those of the estimator."""
        prefix, classifier = self._final()
        metric, k, weights = (
            candidate.get(f"{prefix}{field}", getattr(classifier, field))
            for field in ("metric", "n_neighbors", "weights")
        )
        if metric == "minkowski":
            metric = next((name for name, p in METRICS.items() if p == classifier.p), metric)
        if metric not in METRICS or weights not in WEIGHTS:
            raise ValueError(
                f"metric={metric!r} (p={classifier.p}), weights={weights!r}; "
                f"expected one of {list(METRICS)} and one of {list(WEIGHTS)}"
            )
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise ValueError(f"n_neighbors={k!r}; expected a whole number from 1")
        return metric, int(k), weights

    def _check_sizes(self, largest: dict[str, int], folds: list) -> None:
        fewest = min(len(train) for train, _ in folds)
        if max(largest.values()) > fewest:
            raise ValueError(
                f"n_neighbors goes up to {max(largest.values())}, but a fold trains on {fewest} rows "
                f"(n_samples); take fewer neighbours or folds"
            )

    def _collect(self, candidates: list[dict], settings: list, done: dict, n_folds: int) -> None:
        """Fill `cv_results_` and the best_ attributes from the scores of each (metric, fold)."""
        scores, ties, times = np.empty((3, len(candidates), n_folds))
        sharing = [sum(metric == other for other, _, _ in settings) for metric, _, _ in settings]
        for row, (metric, k, weights) in enumerate(settings):
            for fold in range(n_folds):
                fold_scores, tied, duration = done[metric, fold]
                scores[row, fold], ties[row, fold] = fold_scores[weights][k - 1], tied[k - 1]
                times[row, fold] = duration / sharing[row]
        self.tied_share_ = ties
        self.cv_results_ = results_table(candidates, scores, times)
        self.best_index_ = int(self.cv_results_["rank_test_score"].argmin())
        self.best_score_ = self.cv_results_["mean_test_score"][self.best_index_]
        self.best_params_ = candidates[self.best_index_]
        self.n_splits_, self.multimetric_ = n_folds, False
        self.scorer_ = check_scoring(self.estimator, self.scoring)


def results_table(candidates: list[dict], scores: np.ndarray, times: np.ndarray) -> dict:
    """`cv_results_` in GridSearchCV's form, from scores and times of shape (candidates, folds)."""
    nothing = np.zeros(len(candidates))
    results = {"mean_fit_time": nothing, "std_fit_time": nothing.copy()}
    results |= {"mean_score_time": times.mean(axis=1), "std_score_time": times.std(axis=1)}
    for name in sorted({name for candidate in candidates for name in candidate}):
        values = [candidate.get(name) for candidate in candidates]
        absent = [name not in candidate for candidate in candidates]
        numeric = np.asarray(values, dtype=None if not any(absent) else object).dtype
        results[f"param_{name}"] = np.ma.MaskedArray(values, absent, numeric if numeric.kind in "biuf" else object)
    results["params"] = candidates
    results |= {f"split{fold}_test_score": scores[:, fold] for fold in range(scores.shape[1])}
    mean = scores.mean(axis=1)
    ranks = rankdata(-mean, method="min").astype(np.int32)
    return results | {"mean_test_score": mean, "std_test_score": scores.std(axis=1), "rank_test_score": ranks}
