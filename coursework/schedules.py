"""The learning rate over a training: the one-cycle schedule, for any number of steps."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import OneCycleLR


def one_cycle(optimizer: Optimizer, lr: float | list[float], steps: int, warm_up: float) -> OneCycleLR:
    """The one-cycle schedule: the learning rate rises to `lr` during the fraction `warm_up` of the steps, then falls.

    A list gives each parameter group of the optimizer its own peak.
    For two or more steps the values equal those of torch's OneCycleLR wherever that does not divide by zero.
    Raises: ValueError if there is no step, or unless 0 <= warm_up < 1.
    Source: Smith and Topin 2019, arXiv:1708.07120.
    """
    if steps < 1 or not 0 <= warm_up < 1:
        raise ValueError(
            f"{steps} steps with a warm-up of {warm_up}; expected 1 step or more and 0 <= warm-up < 1; "
            "check the number of epochs, the batch size and the number of training images"
        )
    # The last step has hardly any learning rate, so a single step is scheduled as the first of two.
    steps = max(steps, 2)
    # OneCycleLR puts the peak at step warm_up · steps - 1, and divides by that number if it is 0, as for 5 steps and a
    # warm-up of 0.2. With the next smaller number, step 0 is the peak.
    if warm_up * steps == 1:
        warm_up = math.nextafter(warm_up, 0)
    return OneCycleLR(optimizer, lr, total_steps=steps, pct_start=float(warm_up))
