"""The settings of week 10; `tiny` and `full` are small diffs of `sample`."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Config:
    """What both notebooks compute; every field can be overridden with COURSEWORK_SET."""

    sources: tuple[str, ...] = ("lfw", "drawn")  # the first that is there
    sides: tuple[int, int] = (128, 256)  # pixels, of the first notebook and of the second
    per_person: int = 3  # pictures at most, so that nobody dominates (one man has 530 of LFW's)
    held: float = 0.12  # share of the people who are kept aside, to know how far apart real faces are
    people: int = 3600  # drawn people of the stand-in
    pictures: int = 2  # of each of them
    drawing_seed: int = 10
    seed: int = 42
    limit: int | None = None  # of the pictures, the first so many; None takes all
    latent: int = 128
    width_g: int = 28  # of the light generator
    width_d: int = 64  # of the projected discriminator's heads
    batch: tuple[int, int] = (32, 16)
    steps: tuple[int, int] = (6000, 4000)
    periods: int = 20  # in which a training is watched, and after each of which it can be resumed
    dcgan_width: int = 32  # of the starting point, whose generator is to be no larger than ours
    dcgan_steps: tuple[int, int] = (12_000, 8_000)  # which take as long as ours on the machine of the record
    dcgan_rates: tuple[float, ...] = (1e-4, 2e-4, 4e-4)
    dcgan_trial: float = 0.1  # share of these steps with each of the rates, to choose one
    judged: int = 1000  # images of each kind that are compared
    watched: int = 300  # generated images that are judged after each period
    lever_side: int = 32
    lever_steps: int = 1500
    lever_seeds: tuple[int, ...] = (0, 1)
    levers: tuple[str, ...] = ()  # names of those to be tried; none takes all
    retrain: bool = False  # train even where finished weights are at hand


SAMPLE = Config()
CONFIGS = {
    # Some small drawn faces, a few steps, three levers: the same code in seconds.
    "tiny": replace(
        SAMPLE,
        sources=("drawn",),
        sides=(32, 64),
        people=60,
        latent=16,
        width_g=8,
        width_d=8,
        batch=(8, 8),
        steps=(12, 6),
        periods=3,
        dcgan_width=8,
        dcgan_steps=(12, 6),
        dcgan_rates=(2e-4, 4e-4),
        judged=24,
        watched=24,
        lever_steps=4,
        levers=("base", "mse", "projected"),
    ),
    "sample": SAMPLE,
    # Larger networks, FFHQ's faces, a GPU.
    "full": replace(
        SAMPLE, sources=("ffhq",), latent=256, width_g=64, batch=(64, 64), steps=(60_000, 60_000), judged=5000
    ),
}
