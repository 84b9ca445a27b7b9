"""Models and tuning: what they see, unseen categories, and that a killed study goes on as if nothing had happened."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import optuna
import pytest
from sklearn.base import clone
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import log_loss, roc_auc_score

from churn import evaluate, explain, models, tune
from churn.__main__ import main
from churn.config import CONFIGS
from churn.data import clean, load_customers
from churn.scratch import GradientBoosting


@pytest.fixture(scope="module")
def customers():
    loaded = load_customers(replace(CONFIGS["tiny"], rows=300))
    return clean(loaded.train), loaded.labels


BUILDERS = {
    "logistic": models.build_logistic,
    "splines": lambda: models.build_logistic(0.1, splines=True, left_out=models.LEFT_OUT),
    "defaults": lambda: models.build_catboost({"iterations": 20}, 0, 1, left_out=()),
    "shallow": lambda: models.build_catboost({**models.SHALLOW, "iterations": 20}, 0, 1),
    "reference": lambda: models.build_catboost({**models.REFERENCE, "iterations": 20}, 0, 1),
}


@pytest.mark.parametrize("name", BUILDERS)
def test_every_model_learns_repeats_and_takes_unseen_categories(customers, name):
    data, labels = customers
    first, second = (clone(BUILDERS[name]()).fit(data, labels).predict_proba(data) for _ in range(2))
    assert first.shape == (300, 2)
    assert np.allclose(first.sum(axis=1), 1)
    assert (first == second).all()
    assert roc_auc_score(labels, first[:, 1]) > 0.75
    strange = data.assign(PaymentMethod="shells", HasPartner="unknown")
    chances = BUILDERS[name]().fit(data, labels).predict_proba(strange)[:, 1]
    assert np.isfinite(chances).all()
    assert roc_auc_score(labels, chances) > 0.7  # the other columns still speak


def test_what_the_builders_build(customers):
    data, labels = customers
    defaults = models.build_catboost({"iterations": 20}, 3, 1, left_out=())
    assert defaults[-1].get_params()["iterations"] == 20
    assert defaults[-1].get_params()["random_seed"] == 3
    assert list(defaults[:-1].fit_transform(data).columns) == list(data.columns)
    straight, curved = (models.build_logistic(1.0, splines=splines).fit(data, labels) for splines in (False, True))
    assert curved[-1].coef_.shape[1] > straight[-1].coef_.shape[1]
    assert models.build_logistic(0.5)[-1].C == 0.5


@pytest.mark.parametrize(
    "model",
    [
        models.build_catboost({**models.REFERENCE, "iterations": 10}, 0, 1),
        models.build_logistic(left_out=models.LEFT_OUT),
    ],
)
def test_a_model_does_not_see_what_it_leaves_out(customers, model):
    data, labels = customers
    model.fit(data, labels)
    changed = data.assign(Sex="Female", TotalSpent=1e6)
    assert (model.predict_proba(data) == model.predict_proba(changed)).all()


def test_the_reference_has_the_settings_of_the_original():
    settings = models.build_catboost({**models.REFERENCE, "iterations": 500}, 0, 1)[-1].get_params()
    assert (settings["boosting_type"], settings["learning_rate"], settings["iterations"]) == ("Ordered", 0.03, 500)


def numbers_of(customers):
    data, labels = customers
    return data[["ClientPeriod", "MonthlySpending"]].to_numpy(), labels


def test_boosting_from_scratch_by_hand():
    """One stump on four customers: probabilities 0.5, residuals ±0.5, curvature 0.25, so leaves of -2 and 2."""
    X, y = np.array([[0.0], [1], [2], [3]]), np.array([0, 0, 1, 1])
    model = GradientBoosting(rounds=1, lr=0.5).fit(X, y)
    assert model.decision_function(X).tolist() == [-1, -1, 1, 1]
    assert model.predict_proba(X)[:, 1] == pytest.approx(1 / (1 + np.exp([1, 1, -1, -1])))
    assert model.predict_proba(X, rounds=0)[:, 1].tolist() == [0.5] * 4
    assert model.trees_[0].tree_.threshold[0] == 1.5


def test_boosting_from_scratch_agrees_with_scikit_learn(customers):
    """The same rounds, depth and Newton leaves; scikit-learn finds splits by residuals alone, so nearly the same."""
    X, labels = numbers_of(customers)
    ours = GradientBoosting(rounds=60, lr=0.1, depth=2).fit(X, labels).predict_proba(X)[:, 1]
    theirs = GradientBoostingClassifier(n_estimators=60, learning_rate=0.1, max_depth=2, random_state=0)
    expected = theirs.fit(X, labels).predict_proba(X)[:, 1]
    assert np.corrcoef(ours, expected)[0, 1] > 0.95
    assert abs(log_loss(labels, ours) - log_loss(labels, expected)) < 0.01


def test_more_rounds_lower_the_training_loss(customers):
    X, labels = numbers_of(customers)
    model = GradientBoosting(rounds=50).fit(X, labels)
    losses = [log_loss(labels, model.predict_proba(X, rounds)) for rounds in (0, 1, 10, 50)]
    assert losses == sorted(losses, reverse=True)
    assert (clone(model).fit(X, labels).predict_proba(X) == model.predict_proba(X)).all()


def build(settings):
    return models.build_catboost(settings, 0, 1)


def run_study(customers, storage, trials, folds=3):
    data, labels = customers
    cuts = evaluate.tuning_folds(labels, folds, 0)
    study = tune.open_study(data, labels, cuts, 12, storage)
    tune.tune(study, build, data, labels, cuts, trials, 12, 7)
    return study


def test_a_study_that_goes_on_ends_like_one_that_never_stopped(customers, tmp_path):
    straight = run_study(customers, None, 12)
    run_study(customers, tmp_path / "study.log", 5)
    resumed = run_study(customers, tmp_path / "study.log", 12)
    assert tune.study_table(resumed).equals(tune.study_table(straight))
    assert resumed.best_params == straight.best_params


def test_a_trial_that_was_killed_halfway_does_not_count(customers, tmp_path):
    straight = run_study(customers, None, 10)
    study = run_study(customers, tmp_path / "study.log", 9)
    study.sampler = optuna.samplers.TPESampler(seed=99)
    tune.suggest_settings(study.ask(), 12)  # what a kill leaves behind: a trial that runs for ever
    resumed = run_study(customers, tmp_path / "study.log", 10)
    assert tune.study_table(resumed).equals(tune.study_table(straight))


def test_a_finished_study_is_not_run_again(customers, tmp_path, monkeypatch):
    run_study(customers, tmp_path / "study.log", 4)
    monkeypatch.setattr(tune, "score_trial", lambda *_: pytest.fail("nothing was left to do"))
    assert len(tune.study_table(run_study(customers, tmp_path / "study.log", 4))) == 4


def test_other_rows_folds_or_rules_are_another_study(customers, tmp_path, monkeypatch):
    data, labels = customers
    path, cuts, others = tmp_path / "study.log", *(evaluate.tuning_folds(labels, 3, seed) for seed in (0, 1))
    names = [
        tune.open_study(*settings, path).study_name
        for settings in (
            (data, labels, cuts, 12),
            (data, 1 - labels, cuts, 12),
            (data.assign(ClientPeriod=0), labels, cuts, 12),
            (data, labels, others, 12),
            (data, labels, cuts, 13),
        )
    ]
    monkeypatch.setattr(tune, "SPACE", tune.SPACE + 1)
    names.append(tune.open_study(data, labels, cuts, 12, path).study_name)
    assert len(set(names)) == 6
    monkeypatch.undo()
    assert tune.open_study(data, labels, cuts, 12, path).study_name == names[0]


def test_two_workers_share_one_study_and_stop_at_its_end(customers, tmp_path, monkeypatch):
    """The second worker starts while the first is at its third trial; together they do what was asked, no more."""
    data, labels = customers
    cuts, path = evaluate.tuning_folds(labels, 3, 0), tmp_path / "study.log"
    first, original, calls = tune.open_study(data, labels, cuts, 12, path), tune.score_trial, []

    def score(trial, *rest):
        calls.append(trial.number)
        if len(calls) == 3:
            second = tune.open_study(data, labels, cuts, 12, path)
            tune.tune(second, build, data, labels, cuts, 6, 12, 99)
        return original(trial, *rest)

    monkeypatch.setattr(tune, "score_trial", score)
    tune.tune(first, build, data, labels, cuts, 8, 12, 7)
    table = tune.study_table(first)
    assert len(table) in (8, 9)  # the first may be at one trial while the second ends the rest
    assert not table.drop(columns=["auc", "gain", "folds", "pruned"]).duplicated().any()


def test_a_torn_last_line_is_cut_off(customers, tmp_path):
    path = tmp_path / "study.log"
    run_study(customers, path, 5)
    path.write_bytes(path.read_bytes()[:-20])
    resumed = run_study(customers, path, 8)
    assert tune.study_table(resumed).equals(tune.study_table(run_study(customers, None, 8)))


def test_hopeless_trials_are_given_up(customers):
    table = tune.study_table(run_study(customers, None, 16))
    assert table["pruned"].any()
    assert (table["folds"][table["pruned"]] < 3).all()
    assert (table["folds"][~table["pruned"]] == 3).all()


def test_gains_compare_the_same_folds(customers):
    study = run_study(customers, None, 16)
    table = tune.study_table(study)
    assert table["gain"].iloc[0] == 0
    for row, trial in zip(table.itertuples(), study.get_trials(states=tune.DONE), strict=True):
        first = study.trials[0].intermediate_values[row.folds - 1]
        assert row.gain == trial.intermediate_values[row.folds - 1] - first


def test_the_best_trial_is_scored_on_all_folds(customers):
    data, labels = customers
    study = run_study(customers, None, 4)
    folds = evaluate.tuning_folds(labels, 3, 0)
    scores, _ = evaluate.fold_scores(
        build(tune.suggest_settings(optuna.trial.FixedTrial(study.best_params), 12)), data, labels, folds
    )
    assert study.best_value == pytest.approx(scores.mean())


def test_storage_is_a_url_a_file_or_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    assert tune.study_path(None) is None
    assert tune.study_path("mysql://host/studies") == "mysql://host/studies"
    assert tune.study_path("study.log") == tmp_path / "3W" / "tiny" / "study.log"


def test_the_command_line_works_on_the_study(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    monkeypatch.setenv("COURSEWORK_SET", "trials=3,storage=study.log,rows=100")
    main([])
    assert "learning_rate" in capsys.readouterr().out
    assert (tmp_path / "3W" / "tiny" / "study.log").exists()


@pytest.mark.parametrize("killed_in", [0, 2])
def test_a_kill_in_the_middle_of_tuning(customers, tmp_path, killed_in):
    """kill -9 in a trial; the same call then ends as if nothing had happened."""
    code = f"""
import os, signal
from churn import tune
from tests.test_churn_models import customers, run_study
from churn.config import CONFIGS
from churn.data import clean, load_customers
from dataclasses import replace
loaded = load_customers(replace(CONFIGS["tiny"], rows=300))
original = tune.score_trial
def score(trial, *rest):
    result = original(trial, *rest)
    if trial.number == {killed_in}:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
tune.score_trial = score
run_study((clean(loaded.train), loaded.labels), {str(tmp_path / "study.log")!r}, 8)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    resumed = run_study(customers, tmp_path / "study.log", 8)
    assert tune.study_table(resumed).equals(tune.study_table(run_study(customers, None, 8)))


def test_shap_values_add_up_to_the_prediction(customers):
    data, labels = customers
    model = build({"depth": 3, "iterations": 20, "learning_rate": 0.1}).fit(data, labels)
    values, base = explain.shap_values(model, data)
    assert values.shape == (300, 17)
    raw = model[-1].predict(model[:-1].transform(data), prediction_type="RawFormulaVal")
    assert values.sum(axis=1).to_numpy() + base == pytest.approx(raw, abs=1e-6)


def test_values_are_ordered_by_size_or_by_risk(customers):
    data, labels = customers
    period = explain.order_values(data, labels, "ClientPeriod")
    assert period.min() == 0
    assert period.max() == 1
    assert period[data["ClientPeriod"].argmax()] == 1
    contract = explain.order_values(data, labels, "HasContractPhone")
    assert set(contract[data["HasContractPhone"] == "Month-to-month"]) == {1.0}
    assert set(contract[data["HasContractPhone"] == "Two year"]) == {0.0}
