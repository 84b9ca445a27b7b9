"""Models, losses, noise, latent arithmetic and measures: by hand, as identities, and with what they must refuse."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.metrics import average_precision_score
from torch import distributions

from autoencoders import data, edits, evaluate, latent, losses, models, noise, readers, sets
from coursework import people
from coursework.drawing import Expression, draw_person, place


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def faces(number=6, side=16, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (number, side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize("side", [16, 32, 64])
def test_faces_go_through_a_code_and_back(side):
    for kind in ("ae", "vae"):
        model = models.build_face_model(kind, side, 4, 7).eval()
        images = torch.rand(3, 3, side, side)
        code = model.encode(images) if kind == "ae" else model.encode(images)[0]
        assert code.shape == (3, 7)
        assert model.decode(code).shape == images.shape


def test_digits_go_through_a_code_and_back():
    digits, labels = torch.rand(3, 1, 28, 28).round(), torch.tensor([0, 5, 9])
    logits, mean, log_variance = models.build_digit_model("vae", 16, 4)(digits)
    assert (logits.shape, mean.shape, log_variance.shape) == (digits.shape, (3, 4), (3, 4))
    cvae = models.build_digit_model("cvae", 16, 4)
    assert cvae(digits, labels)[0].shape == digits.shape
    assert cvae.decode(torch.zeros(3, 4), labels).shape == digits.shape


def test_the_denoiser_starts_from_the_picture():
    images = torch.rand(2, 3, 16, 16)
    model = models.Denoiser(4).eval()
    for weight in model.leave.parameters():
        torch.nn.init.zeros_(weight)
    assert torch.equal(model(images), images)


@pytest.mark.parametrize("side", [4, 20, 48])
def test_a_side_that_cannot_be_halved(side):
    with pytest.raises(ValueError, match=f"side is {side}; expected a power of two"):
        models.FaceEncoder(side, 4)


@pytest.mark.parametrize(("build", "kind"), [(models.build_face_model, "gan"), (models.build_digit_model, "ae")])
def test_an_unknown_kind(build, kind):
    with pytest.raises(ValueError, match="unknown kind"):
        build(kind, 16, 4, *((7,) if build is models.build_face_model else ()))


def test_codes_of_another_size():
    with pytest.raises(ValueError, match=r"codes have shape \(2, 5\); this model expects \(N, 7\)"):
        models.build_face_model("ae", 16, 4, 7).decode(torch.zeros(2, 5))


@pytest.mark.parametrize("labels", [[-1, 3], [3, 10]])
def test_no_digit(labels):
    with pytest.raises(ValueError, match="expected 0 to 9"):
        models.one_hot(torch.tensor(labels))


def test_kl_is_torchs(generator):
    mean, log_variance = torch.randn(5, 3, generator=generator), torch.randn(5, 3, generator=generator)
    ours = distributions.Normal(mean, torch.exp(0.5 * log_variance))
    theirs = distributions.kl_divergence(ours, distributions.Normal(0.0, 1.0)).sum(dim=1)
    assert torch.allclose(losses.kl_nats(mean, log_variance), theirs, atol=1e-5)
    assert losses.kl_parts(mean, log_variance).shape == (5, 3)


def test_likelihoods_are_torchs(generator):
    logits, digits = (
        torch.randn(4, 1, 28, 28, generator=generator),
        torch.rand(4, 1, 28, 28, generator=generator).round(),
    )
    theirs = -distributions.Bernoulli(logits=logits).log_prob(digits).flatten(1).sum(dim=1)
    assert torch.allclose(losses.bernoulli_nats(logits, digits), theirs, rtol=1e-5)
    output, images = torch.rand(2, 2, 3, 8, 8, generator=generator)
    theirs = -distributions.Normal(output, 0.1).log_prob(images).flatten(1).sum(dim=1)
    assert torch.allclose(losses.gaussian_nats(output, images, 0.1), theirs, rtol=1e-4)


def test_a_picture_is_compared_with_itself():
    images = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    assert losses.autoencoder_loss(torch.nn.Identity(), images)["loss"] == 0
    assert losses.autoencoder_loss(lambda some: some + 0.5, images)["loss"] == pytest.approx(0.25)


def test_parts_add_up_to_the_loss():
    torch.manual_seed(0)
    model, digits = models.build_digit_model("vae", 16, 4), torch.rand(8, 1, 28, 28).round()
    parts = losses.digit_elbo(model, digits, beta=3.0)
    assert parts["loss"].item() == pytest.approx((parts["reconstruction"] + 3 * parts["kl"]).item(), rel=1e-5)


def test_drawing_a_code_lets_the_gradient_through():
    mean = torch.zeros(1000, 2, requires_grad=True)
    codes = models.VAE.draw(mean, torch.full((1000, 2), math.log(4.0)))
    codes.sum().backward()
    assert torch.equal(mean.grad, torch.ones_like(mean))
    assert codes.std().item() == pytest.approx(2, rel=0.1)


class Straight(torch.nn.Module):
    """A VAE in which everything is known: p(x | z) does not depend on z, q is N(mean, 1)."""

    def __init__(self, mean):
        super().__init__()
        self.mean = mean

    def encode(self, digits):
        mean = torch.full((len(digits), 2), self.mean)
        return mean, torch.zeros_like(mean)

    def decode(self, codes):
        return torch.zeros(len(codes), 1, 28, 28)

    def forward(self, digits):
        mean, log_variance = self.encode(digits)
        return self.decode(mean), mean, log_variance


def test_bounds_where_the_truth_is_known():
    digits = torch.rand(50, 1, 28, 28).round()
    truth = 784 * math.log(2)  # -log p(x), since every pixel is a coin
    exact = evaluate.negative_elbo(Straight(0.0), digits, 0)
    assert exact["negative ELBO"] == pytest.approx(truth, rel=1e-6)
    assert evaluate.importance_bound(Straight(0.0), digits, 3, 0) == pytest.approx(truth, rel=1e-5)
    off = evaluate.negative_elbo(Straight(1.0), digits, 0)
    assert off["negative ELBO"] == pytest.approx(truth + 1, rel=1e-5)  # KL of two numbers that are one off
    many = evaluate.importance_bound(Straight(1.0), digits, 500, 0)
    assert truth - 0.1 < many < truth + 0.3


class Bent(torch.nn.Module):
    """A VAE with one number, whose decoder makes something of it, and whose encoder is off on purpose."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.weights = torch.randn(1, 784) / 4

    def encode(self, digits):
        mean = torch.full((len(digits), 1), 0.3)
        return mean, torch.full_like(mean, -0.4)

    def decode(self, codes):
        return (torch.sin(2 * codes) @ self.weights).view(-1, 1, 28, 28)

    def forward(self, digits):
        mean, log_variance = self.encode(digits)
        return self.decode(models.VAE.draw(mean, log_variance)), mean, log_variance


def test_bounds_come_down_to_the_truth_by_quadrature():
    torch.manual_seed(0)
    digits = torch.rand(6, 1, 28, 28).round()
    grid = torch.linspace(-8, 8, 4001)[:, None]
    log_prior = distributions.Normal(0.0, 1.0).log_prob(grid).squeeze()
    logits = Bent().decode(grid)
    each = [(log_prior - losses.bernoulli_nats(logits, digit.expand_as(logits))).logsumexp(dim=0) for digit in digits]
    truth = -(torch.stack(each) + math.log(16 / 4000)).mean().item()
    repeated = digits.repeat(200, 1, 1, 1)
    elbo = evaluate.negative_elbo(Bent(), repeated, 0)["negative ELBO"]
    some, many = (evaluate.importance_bound(Bent(), repeated, k, 0) for k in (5, 500))
    assert truth < many < some < elbo
    assert many == pytest.approx(truth, abs=0.02)


def test_noises(generator):
    image = torch.full((3, 64, 64), 0.5)
    spoilt = {name: add(image, generator) for name, add in noise.NOISES.items()}
    assert spoilt["gaussian"].std().item() == pytest.approx(0.15, rel=0.05)
    flipped = (spoilt["salt and pepper"] != 0.5).float().mean().item()
    assert flipped == pytest.approx(0.15, abs=0.03)
    dark = noise.add_occlusion(torch.ones(3, 64, 64), generator)
    assert (dark == 0.5).float().mean().item() == pytest.approx((19 / 64) ** 2, abs=0.01)


def test_noise_of_a_picture_is_its_own_and_stays():
    images = faces(3)
    again = noise.spoil(images, noise.add_gaussian, 5), noise.spoil(images, noise.add_gaussian, 5)
    assert np.array_equal(*again)
    fixed, fresh = sets.NoisySet(images, noise.add_gaussian, 5), sets.NoisySet(images, noise.add_gaussian)
    assert torch.equal(fixed[1][0], fixed[1][0])
    assert not torch.equal(fresh[1][0], fresh[1][0])


def test_classical_remedies_are_tuned():
    clean = np.full((2, 16, 16, 3), 0.5, np.float32)
    spoilt = noise.spoil((255 * clean).astype(np.uint8), noise.add_salt_and_pepper, 0)
    settings = noise.tune(spoilt, clean)
    assert set(settings) == {"median filter", "non-local means"}
    for name, (remedy, tried) in noise.CLASSICAL.items():
        errors = {setting: evaluate.squared_error(remedy(spoilt, *setting), clean) for setting in tried}
        assert settings[name] == min(errors, key=errors.get)
    filtered = noise.filter_all(spoilt, settings)["median filter"]
    assert evaluate.squared_error(filtered, clean) < 0.1 * evaluate.squared_error(spoilt, clean)


def test_directions():
    rng = np.random.default_rng(0)
    labels = np.array([1.0, 0.0] * 200 + [np.nan] * 10)
    codes = rng.normal(size=(410, 5)).astype(np.float32)
    codes[:, 2] += np.where(labels == 1, 3, 0)
    mean, probe = latent.mean_direction(codes, labels), latent.probe_direction(codes, labels)
    assert mean[2] == pytest.approx(3, abs=0.4)
    assert abs(probe[2]) > 5 * np.abs(np.delete(probe, 2)).max()
    assert np.linalg.norm(probe) == pytest.approx(np.linalg.norm(mean), rel=1e-5)
    assert probe[2] > 0
    for find in (latent.mean_direction, latent.probe_direction):
        with pytest.raises(ValueError, match="beards: 0 faces with and 5 without"):
            find(codes[:5], np.zeros(5), "beards")


def test_strips_and_neighbours():
    assert latent.interpolate(np.zeros(2), np.ones(2), 3).tolist() == [[0, 0], [0.5, 0.5], [1, 1]]
    index = np.array([[0.0], [1.0], [3.0]])
    assert latent.nearest(index, np.array([[0.9]]), 2).tolist() == [[1, 0]]
    assert latent.nearest(index, index, 1, skip_self=True).tolist() == [[1], [0], [1]]
    with pytest.raises(ValueError, match="k is 3, but there are 2"):
        latent.nearest(index, index, 3, skip_self=True)


def test_errors_of_pictures_by_hand():
    truth = np.zeros((2, 8, 8, 3), np.uint8)
    found = np.full((2, 8, 8, 3), 51, np.uint8)
    assert evaluate.squared_error(found, truth) == pytest.approx(0.04)
    assert evaluate.psnr(found, truth) == pytest.approx(-10 * math.log10(0.04))
    assert evaluate.ssim(faces(2), faces(2)) == pytest.approx(1)


def test_pca_is_the_best_line():
    images = faces(20, side=8)
    both = np.concatenate([images, images[:, :, ::-1]]).reshape(40, -1) / 255.0
    centred = both - both.mean(axis=0)
    left = np.linalg.svd(centred, compute_uv=False)[5:]  # what five components leave over
    codes = evaluate.PCACodes(images, 5, 0)
    assert codes.encode(images).shape == (20, 5)
    mirrored = np.ascontiguousarray(images[:, :, ::-1])
    found = [((codes.encode(part) @ codes.axes.numpy().T + codes.mean.numpy() - part.reshape(20, -1) / 255) ** 2).mean()
             for part in (images, mirrored)]  # fmt: skip
    assert np.mean(found) == pytest.approx((left**2).sum() / both.size, rel=0.02)
    assert codes.reconstruct(images).shape == images.shape


def test_retrieval_is_scikit_learns():
    rng = np.random.default_rng(0)
    codes, whose = rng.normal(size=(30, 4)), rng.integers(0, 8, 30)
    whose[0] = 99  # has no other picture and is not asked for
    found = evaluate.retrieval(codes, whose)
    scores = []
    for row in range(1, 30):
        others = np.arange(30) != row
        same = whose[others] == whose[row]
        if same.any():
            scores.append(average_precision_score(same, -np.linalg.norm(codes[others] - codes[row], axis=1)))
    assert found["mAP"].mean() == pytest.approx(np.mean(scores))


def test_precisions_by_hand():
    codes = np.array([[0.0], [1.0], [2.1], [3.3], [9.0]])
    found = evaluate.retrieval(codes, np.array(["a", "b", "a", "b", "c"]))
    assert found.index.tolist() == [0, 1, 2, 3]
    assert found["precision at 1"].tolist() == [0, 0, 0, 0]
    assert found["precision at 5"].tolist() == [0.25] * 4  # of four others one is right
    assert found["mAP"].tolist() == [0.5, 1 / 3, 1 / 3, 0.5]


def test_intervals_draw_people():
    values, two = np.array([1.0] * 50 + [0.0] * 50), np.repeat(["a", "b"], 50)
    assert evaluate.people_interval(values, two, 500, 0) == (0, 1)  # two people say little, whatever the pictures
    many = np.arange(100).astype(str)
    low, high = evaluate.people_interval(values, many, 2000, 0)
    assert (low, high) == pytest.approx((0.4, 0.6), abs=0.02)
    values[0] = np.nan
    assert np.isfinite(evaluate.people_interval(values, many, 50, 0)).all()


def test_variety():
    same, two = np.zeros((4, 2, 2), np.float32), np.zeros((2, 2, 2), np.float32)
    two[1] = 1
    assert evaluate.pairwise_distance(same, 10, 0) == 0
    assert evaluate.pairwise_distance(two, 10, 0) == pytest.approx(2)
    with pytest.raises(ValueError, match="no variety"):
        evaluate.pairwise_distance(same[:1], 10, 0)


def test_one_and_the_same_grey_digit_has_no_variety():
    """In grey values; drawn as black and white it would seem as varied as real ones."""
    rng = np.random.default_rng(0)
    real = rng.random((200, 28, 28)).round().astype(np.float32)
    same = np.tile(real.mean(axis=0), (200, 1, 1))
    drawn = (rng.random(same.shape) < same).astype(np.float32)
    of_real = evaluate.pairwise_distance(real, 500, 0)
    assert evaluate.pairwise_distance(same, 500, 0) / of_real < 0.1
    assert evaluate.pairwise_distance(drawn, 500, 0) / of_real > 0.9


def test_change_by_band():
    before, after = np.zeros((1, 50, 50, 3), np.float32), np.zeros((1, 50, 50, 3), np.float32)
    after[:, 20:30] = 0.5
    bands = {"above": (0.0, 0.4), "half in": (0.4, 0.8)}
    assert evaluate.change_by_band(before, after, bands) == {"above": 0, "half in": pytest.approx(0.25)}


def test_bands_hold_what_is_drawn_there():
    """A drawn face changes where its attribute is: a smile in the mouth's band, glasses in that of the eyes."""
    rng = np.random.default_rng(0)
    person, side = people.draw_identity(rng)[0], 180
    plain = Expression("DEFAULT", "DEFAULT_NATURAL", "SERIOUS")
    others = {"mouth": (person, replace(plain, mouth="BIG_SMILE")), "eyes": (replace(person, glasses="ROUND"), plain)}
    bands = evaluate.BANDS["drawn_faces"]
    before = drawn_face(person, plain, side)
    for band, (who, expression) in others.items():
        change = evaluate.change_by_band(before, drawn_face(who, expression, side), bands)
        other = next(name for name in bands if name != band)
        assert change[other] < 0.1 * change[band]


def drawn_face(person, expression, side):
    """What `people` draws without its randomness, as the loader crops it."""
    canvas, figure = (
        Image.new("RGB", (side, side), "#888888"),
        draw_person(person, expression, round(people.FIGURE * side)),
    )
    place(canvas, figure, side / 2, side / 2 - 0.46 * figure.height, figure.size, 0)
    size = data.CROP * side
    box = ((side - size) / 2, (side - size) / 2, (side + size) / 2, (side + size) / 2)
    return np.asarray(canvas.resize((64, 64), Image.Resampling.BICUBIC, box))[None]


def test_mixtures_and_angles():
    rng = np.random.default_rng(0)
    codes = np.concatenate([rng.normal(-4, 1, (200, 3)), rng.normal(4, 1, (200, 3))])
    found = latent.fit_mixtures(codes[::2], (1, 2), 0)
    assert found[2].score(codes[1::2]) > found[1].score(codes[1::2]) + 0.5
    scaled = latent.standardise(codes * [1, 100, 1], codes * [1, 100, 1])
    assert np.allclose(np.linalg.norm(scaled, axis=1), 1)
    assert np.allclose(scaled, latent.standardise(codes, codes), atol=1e-5)


class Ramp(torch.nn.Module):
    """A decoder of one number: how bright the lower half is."""

    latent = 1

    def decode(self, codes):
        images = torch.zeros(len(codes), 3, 10, 10)
        images[:, :, 5:] = codes[:, :1, None, None].expand(-1, 3, 5, 10)
        return images


def test_the_least_strength_that_is_enough():
    codes, bands = np.array([[0.1], [0.3]], np.float32), {"eyes": (0, 0.5), "mouth": (0.5, 1)}

    def read(pictures):
        return pictures[:, 9, 5, 0] > 0.5

    table = edits.try_strengths(Ramp(), codes, np.array([0.2], np.float32), read, bands, (0, 1, 2, 3))
    assert table["read"].tolist() == [0, 0, 0.5, 1]
    assert table["mouth"].tolist() == pytest.approx([0, 0.2, 0.4, 0.6])
    assert table["eyes"].tolist() == [0] * 4
    assert edits.pick_strength(table, 0.9) == 3
    assert edits.pick_strength(table, 0.4) == 2
    assert edits.pick_strength(table.iloc[:2], 0.4) is None
    louder = table.copy()
    louder["eyes"] = 0.5
    assert edits.pick_direction({"loud": louder, "calm": table}, "mouth", "eyes", 0.9) == ("calm", 3)
    parts = {"never": table.iloc[:2], "half": table.iloc[:3]}
    assert edits.pick_direction(parts, "mouth", "eyes", 0.9) == ("half", 2)
    hopeless = table.assign(read=0.0)
    assert edits.pick_direction({"hopeless": hopeless}, "mouth", "eyes", 0.9)[1] > 0  # no change is none


class TwoBands(torch.nn.Module):
    """A decoder of two numbers: the first brightens both halves, the second the upper one alone."""

    latent = 2

    def decode(self, codes):
        images = torch.zeros(len(codes), 3, 10, 10)
        images[:, :, 5:] = codes[:, :1, None, None].expand(-1, 3, 5, 10)
        images[:, :, :5] = codes.sum(dim=1)[:, None, None, None].expand(-1, 3, 5, 10)
        return images


def test_a_spared_direction_leaves_the_other_band_alone():
    codes = np.random.default_rng(0).uniform(0.4, 0.5, (5, 2)).astype(np.float32)
    lower, upper = (0.5, 1.0), (0.0, 0.5)
    direction = np.array([0.3, 0.0], np.float32)  # moves both
    products = latent.movement(TwoBands(), codes, upper)
    spared = latent.spare(direction, products, weight=100.0)
    assert np.linalg.norm(spared) == pytest.approx(0.3)
    assert abs(spared.sum()) < 0.02  # the upper half stays as it is
    before, after = (latent.decode(TwoBands(), some) for some in (codes, codes + 0.5 * spared))
    change = evaluate.change_by_band(before, after, {"upper": upper, "lower": lower})
    assert change["upper"] < 0.1 * change["lower"]
    np.testing.assert_allclose(latent.spare(direction, products, weight=0.0), direction, atol=1e-6)


def test_variety_is_that_of_each_digit():
    rng, labels = np.random.default_rng(0), np.repeat(np.arange(10), 20)
    real = rng.random((200, 28, 28), dtype=np.float32)
    half = 0.5 + (real - 0.5) / 2
    assert list(evaluate.variety(half, labels, real, labels).values()) == pytest.approx([0.5] * 10, rel=0.02)


def test_the_digit_is_told_to_every_layer():
    model = models.build_digit_model("cvae", 16, 4).eval()
    layer = model.decoder.second
    values, told = torch.randn(3, 16), torch.nn.functional.one_hot(torch.tensor([0, 5, 9]), 10).float()
    expected = layer.linear(values) * (1 + layer.scale(told)) + layer.move(told)
    torch.testing.assert_close(layer(values, told), expected)
    codes = torch.zeros(10, 4)
    pictures = model.decode(codes, torch.arange(10))
    assert torch.pdist(pictures.flatten(1)).min() > 0.1  # one code, ten different digits


def test_those_of_whom_most_is_known():
    attributes = pd.DataFrame({"a": [1, np.nan, 0, np.nan], "b": [1, 1, np.nan, np.nan]})
    assert edits.best_known(attributes, 1, 0).tolist() == [0]
    assert edits.best_known(attributes, 3, 0).tolist() == [0, 1, 2]


def test_who_only_looks_changes_no_network():
    model = readers.PeopleNet(5, side=16, width=4).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    edits.embed(model, faces())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_digits_there_and_back_on_any_device():
    model, cvae = models.build_digit_model("vae", 16, 4), models.build_digit_model("cvae", 16, 4)
    mean, log_variance = latent.encode_digits(model, torch.rand(5, 1, 28, 28).round())
    assert (mean.shape, log_variance.shape) == ((5, 4), (5, 4))
    chances = latent.decode_digits(model, mean)
    assert chances.shape == (5, 1, 28, 28)
    assert 0 < chances.min() < chances.max() < 1
    told = [latent.decode_digits(cvae, mean, torch.full((5,), digit)) for digit in (1, 2)]
    assert not torch.equal(*told)


def test_labels_are_extended_where_the_judge_is_sure():
    features = np.concatenate([np.full((500, 1), -3.0), np.full((500, 1), 3.0), [[0.0]]])
    labels = np.array([0.0] * 500 + [1.0] * 500 + [np.nan])
    judge = readers.train_judge(features, labels)
    assert readers.balanced_accuracy(judge, features, labels) == 1
    asked = np.array([[-9.0], [9.0], [0.0], [9.0]])
    found = edits.extend_labels(judge, asked, np.array([np.nan, np.nan, np.nan, 0.0]), sure=0.7)
    assert found[[0, 1, 3]].tolist() == [0, 1, 0]
    assert np.isnan(found[2])
    with pytest.raises(ValueError, match="beards: 0 faces with and 1001 without"):
        readers.train_judge(features, np.zeros(1001), "beards")


def test_identity_is_kept_if_another_picture_of_the_same_is_near():
    index = np.array([[0.0], [0.1], [5.0], [5.1], [9.0]])
    whose = np.array(["a", "a", "b", "b", "c"])
    rows = np.array([0, 2, 4])
    queries = index[rows] + 0.01
    kept = edits.identity_kept(queries, rows, index, whose, 1)
    assert kept[:2].tolist() == [1, 1]
    assert np.isnan(kept[2])  # c has no other picture
    assert edits.identity_kept(np.roll(queries, 1, axis=0), rows, index, whose, 1)[:2].tolist() == [0, 0]


def test_nobody_is_his_own_neighbour():
    """The other picture of a is far away; the nearest of all is the one that was asked for."""
    index, whose = np.array([[0.0], [0.1], [5.0], [0.2]]), np.array(["a", "b", "a", "b"])
    assert edits.identity_kept(index[:1], np.array([0]), index, whose, 1).tolist() == [0]
    assert edits.identity_kept(index[:1], np.array([0]), index, whose, 2).tolist() == [0]
    assert edits.identity_kept(index[:1], np.array([0]), index, whose, 3).tolist() == [1]


def test_embeddings_are_on_the_sphere():
    model = readers.PeopleNet(5, side=16, width=4).eval()
    embeddings = edits.embed(model, faces(3))
    assert embeddings.shape == (3, 128)
    assert np.allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
    assert model(torch.rand(3, 3, 16, 16)).shape == (3, 5)


def test_mixtures_are_fitted_in_double_precision():
    codes = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    for mixture in latent.fit_mixtures(codes, (1, 2), 0).values():
        assert mixture.covariances_.dtype == np.float64
