"""Logistic regression from scratch, one idea at a time: gradient descent, L2, L1, momentum, softmax."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from logreg.batches import iterate_batches


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-z)), written with tanh, which does not overflow."""
    return (1 + np.tanh(z / 2)) / 2


def log_loss(logits: np.ndarray, y: np.ndarray) -> float:
    """Mean log loss of labels y in {0, 1}: log(1 + exp(z)) - y z. Shapes: (n,), (n,)."""
    return np.mean(np.logaddexp(0, logits) - y * logits)


def gradient(X: np.ndarray, y: np.ndarray, weights: np.ndarray, bias: float) -> tuple[np.ndarray, float]:
    """Gradient of the mean log loss with respect to weights (d,) and bias. Shapes: X (n, d), y (n,)."""
    residuals = sigmoid(X @ weights + bias) - y  # (n,): predicted probability minus label
    return X.T @ residuals / len(y), residuals.mean()


class LogisticRegressionGD(ClassifierMixin, BaseEstimator):
    """Logistic regression for labels 0 and 1, trained by mini-batch gradient descent."""

    def __init__(self, lr=0.05, epochs=10, batch_size=128, seed=0):
        self.lr, self.epochs, self.batch_size, self.seed = lr, epochs, batch_size, seed

    def fit(self, X, y):
        rng = np.random.default_rng(self.seed)
        self.classes_ = np.array([0, 1])
        self.weights_, self.bias_ = np.zeros(X.shape[1]), 0.0
        self.history_ = [self.measure(X, y)]
        for _ in range(self.epochs):
            for X_batch, y_batch in iterate_batches(X, y, self.batch_size, rng):
                self.step(*gradient(X_batch, y_batch, self.weights_, self.bias_))
            self.history_.append(self.measure(X, y))
        return self

    def step(self, grad_weights, grad_bias):
        self.weights_ = self.weights_ - self.lr * grad_weights
        self.bias_ = self.bias_ - self.lr * grad_bias

    def measure(self, X, y):
        loss, zeros = log_loss(self.decision_function(X), y), int((self.weights_ == 0).sum())
        return {"loss": loss, "norm": np.linalg.norm(self.weights_), "zeros": zeros}

    def decision_function(self, X):
        return X @ self.weights_ + self.bias_  # the logits, (n,)

    def predict_proba(self, X):
        p = sigmoid(self.decision_function(X))
        return np.column_stack([1 - p, p])

    def predict(self, X):
        return (self.decision_function(X) > 0).astype(int)


class PenalisedLogisticRegression(LogisticRegressionGD):
    """Logistic regression with the regularisation strength `alpha`; the subclasses define the penalty."""

    def __init__(self, lr=0.05, epochs=10, batch_size=128, seed=0, alpha=0.01):
        super().__init__(lr, epochs, batch_size, seed)
        self.alpha = alpha


class L2LogisticRegression(PenalisedLogisticRegression):
    """Logistic regression with the penalty alpha / 2 · Σ w²; its gradient is alpha · w."""

    def step(self, grad_weights, grad_bias):
        super().step(grad_weights + self.alpha * self.weights_, grad_bias)


class L1Subgradient(PenalisedLogisticRegression):
    """Logistic regression with the penalty alpha · Σ |w|; a subgradient is alpha · sign(w)."""

    def step(self, grad_weights, grad_bias):
        super().step(grad_weights + self.alpha * np.sign(self.weights_), grad_bias)


def soft_threshold(weights: np.ndarray, amount: float) -> np.ndarray:
    """Move every weight towards zero by `amount`, and stop at zero."""
    return np.sign(weights) * np.maximum(np.abs(weights) - amount, 0)


class L1Proximal(PenalisedLogisticRegression):
    """Logistic regression with the penalty alpha · Σ |w|, by proximal gradient steps."""

    def step(self, grad_weights, grad_bias):
        super().step(grad_weights, grad_bias)
        self.weights_ = soft_threshold(self.weights_, self.lr * self.alpha)


class MomentumLogisticRegression(PenalisedLogisticRegression):
    """Logistic regression with an L2 penalty and heavy-ball momentum."""

    def __init__(self, lr=0.005, epochs=10, batch_size=128, seed=0, alpha=0.01, momentum=0.9):
        super().__init__(lr, epochs, batch_size, seed, alpha)
        self.momentum = momentum

    def fit(self, X, y):
        self.velocity_ = 0.0, 0.0
        return super().fit(X, y)

    def step(self, grad_weights, grad_bias):
        v_weights, v_bias = self.velocity_
        v_weights = self.momentum * v_weights + grad_weights + self.alpha * self.weights_
        v_bias = self.momentum * v_bias + grad_bias
        self.velocity_ = v_weights, v_bias
        super().step(v_weights, v_bias)


def softmax(logits: np.ndarray) -> np.ndarray:
    """exp(z_k) / Σ exp(z_j) in every row of (n, K); subtracting the largest logit prevents overflow."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def softmax_gradient(X: np.ndarray, Y: np.ndarray, weights: np.ndarray, bias: np.ndarray) -> tuple:
    """Gradient of the mean cross-entropy with respect to weights (d, K) and bias (K,). Y (n, K) is one-hot."""
    residuals = softmax(X @ weights + bias) - Y  # (n, K): predicted probabilities minus labels
    return X.T @ residuals / len(Y), residuals.mean(axis=0)


class SoftmaxRegression(MomentumLogisticRegression):
    """Logistic regression for K classes, with an L2 penalty and heavy-ball momentum."""

    def fit(self, X, y):
        rng, self.velocity_ = np.random.default_rng(self.seed), (0.0, 0.0)
        self.classes_ = np.unique(y)
        Y = (y[:, None] == self.classes_).astype(X.dtype)  # one-hot, (n, K)
        self.weights_ = np.zeros((X.shape[1], len(self.classes_)), X.dtype)
        self.bias_ = np.zeros(len(self.classes_), X.dtype)
        for _ in range(self.epochs):
            for X_batch, Y_batch in iterate_batches(X, Y, self.batch_size, rng):
                self.step(*softmax_gradient(X_batch, Y_batch, self.weights_, self.bias_))
        return self

    def predict_proba(self, X):
        return softmax(self.decision_function(X))

    def predict(self, X):
        return self.classes_[self.decision_function(X).argmax(axis=1)]
