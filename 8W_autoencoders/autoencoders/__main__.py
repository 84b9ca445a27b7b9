"""python -m autoencoders: the training runs of week 8 without the notebooks, and look-alikes of a photograph.

Finished networks are not trained again, and a killed run resumes. Several processes share the work:
`torchrun --standalone --nproc-per-node 2 -m autoencoders train digit_vae`.
"""

import argparse
import sys
from functools import partial

from autoencoders import denoising, face_networks, networks, similar
from autoencoders.batches import reconstruct
from autoencoders.config import CONFIGS, Config
from autoencoders.evaluators import JUDGE, LABELLER
from autoencoders.face_losses import mse_step, perceptual_step
from autoencoders.face_models import Autoencoder
from autoencoders.faces import FaceImages, load_faces, shrink, split_people
from autoencoders.mnist import load_digits
from autoencoders.vae import VAE, elbo_step, iwae_step
from coursework import predicting
from coursework.profile import load_config
from coursework.runtime import build_accelerator, leave_together, seed_everything
from coursework.terminal import call

DIGITS = ("digit_vae", "digit_iwae", "digit_plane", "digit_cvae", "digit_beta", "digit_classifier", "digit_likelihood")
FACES = ("face_mse", "face_perceptual", "face_labeller", "face_selector", "face_evaluator", "face_editor")
FACES += ("face_identity", "face_denoiser", "code_sizes")


def train_digits(name: str, config: Config) -> list[dict]:
    """Train one of DIGITS where there are no weights or records; returns their facts."""
    digits = load_digits(config)
    build = partial(VAE, config.digit_hidden, config.digit_latent)
    conditional = partial(VAE, config.digit_hidden, config.cvae_latent, classes=10)
    importance = partial(iwae_step, samples=config.iwae_samples)
    obtain = partial(networks.digit_network, digits=digits, config=config)
    if name == "digit_classifier":
        return [networks.obtain_classifier(digits, config)[1]]
    if name == "digit_plane":
        return [obtain(name, partial(VAE, config.plane_hidden, 2), elbo_step, epochs=config.plane_passes)[1]]
    if name == "digit_cvae":
        return [obtain(name, conditional, elbo_step, epochs=config.cvae_passes, labelled=True)[1]]
    if name == "digit_beta":
        steps = {beta: partial(elbo_step, beta=beta) for beta in config.betas}
        return [obtain(f"{name}_{beta:g}", build, step, epochs=config.beta_passes)[1] for beta, step in steps.items()]
    vae = "digit_vae", build, elbo_step, config.vae_passes
    iwae = "digit_iwae", build, importance, config.iwae_passes
    if name == "digit_likelihood":
        found = []
        for run, *arguments, passes in (vae, iwae):
            model, facts = obtain(run, *arguments, epochs=passes)
            found.append(networks.likelihood_record(run.removeprefix("digit_"), model, facts, digits, config))
        return found
    run, *arguments, passes = vae if name == "digit_vae" else iwae
    return [obtain(run, *arguments, epochs=passes)[1]]


def train_faces(name: str, config: Config) -> list[dict]:
    """Train one of FACES where there are no weights or records; returns its facts."""
    faces = load_faces(config)
    parts = split_people(faces, config.parts, config.seed)
    train, validation = parts["train"], parts["validation"]
    obtain = partial(face_networks.face_network, faces=faces, config=config)
    build = partial(Autoencoder, config.side, config.width, config.latent)
    sets = FaceImages(train.images, mirror=True), FaceImages(validation.images)
    perceptual = partial(perceptual_step, weight=config.perceptual_weight)
    if name == "face_mse":
        return [obtain(name, build, mse_step, sets, epochs=config.mse_epochs)[1]]
    if name == "face_perceptual":
        return [obtain(name, build, perceptual, sets, epochs=config.perceptual_epochs)[1]]
    if name == "face_labeller":
        return [face_networks.labeller(train, faces, config)[1]]
    if name in ("face_selector", "face_evaluator"):
        model, facts = obtain("face_perceptual", build, perceptual, sets, epochs=config.perceptual_epochs)
        way, network = partial(reconstruct, model), {"face_selector": LABELLER, "face_evaluator": JUDGE}[name]
        return [face_networks.evaluator(name, network, train, way, facts["key"], faces, config)[1]]
    if name == "face_editor":
        return [face_networks.editor(parts, faces, config)[1]]
    if name == "face_identity":
        return [face_networks.recognizer(train, faces, config)[1]]
    if name == "face_denoiser":
        small = [shrink(part.images, config.small_side) for part in (train, validation)]
        noisy = denoising.CorruptedImages(small[0], mirror=True), denoising.CorruptedImages(small[1], config.seed)
        build = partial(denoising.Denoiser, config.small_width)
        return [obtain(name, build, denoising.denoising_step, noisy, epochs=config.denoiser_epochs)[1]]
    return [face_networks.code_size_record(parts, faces, config)]


def main(arguments: list[str]) -> int:
    """Run one of the commands; returns the exit status."""
    if arguments[:1] == ["similar"]:
        about = "The people of LFW whose photographs are most similar to an image, by latents of the autoencoder."
        kinds = similar.prepare, similar.describe, similar.add_options
        return predicting.predict(arguments[1:], "autoencoders", about, *kinds, command="similar")
    parser = argparse.ArgumentParser("python -m autoencoders", description="Week 8: autoencoders.")
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train networks that have no weights")
    train.add_argument("names", nargs="+", choices=(*DIGITS, *FACES), metavar="NAME", help=", ".join((*DIGITS, *FACES)))
    options = parser.parse_args(arguments)
    config = load_config("8W", CONFIGS)
    seed_everything(config.seed)
    processes = build_accelerator()
    for name in options.names:
        for facts in (train_digits if name in DIGITS else train_faces)(name, config):
            if processes.is_main_process:
                print(f"{facts['settings']['run']}: {facts['training']['minutes']:.1f} min, {facts['origin']}")
    leave_together(processes)
    return 0


if __name__ == "__main__":
    sys.exit(call(main))
