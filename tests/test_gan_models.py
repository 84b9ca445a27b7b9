"""The networks of week 10: shapes, levers, and that what is frozen is what it was."""

import numpy as np
import pytest
import torch

from gan import models, projected
from gan.recipe import Recipe, build_discriminator, build_generator, build_optimizer

PAIRS = [("dcgan", "dcgan"), ("residual", "residual"), ("light", "projected")]


def describe(recipe):
    return str(build_generator(recipe)) + str(build_discriminator(recipe))


def small(side=32, **changes):
    return Recipe(side=side, latent=6, width_g=4, width_d=4, **changes)


@pytest.mark.parametrize("side", [32, 64])
@pytest.mark.parametrize(("generator", "discriminator"), PAIRS)
def test_images_have_the_side_that_was_asked_for(side, generator, discriminator):
    recipe = small(side, generator=generator, discriminator=discriminator, seen=64)
    images = build_generator(recipe)(torch.randn(3, 6))
    assert images.shape == (3, 3, side, side)
    assert images.abs().max() <= 1
    logits = build_discriminator(recipe)(images)
    assert len(logits) == 3
    assert logits.ndim == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"depth_g": 2, "depth_d": 1}, {"linear_g": 2, "linear_d": 2}, {"norm_g": "none", "norm_d": "none"},
        {"norm_d": "spectral"}, {"norm_g": "instance", "norm_d": "instance"}, {"output": "none"},
        {"activation_g": "elu", "activation_d": "relu"},
    ],
)  # fmt: skip
def test_every_lever_of_dcgan_moves(changes):
    moved = small(**changes)
    assert describe(moved) != describe(small())
    assert build_discriminator(moved)(build_generator(moved)(torch.randn(4, 6))).shape == (4, 1)


def test_dcgan_has_its_papers_numbers():
    """Figure 1 of the paper: 1024 channels at 4 pixels, 128 at 32, for 64 pixels; counted by hand."""
    generator = models.DCGenerator(64, 100, width=128)
    sizes = [(100, 1024), (1024, 512), (512, 256), (256, 128)]
    weights = sum(16 * a * b + b for a, b in sizes) + sum(2 * b for _, b in sizes) + 16 * 128 * 3 + 3
    assert models.count_parameters(generator) == weights


def test_what_does_not_exist_is_named():
    for changes, words in [
        ({"generator": "x"}, "unknown generator 'x'; there are: dcgan, residual, light"),
        ({"activation_g": "x"}, "unknown activation 'x'"),
        ({"norm_g": "x"}, "unknown normalisation 'x'"),
        ({"output": "x"}, "unknown output 'x'"),
    ]:
        with pytest.raises(ValueError, match=words):
            build_generator(small(**changes))
    with pytest.raises(ValueError, match="unknown discriminator"):
        build_discriminator(small(discriminator="x"))
    with pytest.raises(ValueError, match="unknown optimiser"):
        build_optimizer(small(optimizer="x"), torch.nn.Linear(1, 1), 0.1)


@pytest.mark.parametrize("side", [0, -8, 4, 24, 100])
def test_a_side_that_is_no_power_of_two(side):
    for build, kind in ((build_generator, "dcgan"), (build_generator, "light"), (build_generator, "residual")):
        with pytest.raises(ValueError, match="expected a power of two from 8"):
            build(small(side, generator=kind))
    with pytest.raises(ValueError, match="expected a power of two from 8"):
        build_discriminator(small(side))


@pytest.mark.parametrize(("generator", "discriminator"), PAIRS)
def test_latents_and_images_of_another_size(generator, discriminator):
    recipe = small(generator=generator, discriminator=discriminator, seen=64)
    with pytest.raises(ValueError, match=r"latents of shape \(2, 5\); this generator expects \(N, 6\)"):
        build_generator(recipe)(torch.randn(2, 5))
    with pytest.raises(ValueError, match=r"images of shape \(2, 3, 16, 16\); this discriminator expects"):
        build_discriminator(recipe)(torch.zeros(2, 3, 16, 16))
    with pytest.raises(ValueError, match="expected a multiple of 32"):
        projected.ProjectedDiscriminator(32, 4, seen=48)


def test_frozen_features_are_maps_of_four_sizes():
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    assert [tuple(found.shape[1:]) for found in projected.FrozenFeatures()(images)] == [
        (24, 16, 16), (40, 8, 8), (112, 4, 4), (320, 2, 2),
    ]  # fmt: skip


def test_only_the_heads_of_a_projected_discriminator_learn():
    discriminator = projected.ProjectedDiscriminator(64, 4)
    learnt = [name for name, weight in discriminator.named_parameters() if weight.requires_grad]
    assert learnt
    assert all(name.startswith("heads.") for name in learnt)
    images = torch.rand(2, 3, 64, 64).requires_grad_()
    discriminator.train()(images)[:, 0].sum().backward()
    assert images.grad.abs().sum() > 0  # what is frozen still passes the gradient on, to the generator


def test_mixing_keeps_all_levels_equally_loud_and_the_fine_one_fine():
    torch.manual_seed(0)
    mixing = projected.Mixing()
    sizes = zip(projected.SEEN, projected.LOUD, (32, 16, 8, 4), strict=True)
    maps = [loud * torch.randn(8, channels, side, side) for channels, loud, side in sizes]
    mixed = mixing(maps)
    loudness = [some.square().mean().sqrt().item() for some in mixed]
    assert max(loudness) < 2 * min(loudness)
    silent = mixing([maps[0], *(0 * some for some in maps[1:])])[0]
    assert silent.square().mean() > 0.4 * mixed[0].square().mean()


def test_levers_that_do_nothing_are_refused():
    for build, changes, words in [
        (build_generator, {"generator": "light", "depth_g": 1}, "depth_g do nothing for a light network"),
        (build_generator, {"generator": "residual", "norm_g": "none"}, "norm_g do nothing for a residual"),
        (build_discriminator, {"discriminator": "projected", "norm_d": "none"}, "norm_d do nothing for a projected"),
    ]:
        with pytest.raises(ValueError, match=words):
            build(small(**changes))


def test_depth_adds_blocks_that_keep_the_size():
    shallow, deep = (small(generator="residual", discriminator="residual", depth_g=k, depth_d=k) for k in (0, 2))
    assert len(build_generator(deep).blocks) == 3 * len(build_generator(shallow).blocks)
    assert build_discriminator(deep)(build_generator(deep)(torch.randn(2, 6))).shape == (2, 1)


def test_every_head_looks_at_all_of_the_picture_with_equally_many_logits():
    discriminator = projected.ProjectedDiscriminator(64, 4)
    maps = discriminator.mixing(discriminator.features(torch.rand(1, 3, 64, 64)))
    assert [head(some).shape[1:] for head, some in zip(discriminator.heads, maps, strict=True)] == [(1, 2, 2)] * 4


def test_a_gate_is_glu():
    maps = torch.randn(2, 6, 3, 3)
    torch.testing.assert_close(projected.Gate()(maps), torch.nn.functional.glu(maps, dim=1))


def test_an_excitation_opens_and_closes_channels():
    generator = projected.LightGenerator(64, 6, width=8)
    assert len(generator.excitations) == 1
    latents = torch.randn(2, 6)
    opened = generator.eval()(latents)
    torch.nn.init.constant_(generator.excitations[0].layers[-2].bias, -100)  # all shut
    closed = generator(latents)
    assert not torch.allclose(opened, closed)
    assert np.ptp(closed.detach().numpy(), axis=(2, 3)).max() < 1e-6  # nothing but the bias is left
