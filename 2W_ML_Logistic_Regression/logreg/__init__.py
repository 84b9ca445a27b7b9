"""Week 2: logistic regression by hand, from gradient descent to a scikit-learn estimator."""
