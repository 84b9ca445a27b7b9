"""The homework's class as its template asks for it: a batch generator, a loss, a gradient, an update.

Batches are taken off a permutation by fancy indexing and `np.delete`; the bias is the weight of a column of ones;
loss and gradient each compute their own predictions.
"""

import numpy as np


def generate_batches(X, y, batch_size):
    """Yield the batches of one epoch, without a remainder."""
    left = np.random.permutation(len(X))
    while len(left) >= batch_size:
        rows = left[:batch_size]
        left = np.delete(left, np.arange(batch_size))
        yield X[rows], y[rows]


class TextbookLogisticRegression:
    """Logistic regression with elastic-net penalty by plain mini-batch SGD, for labels 0 and 1."""

    def __init__(self, alpha, l1_ratio, learning_rate, batch_size, epochs):
        self.alpha, self.l1_ratio, self.learning_rate = alpha, l1_ratio, learning_rate
        self.batch_size, self.epochs = batch_size, epochs

    def fit(self, X, y):
        """Train on X (n, d) and y (n,)."""
        X = np.hstack([np.ones((len(X), 1)), X])
        self.weights, self.losses = np.zeros(X.shape[1]), []
        for _ in range(self.epochs):
            for X_batch, y_batch in generate_batches(X, y, self.batch_size):
                self.losses.append(self.calc_loss(X_batch, y_batch))
                self.weights = self.weights - self.learning_rate * self.calc_gradient(X_batch, y_batch)
        return self

    def predict_proba(self, X):
        """Probability of label 1; X has the column of ones."""
        return 1 / (1 + np.exp(-(X @ self.weights)))

    def calc_loss(self, X, y):
        """Log-loss plus penalty on one batch."""
        p = np.clip(self.predict_proba(X), 1e-12, 1 - 1e-12)
        w = self.weights[1:]
        penalty = self.l1_ratio * np.abs(w).sum() + (1 - self.l1_ratio) / 2 * (w**2).sum()
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)) + self.alpha * penalty

    def calc_gradient(self, X, y):
        """Its gradient."""
        gradient = X.T @ (self.predict_proba(X) - y) / len(y)
        w = self.weights[1:]
        gradient[1:] += self.alpha * (self.l1_ratio * np.sign(w) + (1 - self.l1_ratio) * w)
        return gradient

    @property
    def coef_(self):
        """The weights without the bias, (1, d)."""
        return self.weights[None, 1:]

    @property
    def intercept_(self):
        """The bias, (1,)."""
        return self.weights[:1]
