"""Scores, intervals, calibration, revenue and submissions: by hand, against simulation, and with bad input."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp
from sklearn.metrics import roc_auc_score

from churn import evaluate, submit
from churn.config import CONFIGS
from churn.data import clean, load_customers
from churn.models import build_logistic


@pytest.fixture(scope="module")
def customers():
    loaded = load_customers(CONFIGS["tiny"])
    return clean(loaded.train), loaded.labels


def test_choosing_and_comparing_use_other_folds(customers):
    _, labels = customers
    choosing = {tuple(test) for _, test in evaluate.tuning_folds(labels, 5, 42)}
    comparing = {tuple(test) for _, test in evaluate.comparison_folds(labels, 5, 3, 42)}
    assert len(choosing) == 5
    assert len(comparing) == 15
    assert not choosing & comparing
    for folds in (evaluate.tuning_folds(labels, 5, 42), evaluate.comparison_folds(labels, 5, 3, 42)):
        for train, test in folds:
            assert not set(train) & set(test)
            assert len(train) + len(test) == len(labels)


def test_fold_scores_are_those_of_models_that_did_not_see_the_fold(customers):
    data, labels = customers
    folds = evaluate.comparison_folds(labels, 3, 2, 0)
    scores, probs = evaluate.fold_scores(build_logistic(), data, labels, folds)
    train, test = folds[4]
    expected = build_logistic().fit(data.iloc[train], labels.iloc[train]).predict_proba(data.iloc[test])[:, 1]
    assert scores[4] == pytest.approx(roc_auc_score(labels.iloc[test], expected))
    assert scores.shape == (6,)
    assert ((probs > 0) & (probs < 1)).all()
    by_hand = np.zeros(len(labels))
    for train, test in folds:
        fitted = build_logistic().fit(data.iloc[train], labels.iloc[train])
        by_hand[test] += fitted.predict_proba(data.iloc[test])[:, 1] / 2
    assert probs == pytest.approx(by_hand)
    together = evaluate.fold_scores(build_logistic(), data, labels, folds, workers=2)
    assert (together[0] == scores).all()
    assert (together[1] == probs).all()


def test_the_paired_interval_by_hand():
    """Without shared rows it is Student's; with test_ratio it is wider by sqrt(1 + n · ratio)."""
    differences = np.array([0.1, 0.3, 0.2, 0.4])
    mean, low, high = evaluate.paired_interval(differences, 0.0)
    student = ttest_1samp(differences, 0).confidence_interval(0.95)
    assert (mean, low, high) == pytest.approx((0.25, student.low, student.high))
    _, wider_low, wider_high = evaluate.paired_interval(differences, 0.25)
    assert (wider_high - wider_low) / (high - low) == pytest.approx(np.sqrt(2))
    with pytest.raises(ValueError, match="1 differences; expected two or more"):
        evaluate.paired_interval(differences[:1], 0.25)


def test_equal_models_differ_by_nothing():
    assert evaluate.paired_interval(np.zeros(15), 0.25) == (0, 0, 0)


def test_the_bootstrap_covers_a_difference_that_is_there():
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=800)
    good, bad = labels + rng.normal(scale=1.0, size=800), labels + rng.normal(scale=3.0, size=800)
    gain, low, high = evaluate.bootstrap_gain(labels, good, bad, 200, 0)
    assert gain == pytest.approx(roc_auc_score(labels, good) - roc_auc_score(labels, bad))
    assert 0 < low < gain < high
    assert evaluate.bootstrap_gain(labels, good, good, 50, 0) == (0, 0, 0)
    _, low, high = evaluate.bootstrap_gain(labels, good, good + rng.normal(scale=1e-3, size=800), 100, 0)
    assert high - low < 0.002, "the same rows are drawn for both"


def test_the_bootstrap_interval_is_as_wide_as_the_spread_of_fresh_samples():
    rng = np.random.default_rng(1)

    def sample():
        labels = rng.integers(2, size=300)
        return labels, labels + rng.normal(scale=1.2, size=300), labels + rng.normal(scale=1.6, size=300)

    fresh = [roc_auc_score(y, a) - roc_auc_score(y, b) for y, a, b in (sample() for _ in range(300))]
    widths = [np.subtract(*evaluate.bootstrap_gain(*sample(), 150, 0)[:0:-1]) for _ in range(5)]
    assert np.mean(widths) == pytest.approx(4 * np.std(fresh), rel=0.25)


def test_labels_belong_to_their_rows(customers):
    data, labels = customers
    folds = evaluate.tuning_folds(labels, 3, 0)
    assert evaluate.fold_scores(build_logistic(), data, labels, folds)[0].mean() > 0.75
    shuffled = pd.Series(np.random.default_rng(0).permutation(labels), index=labels.index)
    assert 0.3 < evaluate.fold_scores(build_logistic(), data, shuffled, folds)[0].mean() < 0.65


def test_the_simplest_model_that_is_not_measurably_worse_is_chosen():
    rng = np.random.default_rng(0)
    base = rng.normal(0.8, 0.02, 15)
    noise = rng.normal(0, 0.001, (4, 15))
    scores = {"bad": base - 0.02 + noise[0], "simple": base + noise[1], "best": base + 0.0005 + noise[2]}
    assert evaluate.choose_simplest(scores, 0.25) == "simple"
    assert evaluate.choose_simplest({"simple": base - 0.02 + noise[1], "best": base}, 0.25) == "best"
    assert evaluate.choose_simplest({"only": base}, 0.25) == "only"
    larger = {**scores, "larger": base - 0.0005 + noise[3]}
    assert evaluate.choose_simplest(larger, 0.25) == "simple", "models after the best are more complex"


def test_a_model_behind_a_measurably_worse_one_is_not_chosen():
    """C = 0.001 has too wide an interval to be measurably worse, but C = 0.1 is: stop there."""
    best = np.array([0.80, 0.82, 0.84, 0.86, 0.88])
    scores = {0.001: best - [0.05, -0.03, 0.04, -0.01, 0.02], 0.1: best - [0.010, 0.011, 0.009, 0.010, 0.012], 1: best}
    assert evaluate.paired_interval(scores[0.001] - best, 0.25)[2] > 0
    assert evaluate.choose_simplest(scores, 0.25) == 1


def test_the_effect_curve_of_an_additive_model_is_its_term(customers):
    data, labels = customers
    model = build_logistic().fit(data, labels)
    values = np.array([0.0, 10, 30])
    curve = evaluate.effect_curve(model, data.head(20), "ClientPeriod", values)
    slope = model[-1].coef_[0, 0] / model[0].named_transformers_["standardscaler"].scale_[0]
    assert np.diff(curve) == pytest.approx(slope * np.diff(values))
    one = data.head(1).assign(ClientPeriod=30.0)
    alone = evaluate.effect_curve(model, data.head(1), "ClientPeriod", values)
    assert alone[2] == pytest.approx(model.decision_function(one)[0])


def test_calibration_by_hand():
    labels = pd.Series([0, 1, 1, 1])
    table = evaluate.calibration(labels, np.array([0.1, 0.3, 0.9, 0.7]), bins=2)
    assert table["predicted"].tolist() == pytest.approx([0.2, 0.8])
    assert table["observed"].tolist() == [0.5, 1]
    assert table["customers"].tolist() == [2, 2]
    assert (table["low"] < table["observed"]).all()
    assert table["low"].iloc[1] == pytest.approx(0.3424, abs=1e-4)  # Wilson's, for 2 of 2
    assert evaluate.calibration_error(table) == pytest.approx((0.3 + 0.2) / 2)


def test_perfect_probabilities_err_by_chance_alone():
    probs = np.random.default_rng(0).random(4000)
    errors = evaluate.simulate_calibration_errors(probs, 200, 0)
    assert errors.shape == (200,)
    assert 0.005 < np.median(errors) < 0.03
    labels = pd.Series(np.random.default_rng(1).random(4000) < probs)
    found = evaluate.calibration_error(evaluate.calibration(labels, probs))
    assert 0.02 < (errors >= found).mean() < 0.98
    assert evaluate.calibration_error(evaluate.calibration(labels, probs**2)) > errors.max()


def test_simulated_errors_are_those_of_calibration():
    probs = np.sort(np.random.default_rng(0).random(100))
    draw = pd.Series(np.random.default_rng(5).random(100) < probs)
    expected = evaluate.calibration_error(evaluate.calibration(draw, probs))
    assert evaluate.simulate_calibration_errors(probs, 1, 5)[0] == pytest.approx(expected)


def test_net_revenue_by_hand():
    """Two customers of 100 a month, one churns: an offer costs 10, keeps half of the churners, for 2 months."""
    campaign = evaluate.Campaign(cost=10, success=0.5, months=2)
    table = evaluate.net_revenue_curve([1, 0], [0.8, 0.35], [100, 100], campaign, steps=11)
    by_threshold = table.set_index(table["threshold"].round(1))
    assert by_threshold.loc[0.0, "net_revenue"] == pytest.approx((100 - 10 - 10) / 2)
    assert by_threshold.loc[0.5, "net_revenue"] == pytest.approx((100 - 10) / 2)
    assert by_threshold.loc[1.0, "net_revenue"] == 0
    assert by_threshold["offered"].tolist() == pytest.approx([1] * 4 + [0.5] * 5 + [0] * 2)


def good():
    return submit.build_submission(np.array([0.2, 0.9, 0.5]))


def test_a_good_submission_passes_and_reads_back(tmp_path):
    table = submit.check_submission(good(), 3)
    submit.write_submission(table, tmp_path / "submission.csv")
    again = pd.read_csv(tmp_path / "submission.csv")
    assert submit.check_submission(again, 3).equals(table)
    assert (tmp_path / "submission.csv").read_text().splitlines()[0] == "Id,Churn"
    assert submit.send_command("x.csv").startswith("kaggle competitions submit -c advanced-dls-spring-2021 -f x.csv")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.head(2), "2 rows, expected 3"),
        (lambda t: t.iloc[::-1], "row 0 has Id 2, expected 0; keep its order"),
        (lambda t: t.assign(Id=[0, 1, 1]), r"Id repeats \[1\]"),
        (lambda t: t.assign(Id=["0", "1", "2"]), "Id is .*, expected whole numbers"),
        (lambda t: t.assign(Churn=[0.1, np.nan, 0.2]), "column Churn is nan in row 1"),
        (lambda t: t.assign(Churn=["a", "b", "c"]), "column Churn holds 'a', expected numbers"),
        (lambda t: t.assign(Churn=[0.1, 1.5, 0.2]), r"Churn is 1\.5 in row 1, expected from 0 to 1"),
        (lambda t: t.assign(Churn=[0.1, -0.5, 0.2]), r"Churn is -0\.5 in row 1"),
        (lambda t: t.rename(columns={"Churn": "churn"}), r"missing: \['Churn'\]"),
        (lambda t: t.assign(extra=1), r"not expected: \['extra'\]"),
    ],
)
def test_a_bad_submission_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        submit.check_submission(change(good()), 3)
