"""Week 8, digits: the parts of the VAE against torch and against truths known in closed form; data; networks."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import distributions

from autoencoders import classifier, generation, likelihood, mnist, networks, train, vae
from autoencoders.config import CONFIGS

CONFIG = replace(CONFIGS["tiny"], practice=False, passes=2, likelihood_samples=20, likelihood_images=3)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def make_part(number=40):
    """Bars, whose position is the label."""
    rng = np.random.default_rng(0)
    labels = np.arange(number) % 10
    images = np.zeros((number, 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[2 * label : 2 * label + 6, 4:24] = rng.integers(200, 255)
    return mnist.DigitPart(images.reshape(number, 784), labels)


def make_digits(number=40):
    return mnist.Digits(make_part(number), make_part(20), make_part(10))


def test_kl_divergence_is_that_of_torch(generator):
    mean, log_variance = torch.randn(2, 5, 3, generator=generator)
    posterior = distributions.Normal(mean, torch.exp(0.5 * log_variance))
    expected = distributions.kl_divergence(posterior, distributions.Normal(0.0, 1.0))
    assert torch.allclose(vae.kl_divergence(mean, log_variance), expected, atol=1e-5)


def test_log_likelihood_is_that_of_torch(generator):
    logits = torch.randn(2, 4, 784, generator=generator)
    images = torch.rand(4, 784, generator=generator).round()
    expected = distributions.Bernoulli(logits=logits).log_prob(images).sum(dim=-1)
    assert torch.allclose(vae.log_likelihood(logits, images), expected, rtol=1e-5)


def test_gradients_pass_through_the_reparameterisation():
    torch.manual_seed(0)
    mean = torch.zeros(2000, 2, requires_grad=True)
    log_variance = torch.full((2000, 2), math.log(4.0), requires_grad=True)
    latents = vae.reparameterise(mean, log_variance)
    latents.square().sum().backward()
    assert latents.std().item() == pytest.approx(2, rel=0.1)
    assert mean.grad.mean().item() == pytest.approx(0, abs=0.3)
    assert log_variance.grad.mean().item() == pytest.approx(4, rel=0.1)  # the derivative of exp(log-variance)


def test_terms_add_up_to_the_loss():
    torch.manual_seed(0)
    model, images = vae.VAE(16, 4), torch.rand(8, 784).round()
    terms = vae.elbo_step(model, images, beta=3.0)
    assert terms["loss"].item() == pytest.approx((terms["reconstruction"] + 3 * terms["kl"]).item(), rel=1e-5)


def test_a_conditional_vae_depends_on_the_class():
    torch.manual_seed(0)
    model, images = vae.VAE(16, 4, classes=10), torch.rand(2, 784).round()
    labels = mnist.one_hot([3, 7]), mnist.one_hot([4, 7])
    (first, _), (second, _) = (model.encode(images, some) for some in labels)
    assert not torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    outputs = [model.decode(first, some) for some in labels]
    assert not torch.equal(outputs[0][0], outputs[1][0])
    assert torch.equal(outputs[0][1], outputs[1][1])


class Constant(torch.nn.Module):
    """A VAE in which everything is known: p(x | z) does not depend on z, and q is N(mean, 1)."""

    def __init__(self, mean):
        super().__init__()
        self.mean = mean

    def encode(self, images):
        mean = torch.full((len(images), 2), self.mean)
        return mean, torch.zeros_like(mean)

    def decode(self, latents):
        return torch.zeros(*latents.shape[:-1], 784)


def test_bounds_where_the_truth_is_known():
    images = torch.rand(50, 784).round()
    truth = 784 * math.log(2)  # -log p(x): every pixel is a fair coin
    assert likelihood.negative_elbo(Constant(0.0), images, 0)["loss"] == pytest.approx(truth, rel=1e-6)
    assert likelihood.negative_log_likelihood(Constant(0.0), images, 3, 0) == pytest.approx(truth, rel=1e-5)
    off = likelihood.negative_elbo(Constant(1.0), images, 0)
    assert off["loss"] == pytest.approx(truth + 1, rel=1e-5)  # the KL divergence of two latents, each off by 1
    assert off["kl"] == pytest.approx(1, rel=1e-5)
    many = likelihood.negative_log_likelihood(Constant(1.0), images, 500, 0).mean()
    assert truth - 0.1 < many < truth + 0.3


class Sine(torch.nn.Module):
    """A VAE with one latent, whose encoder is wrong on purpose."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.weights = torch.randn(1, 784) / 4

    def encode(self, images):
        mean = torch.full((len(images), 1), 0.3)
        return mean, torch.full_like(mean, -0.4)

    def decode(self, latents):
        return torch.sin(2 * latents) @ self.weights


def test_bounds_approach_the_truth_by_quadrature():
    torch.manual_seed(0)
    images = torch.rand(6, 784).round()
    grid = torch.linspace(-8, 8, 4001)[:, None]
    log_prior = distributions.Normal(0.0, 1.0).log_prob(grid).squeeze()
    logits = Sine().decode(grid)
    each = [(log_prior + vae.log_likelihood(logits, image[None])).logsumexp(dim=0) for image in images]
    truth = -(torch.stack(each) + math.log(16 / 4000)).mean().item()
    repeated = images.repeat(200, 1)
    elbo = likelihood.negative_elbo(Sine(), repeated, 0)["loss"]
    some, many = (likelihood.negative_log_likelihood(Sine(), repeated, k, 0).mean() for k in (5, 500))
    assert truth < many < some < elbo
    assert many == pytest.approx(truth, abs=0.02)
    torch.manual_seed(1)
    assert vae.iwae_step(Sine(), repeated, samples=5)["loss"].item() == pytest.approx(some, abs=0.3)


def test_chunks_of_samples_are_added_in_the_logarithm():
    torch.manual_seed(0)
    images = torch.rand(4, 784).round()
    chunked = likelihood.negative_log_likelihood(Constant(0.0), images, 7, 0, batch=3, chunk=2)
    assert chunked.shape == (4,)
    assert chunked == pytest.approx(784 * math.log(2), rel=1e-5)


def test_active_units_and_their_divergences():
    mean = torch.stack([torch.linspace(-1, 1, 50), torch.full((50,), 0.7), 0.01 * torch.randn(50)], dim=1)
    assert likelihood.active_units(mean) == 1
    nats = likelihood.kl_per_latent(mean, torch.zeros(50, 3))
    assert (np.diff(nats) <= 0).all()
    assert nats[0] == pytest.approx(0.245, rel=1e-3)  # 0.7² / 2


def test_digits_are_split_and_binarised():
    digits = mnist.load_digits(CONFIGS["tiny"])
    assert [len(part) for part in digits.parts] == [500, 100, 600]
    binary = mnist.binarise(digits.test.images, 0)
    assert torch.equal(binary, mnist.binarise(digits.test.images, 0))
    assert not torch.equal(binary, mnist.binarise(digits.test.images, 1))
    assert set(binary.unique().tolist()) == {0.0, 1.0}
    several = torch.stack([mnist.binarise(digits.test.images[:5], seed) for seed in range(400)]).mean(dim=0)
    assert (several - digits.test.grey[:5]).abs().max() < 0.12


def test_images_are_binarised_anew_only_without_a_seed():
    part = make_part()
    anew, fixed = mnist.BinaryDigits(part, labelled=True, repeats=3), mnist.BinaryDigits(part, seed=0)
    assert (len(anew), len(fixed)) == (120, 40)
    rows = [1, 41, 81]  # the same image
    images, labels = anew.__getitems__(rows)
    assert labels.argmax(dim=1).tolist() == [1, 1, 1]
    assert not torch.equal(images[0], images[1])
    assert torch.equal(fixed.__getitems__([5])[0], fixed.__getitems__([5])[0])


@pytest.mark.parametrize("labels", [[10], [-1, 3]])
def test_labels_that_are_no_digits(labels):
    with pytest.raises(ValueError, match="expected 0 to 9"):
        mnist.one_hot(labels)


def test_training_lowers_the_loss_and_the_record_belongs_to_the_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    monkeypatch.setattr(networks, "FOLDER", tmp_path / "week")
    digits, build = make_digits(), partial(vae.VAE, 32, 4)
    config = replace(CONFIG, digit_batch_size=10, digit_lr=3e-3)
    model, facts = networks.digit_network("trial", build, vae.elbo_step, digits, config, 40)
    history = facts["history"]
    assert len(history) == 20  # two passes each
    assert history[-1]["loss"] < 0.7 * history[0]["loss"]
    assert facts["origin"] == "computed"
    record = networks.likelihood_record("trial", model, facts, digits, config)
    assert len(record["first"]) == 3
    again = likelihood.negative_log_likelihood(model, mnist.binarise(digits.test.images, config.seed), 20, config.seed)
    assert record["nll"] == pytest.approx(again.mean(), rel=1e-5)
    assert networks.likelihood_record("trial", model, facts | {"key": "other"}, digits, config)["key"] != record["key"]


def test_the_weight_and_the_repeats_are_part_of_the_training():
    digits, model = make_digits(), vae.VAE(8, 2)
    settings = train.TrainConfig(1, 8, 1e-3)
    data = mnist.fingerprint_of(digits)
    sets = mnist.BinaryDigits(digits.train), mnist.BinaryDigits(digits.train, repeats=2)
    keys = {
        networks.describe_training("trial", model, step, part, data, settings).key
        for step in (vae.elbo_step, partial(vae.elbo_step, beta=2.0), partial(vae.iwae_step, samples=2))
        for part in sets
    }
    assert len(keys) == 6


def test_a_classifier_learns_bars():
    torch.manual_seed(0)
    part, model = make_part(), classifier.DigitClassifier(4)
    parts = classifier.GreyDigits(part), classifier.GreyDigits(part)
    train.fit(model, classifier.classifier_step, *parts, train.TrainConfig(30, 10, 1e-2))
    assert (classifier.classify(model, part.grey) == part.labels).mean() > 0.9
    images, labels = classifier.GreyDigits(part, augment=True).__getitems__([0, 1, 2])
    assert images.shape == (3, 784)
    assert labels.tolist() == [0, 1, 2]


def test_diversity_is_that_of_real_images_for_real_images():
    part = make_part(200)
    same = generation.diversity(part.grey.view(-1, 28, 28), part.labels, part)
    assert list(same.values()) == pytest.approx([1] * 10)
    one = generation.diversity(part.grey[:10].repeat(3, 1).view(-1, 28, 28), np.tile(np.arange(10), 3), part)
    assert list(one.values()) == pytest.approx([0] * 10)
    with pytest.raises(ValueError, match="1 images have no pairs"):
        generation.mean_distance(part.grey[:1])


def test_requested_digits_and_nearest_images():
    torch.manual_seed(0)
    requested, images = generation.generate(vae.VAE(8, 2, classes=10), 3, 0)
    assert requested.tolist() == sorted([*range(10)] * 3)
    assert images.shape == (30, 28, 28)
    part = make_part()
    nearest, distances = generation.nearest_images(part.grey[:2].view(-1, 28, 28), part, 2)
    assert torch.equal(nearest[:, 0].flatten(1), part.grey[:2])
    assert torch.allclose(distances[:, 0], torch.zeros(2), atol=2e-2)  # cdist in float32
