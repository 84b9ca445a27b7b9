"""Scores against scikit-learn and by hand, intervals, calibration, histograms, and the submission."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss, precision_score, recall_score

from simpsons import evaluate, plots, submit
from simpsons.cast import CAST, SIBLINGS
from simpsons.data import ImageData


@pytest.fixture
def answers():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, 200)
    logits = rng.normal(size=(200, 5))
    logits[np.arange(200), labels] += 1
    return logits, labels


def test_scores_are_scikit_learns(answers):
    logits, labels = answers
    predicted = logits.argmax(axis=1)
    found = evaluate.scores(logits, labels)
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    assert found["accuracy"] == pytest.approx(f1_score(labels, predicted, average="micro"))
    assert found["macro_f1"] == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert np.array_equal(evaluate.confusion(labels, predicted, 5), confusion_matrix(labels, predicted))


def test_counts_of_parts_add_up(answers):
    logits, labels = answers
    predicted = logits.argmax(axis=1)
    parts = [evaluate.confusion(labels[part], predicted[part], 5) for part in (slice(0, 77), slice(77, 200))]
    assert np.array_equal(sum(parts), evaluate.confusion(labels, predicted, 5))


def test_a_class_that_neither_occurs_nor_is_said_does_not_count():
    assert np.isnan(evaluate.class_f1(np.array([[2, 0], [0, 0]]))[1])
    assert evaluate.scores(np.array([[9.0, 0, 0], [0, 9, 0]]), np.array([0, 1]))["macro_f1"] == 1
    assert evaluate.scores(np.array([[9.0, 0, 0], [0, 0, 9]]), np.array([0, 1]))["macro_f1"] == pytest.approx(1 / 3)


def test_images_without_labels_get_no_score():
    with pytest.raises(ValueError, match="have no labels"):
        evaluate.scores(np.eye(3), np.full(3, -1))


def test_balanced_f1_is_macro_f1_of_equally_many():
    labels = np.repeat([0, 1], [1, 100])
    said = np.array([0] + [0] * 10 + [1] * 90)
    found = evaluate.balanced_f1(np.eye(3)[said], labels)
    assert found == pytest.approx((2 / 2.1 + 2 * 0.9 / 1.9) / 2)
    assert evaluate.scores(np.eye(3)[said], labels)["macro_f1"] < 0.6
    repeated = np.r_[np.zeros(100, int), said[1:]], np.r_[np.zeros(100, int), labels[1:]]
    assert found == pytest.approx(f1_score(repeated[1], repeated[0], average="macro"))


def test_intervals_hold_the_score_and_narrow_with_n(answers):
    logits, labels = answers
    found, wide = evaluate.scores(logits, labels), evaluate.bootstrap(logits, labels, 200, 0)
    for name, (low, high) in wide.items():
        assert low < found[name] < high
    doubled = evaluate.bootstrap(np.tile(logits, (9, 1)), np.tile(labels, 9), 200, 0)
    widths = [interval["accuracy"][1] - interval["accuracy"][0] for interval in (wide, doubled)]
    assert widths[1] == pytest.approx(widths[0] / 3, rel=0.3)


def test_intervals_draw_within_each_class():
    """One image of bart, always wrong, and 99 of lisa, always right: every draw has the same accuracy."""
    labels = np.repeat([0, 1], [1, 99])
    found = evaluate.bootstrap(np.tile([0.0, 1.0], (100, 1)), labels, 50, 0)
    assert found["accuracy"] == pytest.approx((0.99, 0.99))
    assert found["macro_f1"][0] == pytest.approx(found["macro_f1"][1])


def test_an_interval_of_some_classes():
    """Class 0 is always wrong, classes 1 and 2 always right: the mean over the latter does not vary."""
    labels = np.repeat([0, 1, 2], [5, 5, 5])
    logits = np.eye(3)[np.where(labels == 0, 1, labels)]
    found = evaluate.bootstrap(logits, labels, 50, 0, np.array([False, False, True]))
    assert found["macro_f1"] == (1.0, 1.0)
    assert evaluate.bootstrap(logits, labels, 50, 0, np.array([True, False, False]))["macro_f1"] == (0.0, 0.0)


def test_one_error_of_each_confusion():
    labels, predicted = np.array([0, 0, 0, 1, 1, 2]), np.array([1, 1, 0, 2, 1, 0])
    order = np.array([2, 1, 0, 5, 3, 4])
    assert evaluate.one_per_confusion(order, labels, predicted, 6).tolist() == [1, 5, 3]
    assert evaluate.one_per_confusion(order, labels, predicted, 2).tolist() == [1, 5]
    assert len(evaluate.one_per_confusion(order, labels, labels, 6)) == 0


def test_look_alike_pairs_differ_in_one_named_feature():
    for first, second in SIBLINGS:
        assert plots.differing_feature(CAST[first], CAST[second]) in ("hair", "beard", "glasses")


def test_histograms_count_colours():
    images = np.zeros((2, 2, 2, 3), np.uint8)
    images[1, 0] = (255, 0, 64)
    counts = evaluate.colour_histograms(images) ** 2
    assert counts.shape == (2, 64)
    assert counts[0, 0] == 1
    assert counts[1, [0, 3 * 16 + 1]] == pytest.approx([0.5, 0.5])


def test_precision_and_recall_are_scikit_learns(answers):
    logits, labels = answers
    predicted = logits.argmax(axis=1)
    precision, recall = evaluate.precision_recall(evaluate.confusion(labels, predicted, 5))
    assert precision == pytest.approx(precision_score(labels, predicted, average=None))
    assert recall == pytest.approx(recall_score(labels, predicted, average=None))
    precision, recall = evaluate.precision_recall(np.array([[2, 0], [0, 0]]))
    assert np.isnan([precision[1], recall[1]]).all()


def test_the_temperature_undoes_a_scale(answers):
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(4000, 5))
    labels = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)  # distributed as softmax(logits)
    assert evaluate.fit_temperature(logits, labels) == pytest.approx(1, abs=0.1)
    assert evaluate.fit_temperature(3 * logits, labels) == pytest.approx(3, abs=0.3)
    assert evaluate.nll(3 * logits, labels, 3) == pytest.approx(log_loss(labels, softmax(logits, axis=1)))


def test_a_calibration_error_by_hand():
    probs = np.array([[0.9, 0.1]] * 4 + [[0.4, 0.6]] * 4)
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 1])
    assert evaluate.calibration_error(probs, labels, bins=2) == pytest.approx((0.15 + 0.4) / 2)


def test_the_interval_over_seeds_by_hand():
    """Mean 2, standard error 1/√3, t(0.975; 2) = 4.3027."""
    assert evaluate.seed_interval([1, 2, 3]) == pytest.approx((2, 2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5), abs=1e-4)
    assert np.isnan(evaluate.seed_interval([1.0])[1:]).all()


def test_a_linear_model_converges_on_features_that_tell_the_classes_apart():
    from test_simpsons_train import make_images, make_model

    model, train, test = make_model(), make_images(60), make_images(30, seed=4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = evaluate.fit_linear(evaluate.compute_features(model, train.images), train.labels)
    assert fitted.score(evaluate.compute_features(model, test.images), test.labels) > 0.9


def test_a_submission_is_checked():
    files = ["img0.jpg", "img1.jpg"]
    good = submit.build_submission(files, ["bart", "lisa"])
    submit.check_submission(good, files, ["bart", "lisa"])
    bad = {
        "expected Id, Expected": good.rename(columns={"Id": "id"}),
        "is listed twice": pd.concat([good, good.iloc[:1]]),
        "1 test images are missing": good.iloc[:1],
        "1 rows belong to none": pd.concat([good, pd.DataFrame({"Id": ["img9.jpg"], "Expected": ["bart"]})]),
        "'moe' is none of the 2 classes": good.replace("lisa", "moe"),
    }
    for reason, table in bad.items():
        with pytest.raises(ValueError, match=reason):
            submit.check_submission(table, files, ["bart", "lisa"])


def test_images_can_be_drawn_and_taken():
    images = ImageData(np.arange(12).reshape(4, 1, 1, 3), np.arange(4), list("abcd"))
    taken = images.subset(np.array([2, 0]))
    assert taken.files == ["c", "a"]
    assert taken.images[:, 0, 0, 0].tolist() == [6, 0]  # each with its own label and name
    assert taken.labels.tolist() == [2, 0]
    assert len(images.sample(3, 0)) == 3
    assert images.sample(9, 0).files == list("abcd")
