"""Week 3: which customers will leave, with logistic regression, CatBoost and Optuna."""
