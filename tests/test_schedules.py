"""The one-cycle schedule: torch's own learning rates wherever torch has them, and useful ones for very few steps."""

import pytest
import torch
from torch.optim.lr_scheduler import OneCycleLR

from coursework.schedules import one_cycle

LR = 2e-3


def make_optimizer():
    return torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=LR)


def read_rates(schedule, optimizer, steps):
    """Learning rate and first beta at each step; the schedule is stepped after each, the last one included."""
    found, group = [], optimizer.param_groups[0]
    for _ in range(steps):
        found.append((group["lr"], group["betas"][0]))
        optimizer.step()
        schedule.step()
    return found


def our_rates(steps, warm_up):
    optimizer = make_optimizer()
    return read_rates(one_cycle(optimizer, LR, steps, warm_up), optimizer, steps)


@pytest.mark.parametrize("warm_up", [0.15, 0.2])
@pytest.mark.parametrize("steps", [2, 3, 4, 6, 7, 10, 64, 333, 1000])
def test_the_rates_are_torchs_to_the_last_bit(steps, warm_up):
    optimizer = make_optimizer()
    theirs = OneCycleLR(optimizer, LR, total_steps=steps, pct_start=warm_up)
    assert our_rates(steps, warm_up) == read_rates(theirs, optimizer, steps)


@pytest.mark.fault(
    "one-cycle schedule with 5 steps and a warm-up of 0.2, where torch divides by zero",
    "training starts at the highest learning rate",
)
def test_five_steps_with_a_warm_up_of_a_fifth():
    rates = [lr for lr, _ in our_rates(5, 0.2)]
    assert rates[0] == pytest.approx(LR)
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize("warm_up", [0.0, *(1 / n for n in range(2, 25)), 0.15, 0.3, 0.7, 0.95])
def test_every_small_number_of_steps_learns(warm_up):
    for steps in range(1, 25):
        rates = [lr for lr, _ in our_rates(steps, warm_up)]
        assert all(0 < lr <= LR * (1 + 1e-12) for lr in rates), steps
        assert max(rates) > LR / 30, steps


@pytest.mark.parametrize(("steps", "warm_up"), [(0, 0.2), (-1, 0.2), (5, 1.0), (5, -0.1), (5, float("nan"))])
def test_impossible_schedules_are_named(steps, warm_up):
    with pytest.raises(ValueError, match=f"{steps} steps with a warm-up of {warm_up}; expected 1 step or more"):
        one_cycle(make_optimizer(), LR, steps, warm_up)
