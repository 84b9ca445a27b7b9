"""Scores against scikit-learn and by hand, intervals, histograms, probes, and the submission."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from simpsons import evaluate, submit
from simpsons.data import Gallery, Pictures


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


def test_pictures_without_labels_get_no_score():
    with pytest.raises(ValueError, match="have no labels"):
        evaluate.scores(np.eye(3), np.full(3, -1))


def test_even_f1_is_macro_f1_of_equally_many():
    labels = np.repeat([0, 1], [1, 100])
    said = np.array([0] + [0] * 10 + [1] * 90)
    found = evaluate.even_f1(np.eye(3)[said], labels)
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
    """One picture of bart, always wrong, and 99 of lisa, always right: every draw has the same accuracy."""
    labels = np.repeat([0, 1], [1, 99])
    found = evaluate.bootstrap(np.tile([0.0, 1.0], (100, 1)), labels, 50, 0)
    assert found["accuracy"] == pytest.approx((0.99, 0.99))
    assert found["macro_f1"][0] == pytest.approx(found["macro_f1"][1])


def test_histograms_count_colours():
    images = np.zeros((2, 2, 2, 3), np.uint8)
    images[1, 0] = (255, 0, 64)
    counts = evaluate.histograms(images) ** 2
    assert counts.shape == (2, 64)
    assert counts[0, 0] == 1
    assert counts[1, [0, 3 * 16 + 1]] == pytest.approx([0.5, 0.5])


def test_picks_are_so_many_of_each():
    labels = np.repeat([0, 1, 2], [3, 10, 50])
    assert np.bincount(labels[evaluate.pick(labels, 5, 0)]).tolist() == [3, 5, 5]
    assert len(evaluate.pick(labels, 0, 0)) == 63


def test_carry_over_knows_good_features_from_none():
    from test_simpsons_train import make_model, make_pictures

    train, test = make_pictures(60), make_pictures(30, seed=4)
    blind = make_model()
    for value in blind.trunk.parameters():
        value.data.zero_()
    gallery = Gallery(["a", "b", "c"], train, test, np.zeros((60, 2)), "trial", "trial", [])
    table = evaluate.carry_over({"sees": make_model(), "blind": blind}, gallery, (4, 0), 16, 0)
    assert table.index.tolist() == [4, "all"]
    assert table.loc["all", "sees"] > 0.9
    assert table.loc["all", "blind"] < 0.6


def test_a_submission_is_checked():
    files = ["img0.jpg", "img1.jpg"]
    good = submit.build_submission(files, ["bart", "lisa"])
    submit.check_submission(good, files, ["bart", "lisa"])
    bad = {
        "expected Id, Expected": good.rename(columns={"Id": "id"}),
        "stands there twice": pd.concat([good, good.iloc[:1]]),
        "1 test pictures are missing": good.iloc[:1],
        "1 are none": pd.concat([good, pd.DataFrame({"Id": ["img9.jpg"], "Expected": ["bart"]})]),
        "'moe' is none of the 2 classes": good.replace("lisa", "moe"),
    }
    for reason, table in bad.items():
        with pytest.raises(ValueError, match=reason):
            submit.check_submission(table, files, ["bart", "lisa"])


def test_pictures_can_be_drawn_and_taken():
    pictures = Pictures(np.arange(12).reshape(4, 1, 1, 3), np.arange(4), list("abcd"))
    taken = pictures.take(np.array([2, 0]))
    assert taken.files == ["c", "a"]
    assert taken.images[:, 0, 0, 0].tolist() == [6, 0]  # each with its own label and name
    assert taken.labels.tolist() == [2, 0]
    assert len(pictures.draw(3, 0)) == 3
    assert pictures.draw(9, 0).files == list("abcd")
