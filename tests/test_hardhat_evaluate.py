"""Average precision against pycocotools, counts by hand; targets against mmdet's; the stand-in for mmcv.ops."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from hardhat import evaluate, faults, ops, targets
from hardhat.data import Picture
from hardhat.evaluate import Truth


def make_case(seed, pictures=12):
    """Truth, and detections that are near it, or somewhere."""
    rng = np.random.default_rng(seed)
    truths, found = [], []
    for _ in range(pictures):
        corner, size = rng.uniform(0, 200, (4, 2)), rng.uniform(8, 60, (4, 2))
        boxes, labels = np.concatenate([corner, corner + size], axis=1), rng.integers(0, 2, 4)
        near = boxes + rng.normal(0, 3, boxes.shape)
        far = np.concatenate([corner[::-1], corner[::-1] + size], axis=1)
        every = np.concatenate([near, far])
        guess = np.where(rng.random(4) < 0.8, labels, 1 - labels)
        truths.append(Truth(boxes, labels))
        found.append(
            {"boxes": every, "scores": rng.random(8), "labels": np.concatenate([guess, rng.integers(0, 2, 4)])}
        )
    return truths, found


def as_pictures(truths):
    names = ("helmet", "head")
    return [
        Picture(Path(f"{k}.png"), 300, 300, truth.boxes, tuple(names[label] for label in truth.labels))
        for k, truth in enumerate(truths)
    ]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_ap50_is_cocos(seed):
    truths, found = make_case(seed)
    theirs = evaluate.coco_average(as_pictures(truths), found)
    for label, name in enumerate(("helmet", "head")):
        assert evaluate.ap50(truths, found, label) == pytest.approx(theirs[f"ap50_{name}"], abs=1e-6)
    assert 0 < theirs["map"] < min(theirs["ap50_helmet"], theirs["ap50_head"])


def test_perfect_and_no_detections():
    truths, _ = make_case(0)
    perfect = [{"boxes": t.boxes, "scores": np.ones(len(t.boxes)), "labels": t.labels} for t in truths]
    nothing = [{"boxes": np.zeros((0, 4)), "scores": np.zeros(0), "labels": np.zeros(0, int)} for _ in truths]
    assert evaluate.coco_average(as_pictures(truths), perfect) == {"map": 1, "ap50_helmet": 1, "ap50_head": 1}
    assert evaluate.coco_average(as_pictures(truths), nothing)["map"] == 0
    assert evaluate.ap50(truths, nothing, 0) == 0
    assert np.isnan(evaluate.ap50([Truth(np.zeros((0, 4)), np.zeros(0, int))], nothing[:1], 0))
    with pytest.raises(ValueError, match="11 detections for 12 pictures"):
        evaluate.coco_average(as_pictures(truths), nothing[1:])


def test_overlap_by_hand():
    first = np.array([[0, 0, 2, 2], [5, 5, 5, 5]], np.float32)
    second = np.array([[1, 1, 3, 3], [0, 0, 2, 2], [5, 5, 5, 5]], np.float64)
    np.testing.assert_allclose(evaluate.overlap(first, second), [[1 / 7, 1, 0], [0, 0, 0]])
    assert evaluate.overlap(first[:0], second).shape == (0, 3)


BOX = [10.0, 10.0, 30.0, 30.0]


def one_case(boxes, labels, scores=None):
    """A helmet at BOX and a head far off, against some detections."""
    truth = Truth(np.array([BOX, [100.0, 100, 120, 120]]), np.array([0, 1]))
    scores = np.linspace(0.9, 0.8, len(boxes)) if scores is None else np.array(scores)
    return [truth], [{"boxes": np.array(boxes, float), "scores": scores, "labels": np.array(labels)}]


def test_kinds_of_errors_by_hand():
    half = [20.0, 10.0, 40.0, 30.0]  # overlaps BOX by a third
    truths, found = one_case(
        [BOX, BOX, BOX, half, [60, 60, 70, 70], BOX], [0, 0, 1, 0, 0, 0], [0.9, 0.8, 0.7, 0.6, 0.5, 0.1]
    )
    counts = faults.count_kinds(truths, found, score=0.3)
    assert counts == {
        "right": 1, "duplicate": 1, "wrong class": 1, "badly placed": 1, "background": 1, "missed": 1
    }  # fmt: skip


def test_confusion_by_hand():
    truths, found = one_case([BOX, [100, 100, 120, 119], [60, 60, 70, 70]], [1, 1, 0])
    table = faults.confusion(truths, found, score=0.5)
    assert table.loc["helmet", "head"] == 1
    assert table.loc["head", "head"] == 1
    assert table.loc["background", "helmet"] == 1
    assert table.to_numpy().sum() == 3
    nothing = faults.confusion(truths, found, score=0.95)
    assert nothing["background"].tolist() == [1, 1, 0]


def test_sizes_are_counted_apart():
    truths, found = one_case([BOX, [100, 100, 120, 119]], [0, 1])
    table = faults.by_size(truths, found, 0)
    assert table["number"].tolist() == [0, 1, 0, 0]
    assert table.loc["16 to 32", "AP50"] == 1
    assert np.isnan(table.loc["above 64", "AP50"])


def test_the_interval_holds_the_value():
    truths, found = make_case(5, 30)
    low, high = evaluate.interval(truths, found, 0, 100, 0)
    assert low < evaluate.ap50(truths, found, 0) < high


def test_a_draw_is_judged_as_its_pictures_are():
    truths, found = make_case(6, 20)
    drawn = evaluate.bootstrap(truths, found, 1, 10, seed=3)
    rng = np.random.default_rng(3)
    for value in drawn:
        rows = rng.integers(20, size=20)
        again = evaluate.ap50([truths[row] for row in rows], [found[row] for row in rows], 1)
        assert value == pytest.approx(again, abs=1e-9)


def test_a_difference_is_narrower_than_what_its_sides_do_alone():
    truths, found = make_case(7, 40)
    worse = [{**row, "scores": np.where(row["labels"] == 0, 1 - row["scores"], row["scores"])} for row in found]
    assert evaluate.difference(truths, found, found, 0, 50, 0) == (0, 0)
    low, high = evaluate.difference(truths, found, worse, 0, 200, 0)
    assert low < evaluate.ap50(truths, found, 0) - evaluate.ap50(truths, worse, 0) < high
    first, second = (evaluate.interval(truths, some, 0, 200, 0) for some in (found, worse))
    assert high - low < (first[1] - first[0]) + (second[1] - second[0])


def test_the_best_score_by_hand():
    wrong = [60, 60, 70, 70]
    truths, found = one_case([BOX, [100, 100, 120, 120], wrong, wrong], [0, 1, 0, 0], [0.9, 0.62, 0.41, 0.12])
    assert evaluate.best_score(truths, found) == pytest.approx(0.45)  # the lowest step that leaves only what is right
    assert evaluate.best_score([], []) == 0.05


def test_faults_of_a_picture_count_a_wrong_class_once():
    truths, found = one_case([BOX, [60, 60, 70, 70]], [1, 0])
    assert faults.count_faults(truths, found, 0.5).tolist() == [3]  # the wrong class, a background, a missed head


def test_boxes_of_half_the_area_are_found_and_enlarged():
    half = 10 / np.sqrt(2)
    small = [20 - half, 20 - half, 20 + half, 20 + half]
    truths, found = one_case([small, [60, 60, 70, 70]], [0, 0])
    assert faults.area_ratio(truths, found, 0.5) == pytest.approx(0.5)
    np.testing.assert_allclose(faults.enlarge(found, np.sqrt(2))[0]["boxes"][0], BOX)
    assert np.isnan(faults.area_ratio(truths, found, 0.99))


@pytest.fixture(scope="module")
def mmdet():
    ops.install()
    import mmdet.models

    return mmdet


def test_radius_and_targets_are_mmdets(mmdet):
    from mmdet.models.dense_heads.centernet_head import CenterNetHead
    from mmdet.models.utils import gaussian_radius

    for height, width in ((3.0, 3.0), (10.0, 4.0), (1.5, 22.0)):
        theirs = gaussian_radius((torch.tensor(height), torch.tensor(width)), min_overlap=0.3)
        assert targets.gaussian_radius(height, width) == pytest.approx(float(theirs), rel=1e-5)
    rng = np.random.default_rng(0)
    corner, size = rng.uniform(0, 90, (6, 2)), rng.uniform(6, 36, (6, 2))
    boxes, labels = np.concatenate([corner, corner + size], axis=1).astype(np.float32), rng.integers(0, 2, 6)
    head = CenterNetHead(8, 8, 2)
    found, _ = head.get_targets([torch.from_numpy(boxes)], [torch.from_numpy(labels)], (1, 2, 32, 32), (128, 128))
    ours = targets.make_targets(boxes, labels, 2, side=128, cells=32)
    names = {"heat": "center_heatmap_target", "size": "wh_target", "offset": "offset_target"}
    names["weight"] = "wh_offset_target_weight"
    for name, theirs in names.items():
        np.testing.assert_allclose(ours[name], found[theirs][0].numpy(), atol=1e-5)


def test_targets_decode_to_the_boxes_they_were_made_of():
    boxes = np.array([[10.0, 12, 30, 44], [60, 70, 100, 90], [90, 10, 120, 41]])
    labels = np.array([0, 1, 0])
    maps = targets.make_targets(boxes, labels, 2, side=128, cells=32)
    found = targets.decode(maps["heat"], maps["size"], maps["offset"], side=128, most=3)
    order = np.argsort(found["boxes"][:, 0])
    np.testing.assert_allclose(found["boxes"][order], boxes[np.argsort(boxes[:, 0])], atol=1e-9)
    assert found["labels"][order].tolist() == labels[np.argsort(boxes[:, 0])].tolist()
    assert found["scores"].tolist() == [1, 1, 1]


def test_suppression_by_hand():
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 1, 11, 11], [50, 50, 60, 60], [0, 0, 10, 10]])
    scores, classes = torch.tensor([0.9, 0.8, 0.7, 0.6]), torch.tensor([0, 0, 0, 1])
    rows, keep = ops.nms(boxes, scores, 0.5)
    assert keep.tolist() == [0, 2]
    assert rows[:, 4].tolist() == pytest.approx([0.9, 0.7])
    _, keep = ops.batched_nms(boxes, scores, classes, {"type": "nms", "iou_threshold": 0.5})
    assert keep.tolist() == [0, 2, 3]  # the last is of another class
    _, keep = ops.batched_nms(boxes, scores, classes, {"type": "nms", "iou_threshold": 0.5, "max_num": 2})
    assert keep.tolist() == [0, 2]
    _, keep = ops.batched_nms(boxes, scores, classes, {"iou_threshold": 0.5}, class_agnostic=True)
    assert keep.tolist() == [0, 2]
    _, keep = ops.batched_nms(boxes, scores, classes, None)
    assert keep.tolist() == [0, 1, 2, 3]
    _, keep = ops.nms(boxes, scores, 0.5, score_threshold=0.75)
    assert keep.tolist() == [0]
    assert len(ops.batched_nms(boxes[:0], scores[:0], classes[:0], {"iou_threshold": 0.5})[1]) == 0
    with pytest.raises(NotImplementedError, match="soft_nms"):
        ops.batched_nms(boxes, scores, classes, {"type": "soft_nms", "iou_threshold": 0.5})
    with pytest.raises(NotImplementedError, match="offset of 1"):
        ops.nms(boxes, scores, 0.5, offset=1)


def test_focal_loss_by_hand():
    logits, classes = torch.tensor([[0.0, 2.0]]), torch.tensor([2])  # two classes, and this is background
    chance = torch.sigmoid(logits)
    expected = (0.75 * chance**2 * -torch.log(1 - chance)).sum()
    assert ops.sigmoid_focal_loss(logits, classes, reduction="sum").item() == pytest.approx(expected.item(), rel=1e-5)
    weighted = ops.sigmoid_focal_loss(logits, classes, weight=torch.tensor([0.5]), reduction="sum")
    assert weighted.item() == pytest.approx(expected.item() / 2, rel=1e-5)


def test_what_is_not_served_is_named(mmdet):
    import mmcv.ops

    if mmcv.ops is not sys.modules["hardhat.ops"]:
        pytest.skip("mmcv has its compiled operations here")
    with pytest.raises(ImportError, match=r"mmcv.ops.DeformConv2d needs mmcv's compiled code"):
        from mmcv.ops import DeformConv2d  # noqa: F401
