"""The frozen EfficientNets: the features of the original networks, whatever the size of the images."""

import copy

import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet
from skimage import data
from torch.nn import functional as F

from coursework import imagenet

EGYPTIAN_CAT = 285


@pytest.mark.parametrize("name", imagenet.SIDES)
@pytest.mark.parametrize("side", [96, 97, 128])
def test_features_are_those_of_the_original_network(name, side):
    original = EfficientNet.from_name(f"efficientnet-{name}").eval()
    original.load_state_dict(torch.load(imagenet.weights_file(name), weights_only=True))
    images = 2 * torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0)) - 1
    with torch.inference_mode():
        expected = original.extract_features(images)
        features = imagenet.load_frozen_efficientnet(name).forward_features(images)
    torch.testing.assert_close(features, expected, rtol=1e-3, atol=1e-3)  # folding rounds otherwise


@pytest.mark.parametrize("name", imagenet.SIDES)
def test_a_cat_is_recognised(name):
    photograph = torch.from_numpy(data.chelsea()).permute(2, 0, 1)[None, :, :, 75:375].float() / 127.5 - 1
    images = F.interpolate(photograph, size=(imagenet.SIDES[name],) * 2, mode="bilinear", antialias=True)
    with torch.inference_mode():
        assert imagenet.load_frozen_efficientnet(name)(images).argmax().item() == EGYPTIAN_CAT


def test_feature_maps_by_stride():
    network, images = imagenet.load_frozen_efficientnet("lite0"), torch.zeros(1, 3, 64, 64)
    maps = imagenet.compute_feature_maps(network, images, imagenet.STRIDES)
    assert [tuple(level.shape[1:]) for level in maps] == [
        (16, 32, 32), (24, 16, 16), (40, 8, 8), (112, 4, 4), (320, 2, 2),
    ]  # fmt: skip
    (one,) = imagenet.compute_feature_maps(network, images, (8,))
    assert torch.equal(one, maps[2])
    with pytest.raises(ValueError, match="not in tuple"):
        imagenet.compute_feature_maps(network, images, (5,))


def test_networks_are_frozen_and_loading_one_draws_no_random_numbers():
    imagenet.load_frozen_efficientnet.cache_clear()
    before = torch.get_rng_state()
    network = imagenet.load_frozen_efficientnet("lite2")
    assert torch.equal(before, torch.get_rng_state())
    assert network is imagenet.load_frozen_efficientnet("lite2")
    assert not any(weight.requires_grad for weight in network.parameters())
    assert not list(network.buffers()), "no batch norm is left"
    images = torch.rand(1, 3, 64, 64)
    assert torch.equal(network(images), copy.deepcopy(network).train()(images))


def test_an_unknown_network_is_named():
    with pytest.raises(ValueError, match="unknown network 'lite9'; there are: lite0, lite2"):
        imagenet.load_frozen_efficientnet("lite9")
