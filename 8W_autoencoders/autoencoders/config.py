"""The settings of week 8; `tiny` and `full` are small diffs of `sample`."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Config:
    """What the notebooks compute; every field can be overridden with COURSEWORK_SET."""

    seed: int = 42
    practice: bool = False  # each training run stops after two short epochs; then the released results are shown
    retrain: bool = False  # train even if finished weights exist
    resamples: int = 2000  # for intervals

    # Faces
    sources: tuple[str, ...] = ("folder", "synthetic")  # the first available one is used
    people: int = 1000  # synthetic people
    images_per_person: int = 6
    synthetic_seed: int = 8
    limit: int | None = None  # use only the first so many images; None: all
    parts: tuple[float, float] = (0.1, 0.15)  # fractions of the people for validation and testing
    side: int = 128  # pixels
    latent: int = 128
    width: int = 24  # channels of the autoencoder's first layer
    face_batch_size: int = 32
    face_lr: float = 1e-3
    mse_epochs: int = 10
    perceptual_epochs: int = 10
    perceptual_weight: float = 0.05
    edit_width: int = 24  # channels of the first layer of the conditional autoencoder
    edit_epochs: int = 16
    edit_lr: float = 3e-4
    edit_batch_size: int = 16
    edit_attribute: float = 0.3  # weights of the losses
    edit_adversarial: float = 0.2
    edit_change: float = 0.2
    glasses_share: float = 0.4  # of the faces in a batch that wear glasses
    critic_width: int = 24
    identity_width: int = 16
    identity_epochs: int = 36
    identity_lr: float = 3e-3
    small_side: int = 64  # pixels, of the denoiser and the comparison of code sizes
    small_width: int = 16
    code_sizes: tuple[int, ...] = (8, 32, 128, 512)
    code_size_epochs: int = 10
    denoiser_epochs: int = 30
    steps: tuple[float, ...] = (0, 1, 2, 3, 4, 6)  # sizes of an edit
    evaluated: int = 3000  # training faces from which the evaluators learn
    measured: int = 500  # test faces of which reconstructions are measured
    corrupted: int = 200  # test faces that are corrupted and restored
    tuned: int = 24  # validation faces on which the settings of classical methods are selected
    traced: int = 120  # faces that are edited for each attribute
    pairs: int = 20  # of faces for the blind check, for each attribute

    # vae_digits.ipynb; a pass is one use of all training images
    few_digits: int | None = None  # use only so many images of MNIST's training and test set; None: all
    digit_hidden: int = 200  # units of each hidden layer, as in the paper of the IWAE
    digit_latent: int = 50
    digit_batch_size: int = 128
    digit_lr: float = 1e-3
    passes: int = 10  # that count as one epoch of the history
    shown_passes: int = 2  # of the training run that the notebook does itself
    vae_passes: int = 1000
    iwae_passes: int = 200
    iwae_samples: int = 10  # latents per image in the bound that is trained
    plane_hidden: int = 128
    plane_passes: int = 100
    betas: tuple[float, ...] = (0.25, 1.0, 4.0)  # weights of the KL divergence that are compared
    beta_passes: int = 200
    cvae_latent: int = 20
    cvae_passes: int = 300
    classifier_epochs: int = 15
    likelihood_samples: int = 5000  # latents per image for the log-likelihood
    likelihood_images: int = 500  # of the test set, in the notebook; the record has all
    generated: int = 1000  # digits per class for the evaluation of the conditional VAE


SAMPLE = Config()
RELEASED = SAMPLE  # what the committed results and weights were computed with
CONFIGS = {
    "released": RELEASED,
    # A few images. Each training run is two short epochs; then the released results are shown.
    "tiny": replace(
        SAMPLE,
        practice=True,
        sources=("synthetic",),
        people=24,
        images_per_person=4,
        code_sizes=(8, 32),
        steps=(0, 1, 2),
        few_digits=600,
        likelihood_samples=5000,
        likelihood_images=10,
        generated=20,
        resamples=200,
    ),
    "sample": SAMPLE,
    # LFW, and more passes, as in the papers: a GPU.
    "full": replace(SAMPLE, sources=("folder",), vae_passes=3000, iwae_passes=3000, iwae_samples=50),
}
