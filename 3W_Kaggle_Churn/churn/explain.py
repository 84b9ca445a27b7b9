"""Explanations: SHAP values, which divide a prediction among the features."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import shap
from catboost import Pool
from matplotlib.figure import Figure
from scipy.special import expit
from sklearn.pipeline import Pipeline

from churn.data import CATEGORICAL
from coursework.figures import BLUE, ORANGE


def shap_values(model: Pipeline, data: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """SHAP values in log-odds, (n, features), and the base value, the mean log-odds in training.

    `model` is a fitted pipeline that ends in CatBoost. The values of a row and the base value add up to its prediction.
    Source: Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9.
    """
    used, catboost = model[:-1].transform(data), model[-1]
    pool = Pool(used, cat_features=[column for column in CATEGORICAL if column in used])
    explainer = shap.TreeExplainer(catboost)
    values = pd.DataFrame(explainer.shap_values(pool), columns=used.columns, index=data.index)
    return values, float(explainer.expected_value)


def order_values(data: pd.DataFrame, labels: pd.Series, column: str) -> np.ndarray:
    """Ranks of a column's values from 0 to 1: numbers by size, categories by churn rate."""
    values = data[column]
    if column in CATEGORICAL:
        values = values.map(labels.groupby(values).mean())
    ranks = values.rank(method="average")
    return ((ranks - ranks.min()) / max(ranks.max() - ranks.min(), 1)).to_numpy()


def plot_summary(values: pd.DataFrame, data: pd.DataFrame, labels: pd.Series, count: int = 10) -> Figure:
    """The features with the largest mean absolute SHAP value: one dot per customer, coloured by the feature's value."""
    top = values.abs().mean().sort_values(ascending=False).index[:count]
    figure, ax = plt.subplots(figsize=(10, 5.2))
    rng = np.random.default_rng(0)
    for row, column in enumerate(top):
        height = row + rng.uniform(-0.32, 0.32, size=len(values))
        dots = ax.scatter(values[column], height, c=order_values(data, labels, column), cmap="plasma", s=7, alpha=0.7)
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_yticks(range(len(top)), list(top))
    ax.set(ylim=(len(top) - 0.5, -0.5), xlabel="SHAP value (change of the log-odds of churn)")
    ax.set_title("How much each feature moves the prediction, one dot per customer")
    bar = figure.colorbar(dots, ax=ax, ticks=[0, 1])
    bar.ax.set_yticklabels(["low", "high"])
    bar.set_label("value (categories: ordered by their churn rate)")
    return figure


def plot_customer(values: pd.Series, base: float, customer: pd.Series, count: int = 9) -> Figure:
    """One prediction from the base value, feature by feature, to the customer's log-odds."""
    top = values.abs().sort_values(ascending=False).index[:count]
    steps = [(f"{column} = {customer[column]}", values[column]) for column in top]
    steps.append((f"{len(values) - count} other features", values.drop(top).sum()))
    figure, ax = plt.subplots(figsize=(10, 4.4))
    at = base
    for row, (_, step) in enumerate(steps):
        ax.barh(row, step, left=at, color=ORANGE if step > 0 else BLUE)
        edge = max(at, at + step)
        ax.text(edge, row, f" {step:+.2f} ", va="center", fontsize=9)
        at += step
    ax.axvline(base, color="grey", linestyle="--", linewidth=1)
    ax.vlines(at, len(steps) - 1.45, len(steps) - 0.55, color="black", linewidth=2)
    ax.set_yticks(range(len(steps)), [name for name, _ in steps])
    edges = base + np.cumsum([0.0, *(step for _, step in steps)])
    reach = 0.12 * (edges.max() - edges.min())
    ax.set(ylim=(len(steps) - 0.5, -0.5), xlim=(edges.min() - reach / 3, edges.max() + reach))
    ax.set_xlabel("log-odds of churn")
    prob, average = expit(at), expit(base)
    ax.set_title(f"From the base value ({average:.0%}, dashed) to this customer ({prob:.0%})")
    return figure
