"""The estimator: scikit-learn's own checks, agreement with the minimum, precision, seeds, and bad input."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits, make_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from logreg.data import load_blobs
from logreg.model import SGDLogisticRegression
from logreg.objective import full_objective
from logreg.reference import find_optimum


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks([SGDLogisticRegression(), SGDLogisticRegression(l1_ratio=1.0, shuffle="every epoch")])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_no_check_is_excused():
    tags = SGDLogisticRegression().__sklearn_tags__()
    assert not tags._skip_test
    assert not tags.non_deterministic
    assert not tags.no_validation
    assert not tags.classifier_tags.poor_score
    assert tags.classifier_tags.multi_class


@pytest.fixture(scope="module")
def two():
    X, y = make_classification(2000, 30, n_informative=6, n_redundant=4, random_state=0)
    return StandardScaler().fit_transform(X), y


@pytest.fixture(scope="module")
def ten():
    X, y = load_digits(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_it_comes_within_a_thousandth_of_the_minimum(two, l1_ratio, seed):
    X, y = two
    targets = y[:, None].astype(float)
    weights, _, optimum = find_optimum(X, targets, 0.02, l1_ratio)
    model = SGDLogisticRegression(0.02, l1_ratio, random_state=seed).fit(X, y)
    value = full_objective(X, targets, model.coef_, model.intercept_, 0.02, l1_ratio)
    assert 0 <= value / optimum - 1 < 1e-3
    if l1_ratio:
        assert abs(int((model.coef_ == 0).sum()) - int((weights == 0).sum())) <= 3
    if l1_ratio < 1:  # else the objective is flat along features that say the same
        assert np.abs(model.coef_ - weights).max() < 0.05


def test_softmax_comes_within_a_thousandth_too(ten):
    X, y = ten
    targets = np.eye(10)[y]
    _, _, optimum = find_optimum(X, targets, 0.01, 0.5)
    model = SGDLogisticRegression(0.01, 0.5, random_state=0).fit(X, y)
    assert model.coef_.shape == (10, 64)
    assert 0 <= full_objective(X, targets, model.coef_, model.intercept_, 0.01, 0.5) / optimum - 1 < 1e-3


def test_probabilities_are_those_of_scikit_learn(ten):
    X, y = ten
    ours = SGDLogisticRegression(0.01, random_state=0).fit(X, y)
    theirs = LogisticRegression(C=1 / (0.01 * len(y)), tol=1e-8, max_iter=5000).fit(X, y)
    assert np.abs(ours.predict_proba(X) - theirs.predict_proba(X)).max() < 0.05
    assert (ours.predict(X) == theirs.predict(X)).mean() > 0.995


def test_the_homeworks_subgradient_has_no_zeros(two):
    X, y = two
    proximal, subgradient = (
        SGDLogisticRegression(0.05, 1.0, l1_step=step, random_state=0).fit(X, y) for step in ("proximal", "subgradient")
    )
    assert (proximal.coef_ == 0).sum() > 10
    assert (subgradient.coef_ == 0).sum() == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_is_kept(two, dtype):
    X, y = two
    model = SGDLogisticRegression(0.01, 0.5, random_state=0).fit(X.astype(dtype), y)
    assert model.coef_.dtype == model.intercept_.dtype == dtype
    assert model.predict_proba(X.astype(dtype)).dtype == dtype
    assert model.score(X, y) > 0.8


@pytest.mark.parametrize("name", ["alpha", "l1_ratio", "learning_rate", "momentum"])
def test_numbers_of_numpys_do_not_change_the_precision(two, name):
    X, y = two
    model = SGDLogisticRegression(0.01, 0.5).set_params(**{name: np.float64(0.05)})
    assert model.fit(X.astype(np.float32), y).coef_.dtype == np.float32
    assert model.partial_fit(X.astype(np.float32), y).coef_.dtype == np.float32


def test_a_fit_that_fails_changes_nothing(two):
    X, y = two
    bad = SGDLogisticRegression(50.0, learning_rate=10.0, l1_step="subgradient", random_state=0)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="the loss is"):
        bad.fit(X, y)
    with pytest.raises(NotFittedError):
        bad.predict(X)
    model = SGDLogisticRegression(0.01, random_state=0).fit(X, y)
    before, epochs = model.predict_proba(X), model.n_iter_
    model.set_params(alpha=50.0, learning_rate=10.0, l1_step="subgradient")
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="the loss is"):
        model.fit(X, 1 - y)
    assert (model.predict_proba(X) == before).all()
    assert model.n_iter_ == epochs
    with pytest.raises(ValueError, match="are not among the classes"):
        SGDLogisticRegression().partial_fit(X, y + 5, classes=[0, 1])


def test_single_precision_agrees_with_double(two):
    X, y = two
    double = SGDLogisticRegression(0.01, 0.5, random_state=0).fit(X, y)
    single = SGDLogisticRegression(0.01, 0.5, random_state=0).fit(X.astype(np.float32), y)
    assert np.abs(double.coef_ - single.coef_).max() < 0.01


def test_the_seed_decides(two):
    X, y = two
    first, again, other = (SGDLogisticRegression(random_state=seed).fit(X, y).coef_ for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_both_ways_of_shuffling_learn_the_same_by_other_steps(two):
    X, y = two
    once, anew = (SGDLogisticRegression(0.02, random_state=0, shuffle=way).fit(X, y) for way in ("once", "every epoch"))
    exact, _, _ = find_optimum(X, y[:, None].astype(float), 0.02, 0.0)
    assert np.abs(once.coef_ - exact).max() < 0.02
    assert np.abs(anew.coef_ - exact).max() < 0.02
    assert once.batch_losses_[0].tolist() == anew.batch_losses_[0].tolist()  # the first epoch is the same
    assert once.batch_losses_[1].tolist() != anew.batch_losses_[1].tolist()


def test_losses_of_every_batch_are_kept(two):
    X, y = two
    model = SGDLogisticRegression(batch_size=300, random_state=0).fit(X, y)
    assert model.batch_losses_.shape == (model.n_iter_, 6)
    assert model.batch_losses_[0, 0] == pytest.approx(np.log(2))
    assert model.batch_losses_[-1].mean() < model.batch_losses_[0].mean()


def test_text_labels_and_a_grid_search():
    X, y = load_blobs(3, 0)
    names = np.array(["ash", "birch", "cedar"])[y]
    search = GridSearchCV(
        make_pipeline(StandardScaler(), SGDLogisticRegression(random_state=0)),
        {"sgdlogisticregression__alpha": [1e-3, 1.0]},
        cv=3,
    ).fit(X, names)
    assert search.best_score_ > 0.85
    assert set(search.predict(X)) == {"ash", "birch", "cedar"}


def test_partial_fit_learns_from_portions(two):
    X, y = two
    model = SGDLogisticRegression(random_state=0)
    for _ in range(10):
        for part in np.array_split(np.arange(len(y)), 4):
            model.partial_fit(X[part], y[part], classes=[0, 1])
    assert model.n_iter_ == 40
    assert model.score(X, y) > SGDLogisticRegression(random_state=0).fit(X, y).score(X, y) - 0.02


def test_partial_fit_uses_every_row_and_keeps_its_momentum(two):
    X, y = two
    seen = []

    class Watched(SGDLogisticRegression):
        def _epoch(self, batches, state, rate):
            batches = list(batches)
            seen.extend(len(batch) for batch, _ in batches)
            return super()._epoch(batches, state, rate)

    Watched(random_state=0).partial_fit(X[:255], y[:255], classes=[0, 1])
    assert sorted(seen) == [127, 128]
    steady, moving = (SGDLogisticRegression(momentum=m, random_state=0) for m in (0.0, 0.9))
    for _ in range(2):
        for model in (steady, moving):
            model.partial_fit(X[:100], y[:100], classes=[0, 1])
    assert (steady.coef_ != moving.coef_).any()


def test_partial_fit_goes_on_after_fit(two):
    X, y = two
    model = SGDLogisticRegression(random_state=0).fit(X, y)
    epochs, before = model.n_iter_, model.coef_.copy()
    model.partial_fit(X, y)
    assert model.n_iter_ == epochs + 1
    assert (model.coef_ != before).any()


def test_it_survives_pickling_and_cloning(two):
    X, y = two
    model = SGDLogisticRegression(random_state=0).fit(X, y)
    assert (pickle.loads(pickle.dumps(model)).predict_proba(X) == model.predict_proba(X)).all()
    assert not hasattr(clone(model), "coef_")


def test_fewer_rows_than_a_batch():
    X, y = load_blobs(2, 0, rows=10)
    assert SGDLogisticRegression(random_state=0, max_epochs=400, tol=None).fit(X, y).score(X, y) == 1


def test_too_few_epochs_are_warned_of(two):
    with pytest.warns(ConvergenceWarning, match="no convergence in 2 epochs; raise max_epochs"):
        SGDLogisticRegression(max_epochs=2).fit(*two)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alpha": -1}, "alpha=-1; expected a number from 0"),
        ({"alpha": np.nan}, "alpha=nan"),
        ({"l1_ratio": 1.5}, r"l1_ratio=1\.5; expected a number from 0 to 1"),
        ({"learning_rate": 0}, "learning_rate=0; expected a number above 0"),
        ({"learning_rate": "fast"}, "learning_rate='fast'"),
        ({"momentum": 1}, "momentum=1; expected a number from 0, below 1"),
        ({"max_epochs": True}, "max_epochs=True; expected a whole number"),
        ({"tol": False}, "tol=False; expected None"),
        ({"max_epochs": 0}, "max_epochs=0; expected a whole number from 1"),
        ({"batch_size": 0}, "batch_size=0; expected a whole number from 1"),
        ({"tol": 2}, "tol=2; expected None, or a share"),
        ({"l1_step": "jump"}, "unknown l1_step 'jump'; there are: proximal, subgradient"),
        ({"shuffle": "never"}, "unknown shuffle 'never'; there are: once, every epoch"),
    ],
)
def test_bad_settings_are_named(two, settings, message):
    with pytest.raises(ValueError, match=message):
        SGDLogisticRegression(**settings).fit(*two)


def test_labels_of_one_class_are_refused(two):
    X, _ = two
    with pytest.raises(ValueError, match=r"all labels are of one class, \[1\]"):
        SGDLogisticRegression().fit(X, np.ones(len(X), int))


def test_sparse_input_is_refused(two):
    X, y = two
    with pytest.raises(TypeError, match=r"[Ss]parse data was passed"):
        SGDLogisticRegression().fit(sparse.csr_matrix(X), y)


@pytest.mark.parametrize("name", ["coef_", "intercept_", "classes_", "n_iter_", "batch_losses_"])
def test_attributes_before_fit_are_clear(name):
    with pytest.raises(NotFittedError, match=f"{name} is not known yet; call fit first"):
        getattr(SGDLogisticRegression(), name)
    for other in ("weights", "coefs_", "feature_names_in_"):
        with pytest.raises(AttributeError, match=f"has no attribute '{other}'"):
            getattr(SGDLogisticRegression(), other)


def test_partial_fit_names_its_mistakes(two):
    X, y = two
    with pytest.raises(ValueError, match="the first call of partial_fit needs classes"):
        SGDLogisticRegression().partial_fit(X, y)
    model = SGDLogisticRegression().partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"labels \[7\] are not among the classes \[0, 1\]"):
        model.partial_fit(X[:2], [0, 7])
    with pytest.raises(ValueError, match="are not those of the first call"):
        model.partial_fit(X, y, classes=[0, 1, 2])


def test_a_diverging_descent_is_named(two):
    X, y = two
    with pytest.raises(ValueError, match=r"the loss is .* lower the learning rate"), np.errstate(all="ignore"):
        SGDLogisticRegression(50.0, learning_rate=10.0, l1_step="subgradient", random_state=0).fit(X, y)


def test_cross_validation_on_blobs():
    X, y = load_blobs(4, 0)
    assert cross_val_score(SGDLogisticRegression(random_state=0), X, y, cv=3).mean() > 0.75
