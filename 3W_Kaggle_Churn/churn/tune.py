"""Tuning with Optuna, resumable: each trial is scored fold by fold, and pruned early if it lags behind.

A killed study resumes: the same call continues where it stopped and ends with the same trials, because the sampler of
each trial is seeded by the number of trials finished before it. Several machines may share one study, each with a seed
of its own; then the trials depend on timing.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

import catboost
import numpy as np
import optuna
import pandas as pd
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.trial import TrialState
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

from churn.models import LEFT_OUT, SHALLOW
from coursework.records import build_dir, write_bytes

SPACE = 2  # raise it when `suggest_settings` or the models change, so that no old study continues with new rules
DONE = (TrialState.COMPLETE, TrialState.PRUNED)
# The first trial: the shallow model, with CatBoost's defaults for the rest.
START = {
    "depth": SHALLOW["depth"],
    "learning_rate": SHALLOW["learning_rate"],
    "fraction": 1.0,
    "l2_leaf_reg": 3.0,
    "random_strength": 1.0,
    "rsm": 1.0,
}


def suggest_settings(trial: optuna.Trial, trees: int) -> dict:
    """The search space: shallow to medium trees, at most `trees` of them, with plain boosting, which is faster."""
    return {
        "boosting_type": "Plain",
        "depth": trial.suggest_int("depth", 1, 5),
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.2, log=True),
        "iterations": max(2, round(trees * trial.suggest_float("fraction", 0.2, 1.0))),
        "l2_leaf_reg": trial.suggest_float("l2_leaf_reg", 0.5, 30.0, log=True),
        "random_strength": trial.suggest_float("random_strength", 0.1, 10.0, log=True),
        "rsm": trial.suggest_float("rsm", 0.3, 1.0),
    }


def study_path(storage: str | None) -> str | Path | None:
    """Where the config's `storage` lies: a URL as it is, a file name below `build/`, None for memory."""
    if storage is None or "://" in storage:
        return storage
    return build_dir("3W") / storage


def open_study(
    data: pd.DataFrame, labels: pd.Series, folds: list, trees: int, storage: str | Path | None
) -> optuna.Study:
    """The study of these rows and folds: from `storage` (a file or a database's URL), or a new one; None: in memory.

    Other rows, folds, numbers of trees, versions or search spaces get another study in the same storage.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    content = hashlib.sha256(pd.util.hash_pandas_object(data.assign(target=labels)).to_numpy().tobytes())
    for train, test in folds:
        content.update(np.concatenate([train, [-1], test]).tobytes())
    content.update(repr((LEFT_OUT, catboost.__version__, optuna.__version__)).encode())
    name = f"churn-{SPACE}-{trees}-{content.hexdigest()[:12]}"
    if storage is not None and "://" not in str(storage):
        cut_torn_line(Path(storage))
        storage = JournalStorage(JournalFileBackend(str(storage)))
    study = optuna.create_study(study_name=name, storage=storage, direction="maximize", load_if_exists=True)
    if not study.get_trials(states=(*DONE, TrialState.WAITING)):
        study.enqueue_trial(START)
    return study


def cut_torn_line(path: Path) -> None:
    """Remove an incomplete last line, left by a kill or a full disk: Optuna would append to it and read neither."""
    if path.exists():
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            write_bytes(path, whole)


def tune(study: optuna.Study, build: Callable, data, labels, folds: list, trials: int, trees: int, seed: int) -> None:
    """Add trials until `study` has `trials` finished ones; `build(settings)` gives the model.

    A trial is pruned, from the second fold on, when its best running mean is below the median of the running means
    that complete trials had at that fold.
    """
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1)
    finished = len(study.get_trials(states=DONE))
    with tqdm(total=trials, initial=finished, desc="tuning", unit="trial", leave=False) as bar:
        while finished < trials:
            # constant_liar: a trial that a kill left running must not influence the next ones.
            study.sampler = optuna.samplers.TPESampler(
                seed=seed + finished, multivariate=True, n_startup_trials=8, constant_liar=False
            )
            trial = study.ask()
            score = score_trial(trial, build(suggest_settings(trial, trees)), data, labels, folds)
            study.tell(trial, score, state=TrialState.PRUNED if score is None else TrialState.COMPLETE)
            before, finished = finished, len(study.get_trials(states=DONE))  # other workers may have finished some
            bar.update(finished - before)


def score_trial(trial: optuna.Trial, model, data, labels, folds: list) -> float | None:
    """The mean AUC over the folds, or None if the trial is pruned."""
    scores = []
    for step, (train, test) in enumerate(folds):
        fitted = clone(model).fit(data.iloc[train], labels.iloc[train])
        scores.append(roc_auc_score(labels.iloc[test], fitted.predict_proba(data.iloc[test])[:, 1]))
        trial.report(float(np.mean(scores)), step)
        if step < len(folds) - 1 and trial.should_prune():
            return None
    return float(np.mean(scores))


def study_table(study: optuna.Study) -> pd.DataFrame:
    """One row per finished trial: its parameters, its mean AUC over the folds it completed, whether it was pruned.

    `gain` is this mean minus that of the first complete trial over the same folds.
    """
    trials = study.get_trials(states=DONE)
    first = next((trial for trial in trials if trial.state == TrialState.COMPLETE), None)
    rows = [
        {
            **trial.params,
            "auc": trial.intermediate_values[max(trial.intermediate_values)],
            "gain": difference_from(first, trial),
            "folds": len(trial.intermediate_values),
            "pruned": trial.state == TrialState.PRUNED,
        }
        for trial in trials
    ]
    return pd.DataFrame(rows, index=pd.RangeIndex(1, len(rows) + 1, name="trial"))


def difference_from(first: optuna.trial.FrozenTrial | None, trial: optuna.trial.FrozenTrial) -> float:
    """Running mean of `trial` at its last fold, minus that of `first` at the same fold; nan without `first`."""
    step = max(trial.intermediate_values)
    return np.nan if first is None else trial.intermediate_values[step] - first.intermediate_values[step]
