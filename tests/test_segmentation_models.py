"""The networks: shapes, parts against the papers' figures, VGG16's weights, and images of a wrong size."""

import pytest
import torch
from torch import nn
from torchvision.models import vgg16_bn

from segmentation import models
from segmentation.models import MODELS, build_model


@pytest.mark.parametrize("name", sorted(MODELS))
def test_shapes(name):
    model = build_model(name, 4).eval()
    assert model(torch.rand(2, 3, 64, 96)).shape == (2, 1, 64, 96)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_weight_learns(name):
    model = build_model(name, 4)
    model(torch.rand(2, 3, 64, 64)).square().mean().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in model.parameters())


@pytest.mark.parametrize(("name", "size", "step"), [("segnet", 80, 32), ("unet", 72, 16), ("unet2", 72, 16)])
def test_sizes_that_cannot_be_halved_are_named(name, size, step):
    with pytest.raises(ValueError, match=f"images are {size} x 64; both sides must be multiples of {step}"):
        build_model(name, 4)(torch.rand(1, 3, size, 64))


def test_an_unknown_model_lists_the_known():
    with pytest.raises(ValueError, match="unknown model 'fcn'; there are: segnet, unet, unet2"):
        build_model("fcn", 4)


def count(model, kind):
    return sum(isinstance(layer, kind) for layer in model.modules())


def test_parts_are_the_papers():
    """SegNet: 13 convolutions down, 13 up, no skips but indices. U-Net: 23 convolutions in its figure, 4 poolings."""
    segnet, unet, unet2 = (build_model(name, 2) for name in ("segnet", "unet", "unet2"))
    assert count(segnet, nn.Conv2d) == 26
    assert sum(count(part, nn.Conv2d) for part in segnet.encoder()) == 13
    assert count(unet, nn.Conv2d) == 23
    assert (count(unet, nn.MaxPool2d), count(unet, nn.Upsample)) == (4, 4)
    assert (count(unet2, nn.MaxPool2d), count(unet2, nn.ConvTranspose2d)) == (0, 4)
    assert count(unet2, nn.Conv2d) == 23  # four for poolings more, four for enlargements fewer


def test_the_papers_widths_have_the_papers_sizes():
    """U-Net has 31.03 million parameters (its authors' model), but for ours enlarging by 3 × 3 instead of 2 × 2.

    VGG16's convolutions, half of SegNet, have 14.7 million.
    """
    with torch.device("meta"):
        unet, segnet = models.UNet(64), models.SegNet(64)
    larger = sum(channels * channels // 2 * (9 - 4) for channels in (1024, 512, 256, 128))
    assert models.count_parameters(unet) - larger == pytest.approx(31.03e6, rel=0.005)
    assert sum(models.count_parameters(part) for part in segnet.encoder()) == pytest.approx(14.7e6, rel=0.01)


def test_unpooling_puts_values_back():
    """Only where the largest of four stood can something come back: with an identity in between, and nothing else."""
    pool, unpool = models.SegNet(2).pool, models.SegNet(2).unpool
    values = torch.tensor([[1.0, 5.0], [3.0, 2.0]])[None, None]
    small, places = pool(values)
    assert unpool(small, places).tolist() == [[[[0, 5], [0, 0]]]]


def test_segnet_begins_from_vgg16():
    torch.manual_seed(0)
    donor = vgg16_bn().eval()
    for layer in donor.features:
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.uniform_(-1, 1)
            layer.running_var.uniform_(0.5, 2)
        if isinstance(layer, nn.Conv2d):
            nn.init.uniform_(layer.bias, -1, 1)
    segnet = models.SegNet(64).eval()
    segnet.load_vgg(donor.state_dict())
    images = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        x = images
        for part in segnet.encoder():
            x, _ = segnet.pool(part(x))
        assert torch.allclose(x, donor.features(images), atol=1e-4)
    with pytest.raises(ValueError, match="VGG16 starts with 64 channels, this SegNet with 8; use width 64"):
        models.SegNet(8).load_vgg(donor.state_dict())


def test_memory_grows_with_the_picture_and_not_with_the_weights():
    small, large = (models.held_megabytes(models.build_model("unet", 4), side) for side in (32, 64))
    assert large == pytest.approx(4 * small, rel=0.1)
    assert small < 32 * 32 * 4 * 4 * 100 / 1e6
