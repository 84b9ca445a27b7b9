"""What holds for any input: readers and writers undo each other, parts add up, losses and metrics keep their bounds."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autoencoders import data as faces
from gan import losses as gan_losses
from gan import metrics as gan_metrics
from hardhat import data as hardhat_data
from hardhat import evaluate as detection
from hardhat.data import Picture
from hardhat.evaluate import Truth
from segmentation import evaluate as masks
from segmentation import losses as mask_losses
from simpsons import data as simpsons_data
from simpsons import evaluate as classification

settings.register_profile("course", max_examples=40, deadline=None)
settings.load_profile("course")

seeds = st.integers(0, 2**32 - 1)
SHAPE = (2, 1, 5, 4)
logits_and_masks = st.tuples(
    hnp.arrays(np.float32, SHAPE, elements=st.floats(-8, 8, width=32)), hnp.arrays(bool, SHAPE)
).map(lambda pair: (torch.from_numpy(pair[0]), torch.from_numpy(pair[1]).float()))


@st.composite
def boxes(draw, side=60, most=5):
    """Up to `most` boxes (n, 4) of whole pixels in a square of this side."""
    number = draw(st.integers(0, most))
    corners = [
        sorted(draw(st.lists(st.integers(0, side), min_size=2, max_size=2, unique=True))) for _ in range(2 * number)
    ]
    return (
        np.array([[*low_high] for low_high in corners], float).reshape(number, 2, 2).swapaxes(1, 2).reshape(number, 4)
    )


# Loaders


@given(st.lists(boxes(), min_size=1, max_size=4), seeds)
def test_boxes_survive_the_way_to_coco_and_back(every, seed):
    rng, pictures = np.random.default_rng(seed), []
    for number, some in enumerate(every):
        names = tuple(rng.choice(hardhat_data.KNOWN, len(some)))
        pictures.append(Picture(Path(f"{number}.png"), 60, 60, some, names))
    for before, after in zip(pictures, hardhat_data.from_coco(hardhat_data.to_coco(pictures)), strict=True):
        wanted = before.of(*hardhat_data.CLASSES)
        np.testing.assert_array_equal(after.boxes, wanted.boxes)
        assert (after.names, after.path) == (wanted.names, wanted.path)


@given(hnp.arrays(np.int64, st.integers(4, 60), elements=st.integers(0, 5)), st.floats(0.05, 0.9), seeds)
def test_a_split_parts_all_pictures_and_leaves_no_class_untaught(labels, share, seed):
    train, validation, one_sided = simpsons_data.split(labels, share, seed)
    assert sorted([*train, *validation]) == list(range(len(labels)))
    assert set(labels[train]) == set(labels)
    assert set(labels[validation]) == set(labels) - set(one_sided)


@given(st.lists(st.integers(0, 12), min_size=30, max_size=60), seeds)
def test_nobody_is_in_two_parts(numbers, seed):
    people = np.array([f"P{number}" for number in numbers])
    if len(np.unique(people)) < 5:
        return
    some = faces.Faces(np.zeros((len(people), 1, 1, 3), np.uint8), list(people), people, None, "x", "x")
    rows = faces.split_people(some, (0.2, 0.3), seed)
    assert sorted(np.concatenate(list(rows.values()))) == list(range(len(people)))
    assert sum(len(set(people[part])) for part in rows.values()) == len(set(people))


# Losses


@pytest.mark.parametrize("name", mask_losses.LOSSES)
@given(case=logits_and_masks, seed=seeds)
def test_a_mask_costs_nothing_less_than_zero_and_the_same_turned_or_reordered(name, case, seed):
    loss, (logits, target) = mask_losses.LOSSES[name], case
    cost = loss(logits, target)
    assert torch.isfinite(cost)
    assert cost >= -1e-6
    order = torch.from_numpy(np.random.default_rng(seed).permutation(20))
    moved = [some.flatten(2)[..., order].view(SHAPE).flip(0) for some in (logits, target)]
    torch.testing.assert_close(loss(*moved), cost, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["dice", "tversky"])
@given(case=logits_and_masks)
def test_losses_of_sets_are_at_most_one_and_fall_towards_the_truth(name, case):
    loss, (logits, target) = mask_losses.LOSSES[name], case
    cost = loss(logits, target)
    assert cost <= 1
    assert loss(logits + 2 * (2 * target - 1), target) <= cost + 1e-6


@given(hnp.arrays(np.float64, (2, 6), elements=st.floats(-20, 20)))
def test_telling_real_from_generated_better_costs_less(said):
    real, fake = torch.from_numpy(said)
    for name in set(gan_losses.LOSSES) - {"least squares"}:
        loss_d, loss_g = gan_losses.LOSSES[name]
        assert loss_d(real + 1, fake - 1) <= loss_d(real, fake)
        assert loss_g(fake + 1) <= loss_g(fake)
    right = torch.ones(6, dtype=torch.float64)  # least squares want 1 and 0, and no more
    assert gan_losses.least_squares_d(right, 0 * right) == 0 <= gan_losses.least_squares_d(real, fake)
    torch.testing.assert_close(gan_losses.wasserstein_d(real, fake), -gan_losses.wasserstein_d(fake, real))


# Metrics


@given(logits_and_masks)
def test_counts_of_masks_are_iou_and_dice(case):
    probs, target = case[0].sigmoid(), case[1]
    tables = masks.count_pixels(probs, target).numpy()
    assert (tables[:, masks.EVERYWHERE].sum(axis=(1, 2)) == 20).all()
    said = np.floor(probs.numpy() * masks.BINS) >= masks.BINS / 2
    iou = masks.image_iou(tables)
    np.testing.assert_allclose(iou, masks.mask_iou(said[:, 0], target.numpy()[:, 0]))
    assert ((iou >= 0) & (iou <= masks.image_dice(tables)) & (masks.image_dice(tables) <= 1)).all()


@given(hnp.arrays(np.int64, (2, 30), elements=st.integers(0, 3)), st.integers(1, 29))
def test_confusions_of_parts_add_up(pair, cut):
    labels, said = pair
    whole = classification.confusion(labels, said, 4)
    parts = [classification.confusion(labels[part], said[part], 4) for part in (slice(cut), slice(cut, None))]
    np.testing.assert_array_equal(sum(parts), whole)
    f1 = classification.class_f1(whole)
    assert ((f1[~np.isnan(f1)] >= 0) & (f1[~np.isnan(f1)] <= 1)).all()


@given(boxes(), boxes())
def test_overlap_is_symmetric_and_one_with_itself(first, second):
    across = detection.overlap(first, second)
    np.testing.assert_allclose(across, detection.overlap(second, first).T)
    assert ((across >= 0) & (across <= 1)).all()
    np.testing.assert_allclose(np.diag(detection.overlap(first, first)), 1)


@given(st.lists(st.tuples(boxes(), boxes()), min_size=1, max_size=4), seeds)
def test_average_precision_depends_on_the_order_of_scores_alone(cases, seed):
    rng = np.random.default_rng(seed)
    truths = [Truth(there, np.zeros(len(there), int)) for there, _ in cases]
    scores = [rng.random(len(said)) for _, said in cases]
    found = [
        {"boxes": said, "scores": s, "labels": np.zeros(len(said), int)}
        for (_, said), s in zip(cases, scores, strict=True)
    ]
    value = detection.ap50(truths, found, 0)
    if np.isnan(value):
        assert not any(len(there) for there, _ in cases)
        return
    assert 0 <= value <= 1
    assert detection.ap50(truths, [{**row, "scores": row["scores"] ** 3} for row in found], 0) == pytest.approx(value)
    perfect = [{"boxes": t.boxes, "scores": np.ones(len(t.boxes)), "labels": t.labels} for t in truths]
    assert detection.ap50(truths, perfect, 0) == 1


@given(hnp.arrays(np.float64, (12, 3), elements=st.floats(-3, 3)), seeds)
def test_distances_of_sets_do_not_depend_on_order_and_vanish_for_the_same(vectors, seed):
    first, second = vectors[:6], vectors[6:]
    order = np.random.default_rng(seed).permutation(6)
    assert gan_metrics.mmd(first[order], second) == pytest.approx(gan_metrics.mmd(first, second), abs=1e-9)
    assert gan_metrics.mmd(first, second) == pytest.approx(gan_metrics.mmd(second, first), abs=1e-9)
    assert gan_metrics.precision_recall(first, first[order]) == (1, 1)
    for value in (*gan_metrics.precision_recall(first, second), gan_metrics.one_nn_accuracy(first, second)):
        assert 0 <= value <= 1
