"""The settings of week 8; `tiny` and `full` are small diffs of `sample`."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Config:
    """What the notebook computes; every field can be overridden with COURSEWORK_SET."""

    sources: tuple[str, ...] = ("folder", "drawn")  # of the faces: the first that is there
    people: int = 1000  # drawn people of the stand-in
    pictures: int = 6  # of each of them
    drawing_seed: int = 8
    seed: int = 42
    limit: int | None = None  # of the faces, the first so many; None takes all
    side: int = 64  # pixels of a face
    parts: tuple[float, float] = (0.1, 0.15)  # shares of the people for validation and for the test
    latent: int = 128  # numbers that describe a face
    width: int = 24  # channels of the autoencoder's first layer
    vae_width: int = 16  # of the faces' VAE
    denoiser_width: int = 16
    people_width: int = 16  # of the network that tells people apart
    batch: int = 32  # faces
    lr: float = 1.5e-3
    face_epochs: int = 30
    face_vae_epochs: int = 20
    denoise_epochs: int = 30
    people_epochs: int = 36
    people_lr: float = 3e-3
    deviation: float = 0.3  # of a face's pixels about what its VAE says, of 1
    strengths: tuple[float, ...] = (0, 1, 1.5, 2, 2.5, 3, 4)  # of an attribute's direction
    judged: int = 3000  # training faces from which judges learn, and directions are found
    tried: int = 100  # validation faces on which strengths are tried
    wanted: float = 0.95  # share of validation faces in which a judge should read it
    digits: int | None = None  # of MNIST, the first so many; None takes all
    digit_batch: int = 128
    digit_lr: float = 2e-3
    digit_epochs: int = 30
    cvae_epochs: int = 45
    digit_latent: int = 20
    digit_hidden: int = 400
    cvae_hidden: int = 256
    cvae_beta: float = 1.5  # weight of its KL term: codes nearer to where new ones are drawn
    small_hidden: int = 64  # of the VAEs that only show something
    temperatures: tuple[float, ...] = (1, 0.9, 0.8, 0.7)  # of the codes of digits on demand
    betas: tuple[float, ...] = (0.2, 1.0, 4.0)  # weights of the KL term to be compared
    beta_epochs: int = 6
    reader_epochs: int = 6
    iwae: int = 50  # draws an image for the tighter bound
    spoilt: int = 200  # test faces that are spoilt and cleaned
    tuned: int = 24  # validation faces on which classical filters are set
    components: tuple[int, ...] = (1, 2, 4)  # of the mixtures that are fitted to the codes
    resamples: int = 2000  # of people, for intervals
    retrain: bool = False  # train even where finished weights are at hand


SAMPLE = Config()
RELEASED = SAMPLE  # what the committed results and weights were computed with
CONFIGS = {
    "released": RELEASED,
    # A few drawn people and digits, two epochs: the same code in seconds.
    "tiny": replace(
        SAMPLE,
        sources=("drawn",),
        people=24,
        pictures=4,
        latent=16,
        width=8,
        vae_width=8,
        denoiser_width=8,
        people_width=8,
        batch=16,
        face_epochs=2,
        face_vae_epochs=2,
        denoise_epochs=2,
        people_epochs=2,
        strengths=(0, 1, 2),
        judged=60,
        digits=600,
        digit_batch=32,
        digit_epochs=2,
        cvae_epochs=2,
        digit_hidden=64,
        cvae_hidden=64,
        betas=(0.5, 4.0),
        beta_epochs=2,
        reader_epochs=2,
        iwae=5,
        spoilt=12,
        tuned=6,
        components=(1, 2),
        resamples=200,
    ),
    "sample": SAMPLE,
    # All of LFW, longer.
    "full": replace(
        SAMPLE, sources=("folder",), width=64, vae_width=64, latent=256, face_epochs=100, face_vae_epochs=100
    ),
}
