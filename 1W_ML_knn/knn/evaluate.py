"""What week 1 measures: fit against k, paired differences, the effect of scaling, and cost against size."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from statistics import median

import faiss
import numpy as np
import pandas as pd
from scipy.stats import t
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV, cross_validate, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler
from threadpoolctl import threadpool_limits

from coursework.runtime import seconds
from knn.data import MEASURED, SOIL, WILDERNESS
from knn.neighbors import METRICS, brute_index, nearest_neighbors, tree_index
from knn.search import KNeighborsGridSearchCV, vote

ROADS_AND_FIRES = ["Horizontal_Distance_To_Roadways", "Horizontal_Distance_To_Fire_Points"]
INDICATORS = WILDERNESS + SOIL
GROUPS = {
    "elevation": ["Elevation"],
    "roads and fires": ROADS_AND_FIRES,
    "other measured": [name for name in MEASURED if name not in ("Elevation", *ROADS_AND_FIRES)],
    "wilderness area": WILDERNESS,
    "soil type": SOIL,
}


def reweight(features: pd.DataFrame, columns: list[str], factor: float) -> pd.DataFrame:
    """The features with some columns multiplied by `factor`."""
    return features.assign(**(features[columns] * factor))


def scale_all() -> StandardScaler:
    """Every feature to mean 0 and standard deviation 1, as a table with the names of its columns."""
    return StandardScaler().set_output(transform="pandas")


def drop_indicators() -> ColumnTransformer:
    """The ten measured features alone."""
    kept = ColumnTransformer([("kept", "passthrough", MEASURED)], verbose_feature_names_out=False)
    return kept.set_output(transform="pandas")


POSITION = ["Elevation", *ROADS_AND_FIRES]
# Each turns the 54 features into those that distances are computed from.
SCALERS = {
    "raw": FunctionTransformer(),
    "raw, indicators × 100": FunctionTransformer(reweight, kw_args={"columns": INDICATORS, "factor": 100}),
    "raw, no indicators": drop_indicators(),
    "each to [0, 1]": MinMaxScaler().set_output(transform="pandas"),
    "unit variance": scale_all(),
    "unit variance, no indicators": make_pipeline(drop_indicators(), scale_all()),
    "unit variance, elevation, roads, fires × 4": make_pipeline(
        scale_all(), FunctionTransformer(reweight, kw_args={"columns": POSITION, "factor": 4})
    ),
}


def fit_curve(train, train_labels, test, test_labels, ks: Iterable[int]) -> pd.DataFrame:
    """Accuracy of kNN on its training rows and on others, one vote each, Euclidean; a line for each k."""
    rows = {}
    for k in ks:
        model = KNeighborsClassifier(k).fit(train, train_labels)
        rows[k] = {"training": model.score(train, train_labels), "test": model.score(test, test_labels)}
    return pd.DataFrame(rows).T.rename_axis("k")


def paired_difference(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """Mean of first - second over the same folds, and the ends of its 95 % t interval. Shapes (folds,).

    The training parts of folds overlap, so a naive t interval is too narrow: the term 1 / (folds - 1), the number of
    test rows per training row, corrects for that. Source: Nadeau and Bengio 2003, doi:10.1023/A:1024068626366.
    """
    differences = np.subtract(first, second)
    folds, mean = len(differences), differences.mean()
    margin = t.ppf(0.975, folds - 1) * differences.std(ddof=1) * np.sqrt(1 / folds + 1 / (folds - 1))
    return mean, mean - margin, mean + margin


def split_difference(ours: KNeighborsGridSearchCV, theirs: GridSearchCV) -> np.ndarray:
    """|difference| of every split score of two searches over one grid; shape (candidates, folds)."""
    return np.column_stack(
        [
            np.abs(ours.cv_results_[f"split{fold}_test_score"] - theirs.cv_results_[f"split{fold}_test_score"])
            for fold in range(ours.n_splits_)
        ]
    )


def best_fold_scores(search: GridSearchCV) -> np.ndarray:
    """The best candidate's score on each fold, shape (folds,)."""
    return fold_scores(search, search.best_params_)


def fold_scores(search: GridSearchCV, settings: dict) -> np.ndarray:
    """The score of the candidate with these settings on each fold, shape (folds,)."""
    place = search.cv_results_["params"].index(settings)
    return np.array([search.cv_results_[f"split{fold}_test_score"][place] for fold in range(search.n_splits_)])


def grid_scores(search: GridSearchCV) -> pd.DataFrame:
    """Mean and std over folds, indexed by (metric, weights), with columns (statistic, k)."""
    results = pd.DataFrame(search.cv_results_["params"])
    results["mean"] = search.cv_results_["mean_test_score"]
    results["std"] = search.cv_results_["std_test_score"]
    return results.pivot(index=["metric", "weights"], columns="n_neighbors", values=["mean", "std"])


def scaling_searches(features: pd.DataFrame, labels: pd.Series, scalers: dict, grid: dict, folds: int) -> pd.DataFrame:
    """The whole grid search behind each scaler, fitted within each fold; a line for each scaler.

    Columns: the settings that were chosen, the mean accuracy, and `folds`, an array with the accuracy of each fold.
    """
    rows = {}
    for name, scaler in scalers.items():
        pipeline = Pipeline([("scale", clone(scaler)), ("knn", KNeighborsClassifier())])
        settings = {f"knn__{key}": values for key, values in grid.items()}
        search = KNeighborsGridSearchCV(pipeline, settings, cv=folds, refit=False).fit(features, labels)
        chosen = {key.removeprefix("knn__"): value for key, value in search.best_params_.items()}
        rows[name] = {**chosen, "accuracy": search.best_score_, "folds": best_fold_scores(search)}
    return pd.DataFrame(rows).T


def distance_contributions(features: pd.DataFrame, scalers: dict, seed: int, pairs: int = 2000) -> pd.DataFrame:
    """Which features make up the Manhattan distance between a row and its nearest neighbour, in percent.

    One row for each scaler, one column for each group of features; rows sum to 100. `pairs` rows are drawn at random.
    """
    shares = {}
    for name, values, nearest, asked in nearest_pairs(features, scalers, seed, pairs):
        gaps = np.abs(values.iloc[asked].to_numpy() - values.iloc[nearest].to_numpy()).mean(axis=0)
        gaps = pd.Series(gaps, index=values.columns).reindex(features.columns, fill_value=0)
        shares[name] = {group: 100 * gaps[columns].sum() / gaps.sum() for group, columns in GROUPS.items()}
    return pd.DataFrame(shares).T


def same_soil(features: pd.DataFrame, scalers: dict, seed: int, pairs: int = 2000) -> pd.Series:
    """For each scaler, the fraction of rows whose nearest neighbour has the same soil type."""
    types = features[SOIL].to_numpy().argmax(axis=1)
    found = nearest_pairs(features, scalers, seed, pairs)
    return pd.Series({name: (types[asked] == types[nearest]).mean() for name, _, nearest, asked in found})


def nearest_pairs(features: pd.DataFrame, scalers: dict, seed: int, pairs: int) -> Iterator[tuple]:
    """For each scaler: its name, the scaled features, and the positions of nearest neighbours and of their rows.

    `pairs` rows are drawn at random; the nearest other row is found by the Manhattan distance.
    """
    asked = np.random.default_rng(seed).permutation(len(features))[:pairs]
    for name, scaler in scalers.items():
        scaled = clone(scaler).fit_transform(features)
        values = np.ascontiguousarray(scaled, dtype=np.float64)
        _, positions = nearest_neighbors(values, values[asked], 2, "manhattan")
        yield name, scaled, np.where(positions[:, 0] == asked, positions[:, 1], positions[:, 0]), asked


def nested_search(search: KNeighborsGridSearchCV, features, labels, folds: int) -> pd.DataFrame:
    """The whole procedure, search included, on outer folds that the search has never seen.

    One row an outer fold: what the search chose there, and the accuracy of that choice on the outer fold.
    """
    outer = cross_validate(clone(search), features, labels, cv=folds, return_estimator=True)
    table = pd.DataFrame([fitted.best_params_ for fitted in outer["estimator"]])
    return table.assign(accuracy=outer["test_score"]).rename_axis("outer fold")


def tied_most(search: KNeighborsGridSearchCV) -> tuple[dict, float]:
    """The candidate and the share of rows where ties at the k-th place are most frequent in any fold."""
    candidate, _ = np.unravel_index(search.tied_share_.argmax(), search.tied_share_.shape)
    return search.cv_results_["params"][candidate], search.tied_share_.max()


def ask_exact(train: np.ndarray, best: dict, build: Callable) -> Callable:
    """Exact search with the index that `build` makes of the training rows."""
    index = build(train, METRICS[best["metric"]])
    return lambda rows: nearest_neighbors(train, rows, best["n_neighbors"], best["metric"], index)


def ask_graph(train: np.ndarray, best: dict) -> Callable:
    """Approximate search along a graph of near rows: HNSW (Malkov and Yashunin 2018, arXiv:1603.09320) by Faiss.

    Faiss comes compiled; libraries that compile at first use would cost this notebook a minute.
    """
    kind = {"manhattan": faiss.METRIC_L1, "euclidean": faiss.METRIC_L2, "chebyshev": faiss.METRIC_Linf}[best["metric"]]
    graph = faiss.IndexHNSWFlat(train.shape[1], 16, kind)
    graph.add(np.ascontiguousarray(train, dtype=np.float32))

    def ask(rows):
        distances, positions = graph.search(np.ascontiguousarray(rows, dtype=np.float32), best["n_neighbors"])
        if best["metric"] == "euclidean":  # Faiss returns squares
            distances = np.sqrt(distances)
        return distances.astype(np.float64), positions

    return ask


METHODS = {
    "all distances": partial(ask_exact, build=brute_index),
    "k-d tree": partial(ask_exact, build=tree_index),
    "graph (approximate)": ask_graph,
}


def cost_curve(features, labels, best: dict, sizes: tuple[int, ...], queries: int, repeats: int, seed: int):
    """Accuracy, milliseconds a query, and share of the true neighbours found, for growing training sets.

    A table with columns n, method, accuracy, recall, milliseconds. All methods answer the same `queries` rows, one
    after the other on one thread each; the index is built outside the clock, and the median of `repeats` is taken.
    Raises: ValueError if a size leaves no rows for the queries.
    """
    if max(sizes) + queries > len(features):
        raise ValueError(
            f"sizes up to {max(sizes)} and {queries} queries need more than the {len(features)} rows; lower one"
        )
    rows, asked, row_labels, truth = train_test_split(
        np.ascontiguousarray(features), np.asarray(labels) - 1, test_size=queries, random_state=seed
    )
    points = []
    with threadpool_limits(1):  # a fair race; and with one thread the graph is built the same way every time
        for n in sizes:
            exact = METHODS["k-d tree"](rows[:n], best)(asked)[1]
            for name, build in METHODS.items():
                ask = build(rows[:n], best)
                distances, positions = ask(asked)
                votes = vote(row_labels[positions], distances, 1 + row_labels.max(), best["weights"])[:, -1]
                found = [len(set(ours) & set(true)) for ours, true in zip(positions, exact, strict=True)]
                times = [seconds(lambda ask=ask: ask(asked)) for _ in range(repeats)]
                points.append(
                    {
                        "n": n,
                        "method": name,
                        "accuracy": (votes == truth).mean(),
                        "recall": np.mean(found) / best["n_neighbors"],
                        "milliseconds": 1000 * median(times) / queries,
                    }
                )
    return pd.DataFrame(points)


def growth_exponent(sizes, costs) -> float:
    """The slope of costs against sizes on a log-log plot, by least squares: cost grows as size to this power."""
    return float(np.polyfit(np.log(sizes), np.log(costs), deg=1)[0])


def timed(call: Callable[[], object]) -> float:
    """How many seconds one call takes on one thread."""
    with threadpool_limits(1):
        return seconds(call)
