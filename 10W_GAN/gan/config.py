"""The settings of week 10; `tiny` and `full` are small diffs of `sample`."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Config:
    """What both notebooks compute; every field can be overridden with COURSEWORK_SET."""

    sources: tuple[str, ...] = ("lfw", "drawn")  # the first that is there
    sides: tuple[int, int] = (128, 256)  # pixels, of the first notebook and of the second
    per_person: int = 3  # pictures at most, so that nobody dominates (one man has 530 of LFW's)
    held: float = 0.18  # share of the people who are kept aside, to know how far apart real faces are
    people: int = 3600  # drawn people of the stand-in
    pictures: int = 2  # of each of them
    drawing_seed: int = 10
    seed: int = 42
    limit: int | None = None  # of the pictures, the first so many; None takes all
    latent: int = 128
    width_g: int = 32  # of the light generator
    width_d: int = 64  # of the projected discriminator's heads
    seen: tuple[int, int] = (192, 224)  # pixels at which the discriminator's frozen network looks
    batch: tuple[int, int] = (32, 16)
    steps: tuple[int, int] = (2600, 2400)  # what two CPU cores do in an hour; the released weights had more
    periods: int = 20  # in which a training is watched, and after each of which it can be resumed
    dcgan_width: tuple[int, int] = (32, 20)  # of the starting point, whose generator is to be about as large as ours
    dcgan_rates: tuple[float, ...] = (1e-4, 2e-4, 4e-4)
    dcgan_trial: float = 0.1  # share of the time for which each of the rates is tried
    timed: bool = True  # DCGAN trains as long as our pair on this machine; if not, for RELEASED_STEPS or as many steps
    judged: int = 1000  # images of each kind that are compared
    watched: int = 300  # generated images that are judged after each period
    lever_side: int = 32
    lever_steps: int = 1000
    lever_seeds: tuple[int, ...] = (0, 1)
    base_seeds: tuple[int, ...] = (0, 1, 2, 3, 4)  # of what all others are compared with
    fresh_seeds: tuple[int, ...] = (10, 11, 12)  # with which the best is trained once more
    levers: tuple[str, ...] = ()  # names of those to be tried; none takes all
    retrain: bool = False  # train even where finished weights are at hand


SAMPLE = Config()
# What the committed weights were trained with, on an H100: our pair for longer, and DCGAN for the steps that it made
# there in the time of `sample`'s.
RELEASED = replace(SAMPLE, steps=(20_000, 7_000), timed=False)
RELEASED_STEPS = {
    "lfw_faces_128": 20_000,
    "lfw_faces_256": 7_000,
    "lfw_dcgan_128": 13_390,
    "lfw_dcgan_128_at_0.0001": 1_339,
    "lfw_dcgan_128_at_0.0002": 1_342,
    "lfw_dcgan_128_at_0.0004": 1_332,
    "lfw_dcgan_256": 8_362,
    "lfw_dcgan_256_at_0.0001": 833,
    "lfw_dcgan_256_at_0.0002": 838,
    "lfw_dcgan_256_at_0.0004": 840,
}
CONFIGS = {
    "released": RELEASED,
    # Some small drawn faces, a few steps, three levers: the same code in seconds.
    "tiny": replace(
        SAMPLE,
        sources=("drawn",),
        sides=(32, 64),
        people=60,
        latent=16,
        width_g=8,
        width_d=8,
        seen=(64, 64),
        batch=(8, 8),
        steps=(12, 6),
        periods=3,
        dcgan_width=(8, 8),
        dcgan_rates=(2e-4, 4e-4),
        timed=False,  # two runs on one machine are to be equal
        judged=24,
        watched=24,
        lever_steps=4,
        base_seeds=(0, 1),
        fresh_seeds=(10,),
        levers=("base", "MSE loss", "projected discriminator"),
    ),
    "sample": SAMPLE,
    # Larger networks, FFHQ's faces, a GPU.
    "full": replace(
        SAMPLE, sources=("ffhq",), latent=256, width_g=64, batch=(64, 64), steps=(60_000, 60_000), judged=5000
    ),
}
