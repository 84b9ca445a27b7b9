"""All that can be set in a training: the homework's levers and ours, in one flat recipe."""

from dataclasses import dataclass

import torch
from torch import nn

from coursework.runtime import pick_device
from gan.models import DCDiscriminator, DCGenerator, ResidualDiscriminator, ResidualGenerator, pick
from gan.projected import LightGenerator, ProjectedDiscriminator


@dataclass(frozen=True)
class Recipe:
    """Both networks and how they are trained; the defaults are DCGAN as its paper has it."""

    side: int = 64
    latent: int = 100
    generator: str = "dcgan"
    discriminator: str = "dcgan"
    width_g: int = 64  # channels of the last maps
    width_d: int = 64
    depth_g: int = 0  # further convolutions at each size
    depth_d: int = 0
    linear_g: int = 0  # linear layers before the first convolution
    linear_d: int = 0  # after the last
    activation_g: str = "relu"
    activation_d: str = "leaky"
    norm_g: str = "batch"
    norm_d: str = "batch"
    output: str = "tanh"
    seen: int | None = None  # pixels to which images are enlarged for a projected discriminator
    loss: str = "nonsaturating"
    smooth: float = 0.0  # taken off the target for real images
    swapped: float = 0.0  # share of wrong labels
    r1: float = 0.0  # weight of the penalty on the slope at real images
    slope: float = 0.0  # weight of WGAN-GP's penalty
    augmented: bool = False
    optimizer: str = "adam"
    beta1: float = 0.5
    beta2: float = 0.999
    rate_g: float = 2e-4
    rate_d: float = 2e-4
    falling: float = 1.0  # share of the steps after which rates fall, in a straight line to 0
    steps_d: int = 1  # of the discriminator in a row
    steps_g: int = 1  # of the generator after them
    ema: float = 0.0  # decay of the averaged generator; 0 for none
    batch: int = 64
    steps: int = 1000  # of the generator
    period: int = 100  # steps between two rows of the history, and between checkpoints
    seed: int = 0


def build_generator(recipe: Recipe) -> nn.Module:
    """The recipe's generator, from a fresh start. Raises ValueError for what there is not."""
    r = recipe
    kinds = {
        "dcgan": lambda: DCGenerator(
            r.side, r.latent, r.width_g, r.depth_g, r.linear_g, r.activation_g, r.norm_g, r.output
        ),
        "residual": lambda: ResidualGenerator(r.side, r.latent, r.width_g, r.depth_g),
        "light": lambda: LightGenerator(r.side, r.latent, r.width_g),
    }
    build = pick("generator", kinds, r.generator)
    refuse_idle(r, r.generator, ("linear_g", "activation_g", "norm_g", "output"), ("depth_g",))
    return build().to(memory_format=torch.channels_last)


def build_discriminator(recipe: Recipe) -> nn.Module:
    """The recipe's discriminator, from a fresh start. Raises ValueError for what there is not."""
    r = recipe
    kinds = {
        "dcgan": lambda: DCDiscriminator(r.side, r.width_d, r.depth_d, r.linear_d, r.activation_d, r.norm_d),
        "residual": lambda: ResidualDiscriminator(r.side, r.width_d, r.depth_d),
        "projected": lambda: ProjectedDiscriminator(r.side, r.width_d, r.seen),
    }
    build = pick("discriminator", kinds, r.discriminator)
    refuse_idle(r, r.discriminator, ("linear_d", "activation_d", "norm_d"), ("depth_d",))
    return build().to(memory_format=torch.channels_last)


def refuse_idle(recipe: Recipe, kind: str, of_dcgan: tuple[str, ...], of_residual: tuple[str, ...]) -> None:
    """Raise ValueError for a lever that is moved although this kind of network has none of it."""
    idle = {"dcgan": (), "residual": of_dcgan}.get(kind, of_dcgan + of_residual)
    moved = [name for name in idle if getattr(recipe, name) != getattr(Recipe, name)]
    if moved:
        raise ValueError(f"{', '.join(moved)} do nothing for a {kind} network; leave them as they are")


def build_optimizer(recipe: Recipe, model: nn.Module, rate: float) -> torch.optim.Optimizer:
    """The recipe's optimiser of what the model learns."""
    learnt = [weight for weight in model.parameters() if weight.requires_grad]
    on_gpu = pick_device() == "cuda"  # there a step is to be recorded: its counter must be there, too
    kinds = {
        "adam": lambda: torch.optim.Adam(learnt, rate, (recipe.beta1, recipe.beta2), capturable=on_gpu, fused=on_gpu),
        "rmsprop": lambda: torch.optim.RMSprop(learnt, rate),
        "sgd": lambda: torch.optim.SGD(learnt, rate, momentum=recipe.beta1),
    }
    return pick("optimiser", kinds, recipe.optimizer)()
