"""The networks: shapes, freezing, ImageNet weights from local files, batch norms, and Grad-CAM."""

import os
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import MobileNet_V2_Weights, mobilenet_v2

from coursework.checkpoints import save_weights
from simpsons import ablation, experiments, explain, models, pretrained
from simpsons.config import CONFIGS
from simpsons.data import ImageData
from simpsons.transforms import AUGMENTATION, BLUR, ERASE, FLIP, ImageDataset, normalise

BUILDERS = {"small": models.build_small_cnn, "mobilenet": models.build_mobilenet, "lite0": models.build_lite0}
WIDTHS = {"small": 160, "mobilenet": 1280, "lite0": 1280}


@pytest.mark.parametrize("name", BUILDERS)
def test_every_network_is_features_then_classifier(name):
    model = BUILDERS[name](5).eval()
    images = torch.rand(2, 3, 64, 64)
    maps = model.features(images)
    assert maps.shape[:2] == (2, WIDTHS[name])
    assert model(images).shape == (2, 5)
    assert torch.allclose(model(images), model.classifier(models.pool(maps)), atol=1e-6)


def cat():
    """scikit-image's cat as a batch of one image, (1, 3, 224, 224)."""
    from PIL import Image
    from skimage.data import chelsea

    image = np.asarray(Image.fromarray(chelsea()).resize((224, 224)))
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None]


def test_the_packages_weights_know_a_cat():
    """ImageNet features without a download: as those of `coursework.imagenet`, and its head names the cat."""
    from coursework.imagenet import load_frozen_efficientnet

    reference, own = load_frozen_efficientnet("lite0"), models.build_lite0(7, pretrained=True).eval()
    with torch.inference_mode():
        expected = reference.forward_features(normalise(cat()))
        found = own.features(normalise(cat()))
        assert int(reference(normalise(cat())).argmax()) in (281, 282, 285)  # tabby, tiger cat, Egyptian cat
    assert (found - expected).abs().max() < 1e-3 * expected.abs().max()


def untrained(seed=0):
    """MobileNetV2 with 1,000 classes, and batch norms whose statistics are not trivial."""
    torch.manual_seed(seed)
    model = mobilenet_v2()
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean, std=0.3)
            nn.init.uniform_(layer.running_var, 0.5, 2)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, std=0.3)
    return model.eval()


def folded(seed=0):
    """The same with batch norms folded: mean 0, variance 1, all the rest in the convolutions and the bias."""
    model = untrained(seed)
    layers = list(model.modules())
    for before, layer in pairwise(layers):
        if isinstance(layer, nn.BatchNorm2d):
            slope = (layer.weight / (layer.running_var + layer.eps).sqrt()).detach()
            before.weight.data *= slope.view(-1, 1, 1, 1)
            layer.bias.data -= slope * layer.running_mean
            layer.weight.data.fill_(1)
            layer.running_mean.zero_()
            layer.running_var.fill_(1 - layer.eps)
    return model


def test_restored_batch_norms_compute_the_same():
    model, images = folded(), torch.rand(24, 3, 64, 64) * 2 - 1
    with torch.inference_mode():
        assert torch.allclose(model(images), untrained()(images), rtol=1e-3, atol=1e-3), "the test folds correctly"
        before = model(images)
    pretrained.restore_batch_norms(model.features, images, batch=10)
    with torch.inference_mode():
        after = model(images)
        assert (after - before).abs().max() < 1e-4 * before.abs().max()
        first = model.features[0][0](images)
    norm = model.features[0][1]
    assert torch.allclose(norm.running_mean, first.mean(dim=(0, 2, 3)), atol=1e-4)
    assert torch.allclose(norm.running_var, first.var(dim=(0, 2, 3), unbiased=False), rtol=1e-3)
    model.train()  # statistics of the batch are now close to those that are stored
    with torch.no_grad():
        assert torch.allclose(model.features[0](images), model.eval().features[0](images), atol=1e-3)


@pytest.fixture
def data_folder(tmp_path, monkeypatch):
    """An empty data folder, and an empty cache of torch's."""
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def save_npz(path, model):
    np.savez(path, **{name: value.numpy() for name, value in model.state_dict().items()})
    return path


def test_imagenet_weights_are_read_from_the_data_folder(data_folder):
    assert pretrained.find_imagenet_weights(download=False) is None
    donor = untrained()
    path = save_npz(data_folder / pretrained.NPZ, donor)
    assert pretrained.find_imagenet_weights(download=False) == path
    model = models.build_mobilenet(5)
    pretrained.load_features(model, pretrained.read_imagenet_weights(path))
    images = torch.rand(2, 3, 64, 64)
    assert torch.allclose(model.eval().features(images), donor.features(images), atol=1e-5)


def test_torchvisions_own_weights_are_adapted_to_our_scale(data_folder):
    """Read from torch's cache; the same function of an image, away from the border."""
    folder = data_folder.parent / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    donor, name = untrained(), os.path.basename(MobileNet_V2_Weights.IMAGENET1K_V1.url)
    torch.save(donor.state_dict(), folder / name)
    assert pretrained.find_imagenet_weights(download=False) == folder / name
    state = pretrained.read_imagenet_weights(folder / name)
    image = torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8)
    mean, std = (values.view(1, 3, 1, 1) for values in pretrained.TORCHVISION)
    expected = donor.features[0]((image / 255 - mean) / std)
    donor.load_state_dict(state)
    found = donor.features[0](normalise(image))
    assert torch.allclose(found[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1], atol=2e-4)


@pytest.mark.fault("a pretrained file of another network, or a damaged one (6W)", "an error that names file and tensor")
def test_a_wrong_pretrained_file_is_named(data_folder):
    wrong = untrained()
    wrong.classifier[1] = nn.Linear(1280, 10)
    path = save_npz(data_folder / pretrained.NPZ, wrong)
    expected = r"mobilenet_v2_imagenet.npz: classifier.1.weight has shape \(10, 1280\), MobileNetV2 expects \(1000"
    with pytest.raises(ValueError, match=expected):
        pretrained.read_imagenet_weights(path)
    np.savez(path, weight=np.zeros(3))
    with pytest.raises(ValueError, match=r"features\.0\.0\.weight has shape None"):
        pretrained.read_imagenet_weights(path)
    path.write_bytes(path.read_bytes()[:80])
    with pytest.raises(ValueError, match=r"mobilenet_v2_imagenet\.npz is damaged"):
        pretrained.read_imagenet_weights(path)


def test_without_weights_and_download_there_are_none(data_folder, monkeypatch, capsys):
    def refuse(*_, **__):
        raise OSError("offline")

    monkeypatch.setattr(MobileNet_V2_Weights.IMAGENET1K_V1.__class__, "get_state_dict", refuse)
    assert pretrained.find_imagenet_weights(download=True) is None
    assert "the download failed (OSError)" in capsys.readouterr().out


def some_images(number=4):
    """Random images of 64 × 64 pixels without labels."""
    images = np.random.default_rng(0).integers(0, 256, (number, 64, 64, 3), dtype=np.uint8)
    return ImageData(images, None, [f"{k}.jpg" for k in range(number)])


def test_training_starts_from_imagenet_features(data_folder):
    """Batch norms are restored, but the features of an image do not change."""
    donor, model, images = folded(), models.build_mobilenet(5), some_images()
    save_npz(data_folder / pretrained.NPZ, donor)
    start = experiments.start_from_imagenet(model, images, CONFIGS["tiny"], fallback=False)
    assert start == "ImageNet weights: mobilenet_v2_imagenet.npz"
    inputs = normalise(torch.from_numpy(images.images).permute(0, 3, 1, 2))
    with torch.inference_mode():
        found, expected = model.eval().features(inputs), donor.features(inputs)
    assert (found - expected).abs().max() < 1e-4 * expected.abs().max()
    assert model.features[0][1].running_mean.abs().max() > 0.01


@pytest.mark.fault("no ImageNet weights, offline (6W)", "tiny starts from the released weights; elsewhere, an error")
def test_without_imagenet_weights_training_starts_from_the_released_ones(data_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "FOLDER", tmp_path)
    released, model = models.build_mobilenet(42), models.build_mobilenet(5)
    save_weights(tmp_path / "weights" / "finetuned.safetensors", released, {})
    with pytest.raises(FileNotFoundError, match="no ImageNet weights of MobileNetV2 found or downloaded"):
        experiments.start_from_imagenet(model, some_images(), CONFIGS["tiny"], fallback=False)
    start = experiments.start_from_imagenet(model, some_images(), CONFIGS["tiny"], fallback=True)
    assert start == "no ImageNet weights found: training starts from the released weights"
    first = model.features[0][0].weight
    assert torch.allclose(first, released.features[0][0].weight, atol=1e-3)  # saved in half precision


def test_frozen_features_get_no_gradient():
    model = models.build_small_cnn(3)
    models.freeze(model.features)
    assert models.count_parameters(model) == 160 * 3 + 3
    model(torch.rand(4, 3, 32, 32)).sum().backward()
    assert all(weight.grad is None for weight in model.features.parameters())
    models.unfreeze(model.features)
    model(torch.rand(4, 3, 32, 32)).sum().backward()
    assert all(weight.grad is not None for weight in model.features.parameters())


def test_frozen_batch_norms_stay_as_they_are_in_training():
    model, images = untrained(), torch.rand(4, 3, 64, 64)
    before = model.features(images)
    ablation.freeze_batch_norms(model.features)
    model.train()
    assert torch.allclose(model.features(images), before, atol=1e-4)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in model.features.modules())


def test_grad_cam_is_the_weights_of_the_head_applied_to_the_maps():
    """With a linear head after the mean, the gradient of a logit by a map is the head's weight over the map's size."""
    torch.manual_seed(0)
    model = models.build_small_cnn(4).eval()
    image = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    image[:64] //= 4
    with torch.no_grad():
        maps = model.features(normalise(torch.from_numpy(image.copy()).permute(2, 0, 1)[None]))
        weight = model.classifier[1].weight
        target = int((weight @ maps.mean(dim=(0, 2, 3))).argmax())
        expected = (weight[target].view(1, -1, 1, 1) * maps).sum(1, keepdim=True).clamp_min(0)  # (1, 1, 4, 4)
        expected = torch.nn.functional.interpolate(expected, (128, 128), mode="bilinear")[0, 0]
    assert expected.max() > expected.min() + 1e-4
    heat = explain.grad_cam(model, image, target)
    assert heat == pytest.approx((expected / expected.max()).numpy(), abs=1e-4)
    models.freeze(model.features)
    assert explain.grad_cam(model, image, target) == pytest.approx(heat)


def test_transforms_keep_shape_and_type_and_change_images():
    torch.manual_seed(0)
    image = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8)
    for transform in (FLIP, BLUR, ERASE, AUGMENTATION):
        results = [transform(image) for _ in range(40)]
        assert all(r.shape == image.shape and r.dtype == torch.uint8 for r in results), transform
        assert any(not torch.equal(r, image) for r in results), transform
    dataset = ImageDataset(np.zeros((2, 8, 8, 3), np.uint8), np.array([0, 1]), AUGMENTATION)
    assert dataset[1][0].shape == (3, 8, 8)
    assert int(dataset[1][1]) == 1


def test_inputs_are_scaled_from_minus_one_to_one():
    images = torch.tensor([[0, 128, 255]], dtype=torch.uint8).view(1, 3, 1, 1)
    assert normalise(images).flatten().tolist() == [-1, 0, 127 / 128]
