"""The learning rate over a training: the one-cycle schedule, for any number of steps."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import OneCycleLR


def one_cycle(optimizer: Optimizer, lr: float, steps: int, warm_up: float) -> OneCycleLR:
    """The one-cycle schedule: up to `lr` in the first part `warm_up` of the steps, then down to nearly 0.

    Where torch's OneCycleLR is defined and has more than one step, its learning rates are these, bit for bit.
    Raises: ValueError for less than one step, or a `warm_up` that is not from 0, below 1.
    Source: Smith and Topin 2019, arXiv:1708.07120.
    """
    if steps < 1 or not 0 <= warm_up < 1:
        raise ValueError(
            f"{steps} steps with a warm-up of {warm_up}; expected 1 step or more and a warm-up from 0, below 1; "
            "train for an epoch or more, on one image or more"
        )
    # The last step has hardly any learning rate, so a single step is scheduled as the first of two.
    steps = max(steps, 2)
    # OneCycleLR puts the peak at step warm_up · steps - 1, and divides by that number if it is 0, as for 5 steps and a
    # warm-up of 0.2. With the next smaller number, step 0 is the peak.
    if warm_up * steps == 1:
        warm_up = math.nextafter(warm_up, 0)
    return OneCycleLR(optimizer, lr, total_steps=steps, pct_start=float(warm_up))
