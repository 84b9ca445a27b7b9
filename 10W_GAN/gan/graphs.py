"""On CUDA: a step that is recorded once and played back, as launching its thousands of kernels takes the most time."""

from collections.abc import Callable

import torch

from gan.recipe import Recipe

WARM = 3  # steps that run as they are, in which all that is made at the first use is made


def can_replay(recipe: Recipe, accelerator) -> bool:
    """Whether every step is the same, so that one can stand for all: one process, one GPU, rates that stay."""
    alone = accelerator.device.type == "cuda" and accelerator.num_processes == 1
    return alone and recipe.falling == 1.0 and recipe.optimizer == "adam"


def replayed(step: Callable[[list[torch.Tensor]], dict]) -> Callable[[list[torch.Tensor]], dict]:
    """`step` of a list of batches, always of the same shapes; from call WARM + 1 on played back.

    What a call returned is overwritten by the next. Source: PyTorch's notes on CUDA graphs, "Whole-network capture".
    """
    graph, side = torch.cuda.CUDAGraph(), torch.cuda.Stream()
    calls, held, found = 0, [], {}

    def call(batches: list[torch.Tensor]) -> dict:
        nonlocal calls, found
        calls += 1
        if calls <= WARM:
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                found = step(batches)
            torch.cuda.current_stream().wait_stream(side)
            return found
        if not held:
            held.extend(batch.clone() for batch in batches)
            with torch.cuda.graph(graph):
                found = step(held)
        for kept, batch in zip(held, batches, strict=True):
            kept.copy_(batch)
        graph.replay()
        return found

    return call
