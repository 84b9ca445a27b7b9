"""Gradient descent on the egg box, and the finite differences that judge every gradient."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logreg.descent import descend, finite_differences, surface, surface_gradient

POINT = st.lists(st.floats(-10, 10), min_size=2, max_size=2).map(np.array)


@given(POINT)
def test_the_gradient_is_that_of_the_surface(point):
    assert np.allclose(surface_gradient(point), finite_differences(surface, point), atol=1e-8)


def test_hand_values():
    assert surface(np.array([np.pi / 2, 0.0])) == pytest.approx(1)
    assert surface_gradient(np.array([np.pi / 4, 0.0])) == pytest.approx([1, 0])


def test_a_good_rate_reaches_the_bottom_and_a_large_one_does_not():
    start = np.array([1.3, -1.0])
    points, heights = descend(surface, surface_gradient, start, 0.3, 40)
    assert points.shape == (41, 2)
    assert heights.shape == (41,)
    assert points[0].tolist() == start.tolist()
    assert heights[-1] < 1e-8
    assert (np.diff(heights) <= 1e-15).all()
    assert descend(surface, surface_gradient, start, 1.05, 400)[1][-1] > 0.01


def test_the_start_is_not_changed():
    start = np.array([1.0, 1.0])
    descend(surface, surface_gradient, start, 0.1, 3)
    assert start.tolist() == [1, 1]


@pytest.mark.parametrize(("rate", "steps"), [(0, 5), (-0.1, 5), (0.1, 0)])
def test_impossible_walks_are_refused(rate, steps):
    with pytest.raises(ValueError, match="expected both above 0"):
        descend(surface, surface_gradient, np.zeros(2), rate, steps)
