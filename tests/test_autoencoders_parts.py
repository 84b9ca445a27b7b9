"""Week 8, faces: networks, losses, metrics, edits, denoising, retrieval, by hand and against other libraries."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import nn

from autoencoders import (
    batches,
    denoising,
    edits,
    evaluators,
    face_losses,
    face_models,
    identity,
    image_metrics,
    retrieval,
)
from autoencoders.faces import Faces
from autoencoders.pca import PCA


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def make_images(number, side=16, seed=0):
    """Light discs on dark ground."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:side, 0:side]
    centres = rng.uniform(side / 3, 2 * side / 3, (number, 2))
    masks = np.stack([np.hypot(columns - x, rows - y) < side / 4 for x, y in centres])
    return (40 + 170 * masks[..., None] * np.ones(3)).astype(np.uint8)


@pytest.mark.parametrize("side", [8, 16, 64])
def test_faces_are_encoded_and_decoded(side):
    model = face_models.Autoencoder(side, 4, 6).eval()
    images = torch.rand(2, 3, side, side)
    latents = model.encode(images)
    assert latents.shape == (2, 6)
    assert model(images).shape == images.shape
    assert torch.equal(model(images), model.decode(latents))
    assert torch.allclose(model.encode(images[:1]), latents[:1], atol=1e-5)  # does not depend on the batch


@pytest.mark.parametrize("side", [4, 12, 48])
def test_a_side_that_cannot_be_halved(side):
    with pytest.raises(ValueError, match="expected a power of two from 8 on"):
        face_models.Autoencoder(side, 4, 6)


@pytest.mark.parametrize("side", [64, 128])
def test_a_decoder_with_attributes(side):
    differences = torch.zeros(2, 3, side, side)
    differences[1, 0] = 0.5
    model = face_models.ConditionalAutoencoder(4, differences).eval()
    images = torch.rand(2, 3, side, side)
    smallest, skip = model.encode(images)
    assert (smallest.shape[2:], skip.shape[2:]) == ((4, 4), (16, 16))
    present, absent = (model(images, torch.full((2, 2), value)) for value in (1.0, -1.0))
    assert present.shape == images.shape
    assert not torch.allclose(present, absent)
    without_skip = model.decode(smallest, torch.zeros_like(skip), torch.full((2, 2), 1.0))
    assert not torch.allclose(present, without_skip)


def test_attributes_are_appended_as_constant_maps():
    maps = face_models.append(torch.zeros(2, 3, 4, 5), torch.tensor([[1.0, -1.0], [0.5, 0.0]]))
    assert maps.shape == (2, 5, 4, 5)
    assert maps[:, 3:].flatten(2).unique(dim=-1)[..., 0].tolist() == [[1, -1], [0.5, 0]]


def test_each_edited_image_gets_its_attributes():
    model = face_models.ConditionalAutoencoder(4, torch.rand(2, 3, 64, 64))
    images, own = make_images(70, side=64), np.ones((70, 2))
    targets = own.copy()
    targets[40, 1] = -1
    edited = batches.edit(model, images, own, targets)
    one = batches.edit(model, images[40:41], own[40:41], targets[40:41])
    assert edited.shape == (70, 64, 64, 3)
    assert np.allclose(edited[40], one[0], atol=1e-4)
    changed = np.abs(edited - image_metrics.as_float(images)).max(axis=(1, 2, 3)) > 1e-6
    assert np.flatnonzero(changed).tolist() == [40]


class Stripes(nn.Module):
    """A network of two feature maps: the image, and its absolute horizontal differences."""

    def forward_intermediates(self, images, indices, **_):
        differences = (images[..., 1:] - images[..., :-1]).abs()
        return [images, differences][: len(indices)]


def test_feature_distances_by_hand(monkeypatch):
    monkeypatch.setattr(face_losses, "LAYERS", (2,))
    first = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    second = torch.tensor([0.0, 0.0, 7.0]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    network = Stripes()
    scale = lambda images: (images + 1) / 2  # noqa: E731  undoes the scaling to [-1, 1]
    distances = face_losses.feature_distance(network, scale(first), scale(second))
    assert distances.tolist() == pytest.approx([2])  # two orthogonal vectors of length 1
    assert face_losses.feature_distance(network, scale(first), scale(3 * first)).tolist() == pytest.approx([0])


def test_the_perceptual_loss_notices_blur():
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    blurred = nn.functional.avg_pool2d(images, 5, stride=1, padding=2)
    truth = images.permute(0, 2, 3, 1).numpy()
    distances = [
        image_metrics.perceptual_distance(some.permute(0, 2, 3, 1).numpy(), truth) for some in (images, blurred)
    ]
    assert distances[0].max() < 1e-3
    assert distances[1].min() > 0.1


def make_editor():
    torch.manual_seed(0)
    return face_losses.Editor(
        face_models.ConditionalAutoencoder(4, torch.rand(2, 3, 64, 64)), face_models.Critic(64, 4, 2)
    )


def test_neither_network_learns_from_the_loss_of_the_other():
    model, images = make_editor(), torch.rand(2, 3, 64, 64)
    attributes = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    outputs = model(images, attributes, -attributes)
    sum(one.sum() for one in outputs["of edited"]).backward(retain_graph=True)
    assert all(value.grad is None for value in model.critic.parameters())
    assert any(value.grad.abs().sum() > 0 for value in model.autoencoder.parameters())
    model.zero_grad()
    sum(one.sum() for one in outputs["of detached"]).backward()
    assert all(value.grad is None for value in model.autoencoder.parameters())


def test_the_critic_judges_patches_and_attributes():
    realness, logits = face_models.Critic(64, 4, 2)(torch.rand(2, 3, 64, 64))
    assert (realness.shape, logits.shape) == ((2, 1, 8, 8), (2, 2))


def test_what_the_critic_sees_is_shifted_and_differentiable():
    torch.manual_seed(0)
    images = torch.rand(2, 3, 64, 64, requires_grad=True)
    seen = face_losses.augment(images)
    assert seen.shape == images.shape
    assert not torch.allclose(seen, images)
    seen.sum().backward()
    assert images.grad.abs().sum() > 0


def test_a_hidden_band_loses_its_rows_only():
    torch.manual_seed(0)
    hidden = face_losses.hide_band(torch.ones(400, 3, 64, 5))
    lost = (hidden == 0.5).all(dim=(1, 3))  # (400, 64)
    assert lost.any(dim=1).float().mean().item() == pytest.approx(0.4, abs=0.08)
    assert {tuple(rows.nonzero()[:, 0].tolist()) for rows in lost if rows.any()} <= {
        tuple(range(33, 64)), tuple(range(17, 37))
    }  # fmt: skip


def test_only_patches_in_the_band_are_judged():
    scores, masks = torch.zeros(1, 1, 8, 8), face_losses.band_masks(torch.tensor([[False, True]]), 64)
    scores[0, 0, 6:] = 100  # the chin
    assert face_losses.mean_within(scores, masks).item() == 0
    assert face_losses.mean_within(torch.full((1, 1, 8, 8), 3.0), masks).item() == pytest.approx(3)


def test_the_loss_of_attributes_by_hand():
    logits, attributes = torch.tensor([[0.0, 5.0], [2.0, -3.0]]), torch.tensor([[1.0, 1.0], [-1.0, 1.0]])
    expected = [math.log(2), math.log(1 + math.exp(-5)), math.log(1 + math.exp(2)), math.log(1 + math.exp(3))]
    assert face_losses.attribute_loss(logits, attributes).item() == pytest.approx(sum(expected) / 4, rel=1e-5)


def test_only_the_band_of_the_changed_attribute_changes():
    images, changed = torch.zeros(3, 3, 100, 100), torch.tensor([[True, False], [False, True], [False, False]])
    edited = face_losses.add_difference(images, torch.ones_like(images), changed)[:, 0]  # smiling, glasses, neither
    assert edited.shape == (3, 100, 100)
    assert (edited[0, :47].max(), edited[0, 57:, 20:80].min()) == (0, pytest.approx(1))
    assert (edited[1, :22].max(), edited[1, 32:53, 13:87].min(), edited[1, 63:].max()) == (0, pytest.approx(1), 0)
    assert edited[2].max() == 0
    grey = np.zeros((2, 100, 100, 3), np.uint8)
    by_column = batches.add_in_band(grey, np.ones((2, 100, 100, 3), np.float32), 1)
    assert np.allclose(by_column[1, ..., 0], edited[1].numpy())


def test_one_step_trains_both_networks():
    model, attributes = make_editor(), torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    weights = {"attribute": 0.3, "adversarial": 0.1, "change": 0.5}
    losses = face_losses.edit_step(model, torch.rand(2, 3, 64, 64), attributes, **weights)
    losses["loss"].backward()
    expected = {"loss", "error", "attribute", "realness", "change", "hinge", "critic's attribute"}
    assert set(losses) == expected
    assert all(value.grad is not None and value.grad.isfinite().all() for value in model.parameters())


def test_errors_of_images_by_hand():
    truth, images = np.zeros((2, 8, 8, 3), np.uint8), np.full((2, 8, 8, 3), 51, np.uint8)
    assert image_metrics.mean_squared_error(images, truth) == pytest.approx(0.04)
    assert image_metrics.psnr(images, truth) == pytest.approx(-10 * math.log10(0.04))
    assert image_metrics.psnr(truth, truth).tolist() == [100, 100]
    assert image_metrics.ssim(make_images(2), make_images(2)) == pytest.approx(1)


def test_pca_is_the_best_linear_autoencoder():
    images = make_images(20, side=8)
    both = np.concatenate([images, images[:, :, ::-1]])
    flat = both.reshape(40, -1) / 255.0
    left = np.linalg.svd(flat - flat.mean(axis=0), compute_uv=False)[5:]  # what five components leave
    pca = PCA(images, 5, 0)
    assert pca.encode(images).shape == (20, 5)
    error = np.mean((pca.decode(pca.encode(both)) - both / 255) ** 2)
    assert error == pytest.approx((left**2).sum() / flat.size, rel=0.02)
    more = PCA(images, 8, 0)
    assert np.allclose(more.decode(more.encode(images)[:, :5]), pca.decode(pca.encode(images)), atol=0.02)


def test_directions():
    latents, labels = np.array([[0.0, 1], [2, 1], [4, 5], [9, 9]]), np.array([0, 0, 1, np.nan])
    assert edits.mean_direction(latents, labels, "x").tolist() == [3, 4]
    with pytest.raises(ValueError, match="x: 0 faces with and 2 without"):
        edits.mean_direction(latents, np.array([0, 0, np.nan, np.nan]), "x")


def make_curve(attribute, identity_rates):
    return pd.DataFrame({"attribute": attribute, "identity": identity_rates}, index=range(len(attribute)))


def test_curves_are_interpolated_and_averaged():
    curve = make_curve([0.0, 0.5, 1.0], [1.0, 0.8, 0.0])
    assert edits.reach(curve, "identity", 0.75) == pytest.approx(0.4)
    assert edits.reach(curve, "step", 0.75) == pytest.approx(1.5)
    assert edits.reach(curve, "identity", 0.0) == 1
    assert np.isnan(edits.reach(make_curve([0.1, 0.6], [1, 1]), "identity"))
    assert edits.area(make_curve([0.0, 1.0], [0.6, 0.6])) == pytest.approx(0.6)
    assert np.isnan(edits.area(make_curve([0.0, 0.5], [1.0, 0.5])))
    assert np.isnan(edits.area(make_curve([0.0, 0.05], [1.0, 1.0])))


def test_edits_are_traced():
    measures = {
        "attribute": lambda images: images > 0.5,
        "identity": lambda images: np.array([1, np.nan, 0, 0]) if images[0] else np.array([1, np.nan, 1, 1]),
    }
    curve = edits.trace(lambda step: np.full(4, step), (0, 1), measures)
    assert curve["attribute"].tolist() == [0, 1]
    assert curve["identity"].tolist() == pytest.approx([1, 1 / 3])


def test_identity_is_kept_if_another_image_of_the_person_is_near():
    index = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9], [-1.0, 0.0]])
    people = np.array(["a", "a", "b", "b", "c"])
    kept = identity.identity_kept(index[[0, 2, 4]], np.array([0, 2, 4]), index, people, k=1)
    assert kept[:2].tolist() == [1, 1]
    assert np.isnan(kept[2])  # nobody else is c
    swapped = identity.identity_kept(index[[2, 0]], np.array([0, 2]), index, people, k=1)
    assert swapped.tolist() == [0, 0]


def test_the_unedited_image_does_not_count():
    index, people = np.array([[1.0, 0.0], [0.0, 1.0], [0.8, 0.6]]), np.array(["a", "a", "b"])
    assert identity.identity_kept(index[:1], np.array([0]), index, people, k=1).tolist() == [0]


def make_part(people):
    table = pd.DataFrame({"smiling": np.zeros(len(people)), "glasses": np.zeros(len(people))})
    return Faces(make_images(len(people)), [str(k) for k in range(len(people))], people, table, "trial", "trial")


def test_people_with_three_images_are_learned():
    train, validation, number = identity.identity_parts(make_part(np.array(list("aaabbcccc"))))
    assert (len(train), len(validation), number) == (5, 2, 2)
    assert sorted(train.__getitems__(list(range(5)))[1].tolist()) == [0, 0, 1, 1, 1]
    with pytest.raises(ValueError, match="nobody has three images"):
        identity.identity_parts(make_part(np.array(list("aabb"))))


def test_embeddings_have_length_one():
    embedded = identity.embed(identity.IdentityNet(3, 4), make_images(5))
    assert embedded.shape == (5, 128)
    assert np.linalg.norm(embedded, axis=1) == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("balanced", [True, False])
def test_a_classifier_learns_what_is_known(balanced):
    labels = np.stack([np.arange(60) % 2, np.arange(60) % 3 == 0], axis=1).astype(float)
    features = np.concatenate([labels * 3, np.random.default_rng(0).normal(size=(60, 4))], axis=1).astype(np.float32)
    partly, model = labels.copy(), evaluators.AttributeClassifier(6)
    partly[:20, 1] = np.nan
    evaluators.fit_classifier(model, features * 100 + 7, partly, balanced)
    probs = model(torch.from_numpy(features * 100 + 7)).sigmoid().detach().numpy()
    for column, name in enumerate(("smiling", "glasses")):
        assert roc_auc_score(labels[:, column], probs[:, column]) > 0.95, name
    if not balanced:
        assert probs[20:, 1].mean() == pytest.approx(labels[20:, 1].mean(), abs=0.01)  # as frequent as it is
    with pytest.raises(ValueError, match="glasses: 0 faces with and 60 without"):
        evaluators.fit_classifier(model, features, labels * [1, 0], balanced)


def test_balanced_accuracy_by_hand():
    predicted, labels = np.array([True, True, False, True]), np.array([1, 0, 0, np.nan])
    assert evaluators.balanced_accuracy(predicted, labels) == pytest.approx(0.75)


def test_corruptions(generator):
    images = torch.full((2, 3, 64, 64), 0.5)
    corrupted = {name: call(images, generator) for name, call in denoising.CORRUPTIONS.items()}
    assert corrupted["Gaussian noise"].std().item() == pytest.approx(0.15, rel=0.05)
    assert (corrupted["salt and pepper"] != 0.5).float().mean().item() == pytest.approx(0.15, abs=0.03)
    hidden = denoising.add_occlusion(torch.ones(2, 3, 64, 64), generator) == 0.5
    assert hidden.float().mean().item() == pytest.approx((19 / 64) ** 2, abs=0.01)
    assert not torch.equal(hidden[0], hidden[1])


def test_corruptions_with_a_seed_are_repeated():
    images = make_images(6)
    again = [denoising.corrupt(images, denoising.add_gaussian, 5) for _ in range(2)]
    assert np.array_equal(*again)
    rows = list(range(6))
    fixed, fresh = denoising.CorruptedImages(images, 5), denoising.CorruptedImages(images)
    assert torch.equal(fixed.__getitems__(rows)[0], fixed.__getitems__(rows)[0])
    assert not torch.equal(fresh.__getitems__(rows)[0], fresh.__getitems__(rows)[0])
    assert np.array_equal(batches.to_images(fixed.__getitems__(rows)[1]), image_metrics.as_float(images))


def test_the_denoiser_starts_from_its_input():
    model = denoising.Denoiser(4)
    for value in model.last[-1].parameters():
        nn.init.zeros_(value)
    images = torch.rand(2, 3, 16, 16)
    assert torch.equal(model(images), images)


def test_settings_of_classical_methods_are_selected():
    clean = np.full((2, 16, 16, 3), 0.4, np.float32)
    corrupted = denoising.corrupt(clean, denoising.add_salt_and_pepper, 0)
    settings = denoising.select_settings(corrupted, clean)
    assert set(settings) == set(denoising.CLASSICAL)
    errors = {
        size: image_metrics.mean_squared_error(denoising.filter_median(corrupted, size), clean) for size in (3, 5, 7)
    }
    assert settings["median filter"] == (min(errors, key=errors.get),)
    hidden = denoising.corrupt(clean, denoising.add_occlusion, 0)
    assert np.allclose(denoising.fill_biharmonic(hidden), clean, atol=1e-3)


def test_retrieval_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    features, people = rng.normal(size=(30, 4)), rng.integers(0, 8, 30)
    people[0] = 99  # has no other image and is no query
    found = retrieval.evaluate_retrieval(features, people)
    scores = []
    for row in range(1, 30):
        others = np.arange(30) != row
        same = people[others] == people[row]
        if same.any():
            scores.append(average_precision_score(same, -np.linalg.norm(features[others] - features[row], axis=1)))
    assert found["average precision"].mean() == pytest.approx(np.mean(scores))


def test_precisions_by_hand():
    features = np.array([[0.0], [1.0], [2.1], [3.3], [9.0]])
    found = retrieval.evaluate_retrieval(features, np.array(["a", "b", "a", "b", "c"]))
    assert found.index.tolist() == [0, 1, 2, 3]
    assert found["precision at 1"].tolist() == [0, 0, 0, 0]
    assert found["precision at 5"].tolist() == [0.25] * 4  # one of four others
    assert found["average precision"].tolist() == [0.5, 1 / 3, 1 / 3, 0.5]


def test_whitened_features_are_uncorrelated():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(500, 3)) @ rng.normal(size=(3, 3)) + 5
    whiten = retrieval.Whitening(features, 3)
    plain = (features - whiten.mean) @ whiten.axes.T
    assert np.cov(plain.T) == pytest.approx(np.eye(3), abs=0.01)
    assert np.linalg.norm(whiten(features), axis=1) == pytest.approx(1)
    assert whiten.axes.shape == retrieval.Whitening(features, 9).axes.shape


def test_intervals_resample_people():
    values, two = np.array([1.0] * 50 + [0.0] * 50), np.repeat(["a", "b"], 50)
    assert retrieval.people_interval(values, two, 500, 0) == (0, 1)  # two people say little, whatever the images
    many = np.arange(100).astype(str)
    low, high = retrieval.people_interval(values, many, 2000, 0)
    assert (low, high) == pytest.approx((0.4, 0.6), abs=0.02)
    values[0] = np.nan
    assert np.isfinite(retrieval.people_interval(values, many, 50, 0)).all()
