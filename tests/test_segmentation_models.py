"""The networks: shapes, parts against the papers' figures, numbers of parameters, the pretrained encoder."""

import pytest
import torch
from torch import nn

from coursework.imagenet import load_frozen_efficientnet
from segmentation import diagrams, models
from segmentation.models import MODELS
from segmentation.pretrained import CHANNELS, PretrainedUNet


@pytest.mark.parametrize("name", sorted(MODELS))
def test_shapes(name):
    model = MODELS[name](4).eval()
    assert model(torch.rand(2, 3, 64, 96)).shape == (2, 1, 64, 96)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_weight_learns(name):
    model = MODELS[name](4)
    model(torch.rand(2, 3, 64, 64)).square().mean().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in model.parameters())


def test_an_ensemble_averages_probabilities():
    first, second = (nn.Conv2d(3, 1, 1) for _ in range(2))
    for layer, bias in ((first, 3.0), (second, -2.0)):
        nn.init.zeros_(layer.weight)
        nn.init.constant_(layer.bias, bias)
    probs = models.Ensemble([first, second])(torch.rand(2, 3, 4, 4)).sigmoid()
    mean = (torch.tensor(3.0).sigmoid() + torch.tensor(-2.0).sigmoid()) / 2  # 0.54; of the logits' mean: 0.62
    assert probs.shape == (2, 1, 4, 4)
    assert torch.allclose(probs, mean.expand_as(probs))


def count(model, kind):
    return sum(isinstance(layer, kind) for layer in model.modules())


def encoder_of(segnet):
    return [getattr(segnet, f"encoder{level}") for level in range(1, 6)]


def test_parts_are_the_papers():
    """SegNet: 13 convolutions down, 13 up, no skips but indices. U-Net: 23 convolutions in its figure, 4 poolings."""
    segnet, unet, unet2 = (MODELS[name](2) for name in ("segnet", "unet", "unet2"))
    assert count(segnet, nn.Conv2d) == 26
    assert sum(count(part, nn.Conv2d) for part in encoder_of(segnet)) == 13
    assert count(unet, nn.Conv2d) == 23
    assert (count(unet, nn.MaxPool2d), count(unet, nn.Upsample)) == (4, 4)
    assert (count(unet2, nn.MaxPool2d), count(unet2, nn.ConvTranspose2d)) == (0, 4)
    assert count(unet2, nn.Conv2d) == 23  # four for poolings more, four for enlargements fewer


def test_the_papers_widths_have_the_papers_sizes():
    """U-Net has 31.03 million parameters (its authors' model); VGG16's convolutions have 14.7 million."""
    with torch.device("meta"):
        unet, segnet = models.UNet(64), models.SegNet(64)
    assert models.count_parameters(unet) == pytest.approx(31.03e6, rel=0.0005)
    assert sum(models.count_parameters(part) for part in encoder_of(segnet)) == pytest.approx(14.7e6, rel=0.01)


def test_unpooling_puts_values_back():
    """Only where the largest of four stood can something come back: with an identity in between, and nothing else."""
    pool, unpool = models.SegNet(2).pool, models.SegNet(2).unpool
    values = torch.tensor([[1.0, 5.0], [3.0, 2.0]])[None, None]
    small, places = pool(values)
    assert unpool(small, places).tolist() == [[[[0, 5], [0, 0]]]]


def test_the_pretrained_encoder_computes_what_the_whole_network_does():
    """Its last feature map, through the layers that it lacks, gives the features of EfficientNet-Lite0."""
    encoder = PretrainedUNet().encoder.eval()
    images = torch.rand(1, 3, 224, 224) * 2 - 1
    with torch.inference_mode():
        maps = encoder(images)
        expected = load_frozen_efficientnet("lite0").forward_intermediates(images, intermediates_only=True)
    assert [part.shape[1] for part in maps] == list(CHANNELS)
    for own, other in zip(maps, expected, strict=True):
        assert torch.allclose(own, other, atol=1e-3 * other.abs().max())


def test_the_pretrained_network_learns_everywhere():
    model = PretrainedUNet(pretrained=False)
    assert model(torch.rand(2, 3, 64, 96)).shape == (2, 1, 64, 96)
    model(torch.rand(2, 3, 64, 64)).square().mean().backward()
    assert all(weight.grad is not None for weight in model.parameters())


@pytest.mark.parametrize("name", sorted(MODELS))
def test_diagrams_show_the_shapes_of_the_networks(name):
    """Each shape in the diagram is that of a block's result."""
    shapes, model = [], MODELS[name](4).eval()
    for part, layer in model.named_children():
        if part.startswith(("encoder", "decoder", "bottleneck")):
            layer.register_forward_hook(lambda _, __, result: shapes.append(tuple(result.shape[1:])))
    if name == "segnet":
        shapes.append((32, 2, 2))  # the pooled feature maps between encoder and decoder
    model(torch.zeros(1, 3, 64, 64))
    texts = [text.get_text() for text in diagrams.plot_architecture(name, 4, 64).axes[0].texts]
    assert sorted(text for text in texts if "×" in text and text[0].isdigit() and "up-" not in text) == sorted(
        " × ".join(map(str, shape)) for shape in shapes
    )


def test_memory_grows_with_the_image_and_not_with_the_weights():
    small, large = (models.activation_megabytes(models.UNet(4), side) for side in (32, 64))
    assert large == pytest.approx(4 * small, rel=0.1)
    assert small < 32 * 32 * 4 * 4 * 100 / 1e6
