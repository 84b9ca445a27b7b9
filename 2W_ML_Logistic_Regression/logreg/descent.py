"""Gradient descent on a function of two variables, and finite differences to check gradients."""

import numpy as np


def surface(x: np.ndarray) -> np.ndarray:
    """f(x) = Σ sin²(xᵢ) over the first axis. Shapes: x (2, …), returns (…)."""
    return np.sum(np.sin(x) ** 2, axis=0)


def surface_gradient(x: np.ndarray) -> np.ndarray:
    """∇f(x): d/dx sin²(x) = 2 sin(x) cos(x) = sin(2x), one variable at a time. Returns the shape of x."""
    return np.sin(2 * x)


def descend(function, gradient, start: np.ndarray, learning_rate: float, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Gradient descent: x ← x - learning_rate · ∇f(x), `steps` times.

    Returns the points, shape (steps + 1, d), the start first, and f at each of them, shape (steps + 1,).
    Raises: ValueError for a learning rate or a number of steps that is not positive.
    """
    if learning_rate <= 0 or steps < 1:
        raise ValueError(f"learning_rate={learning_rate}, steps={steps}; expected both above 0")
    x = np.asarray(start, dtype=float)
    points = [x]
    for _ in range(steps):
        x = x - learning_rate * gradient(x)
        points.append(x)
    return np.array(points), np.array([function(point) for point in points])


def finite_differences(function, x: np.ndarray, eps: float = 1e-6) -> np.ndarray:
    """Central differences (f(x + h) - f(x - h)) / 2h in every coordinate: slow; used to test gradients.

    Shapes: x of any shape, `function` maps it to a number; returns the shape of x.
    """
    x = np.asarray(x, dtype=float)
    grad = np.empty_like(x)
    for place in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[place] += eps
        below[place] -= eps
        grad[place] = (function(above) - function(below)) / (2 * eps)
    return grad
