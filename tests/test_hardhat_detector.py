"""Week 11's detectors: built, trained, killed and resumed, judged, exported, and what is refused."""

import copy
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from coursework import runtime
from coursework.checkpoints import load_weights
from coursework.provenance import listing_of
from coursework.rekey import facts_of
from hardhat import commands as command
from hardhat import data, detector, export, lite, stages, train, video
from hardhat.config import CONFIGS
from hardhat.evaluate import coco_average

from mmdet.registry import DATASETS  # isort: skip  after hardhat.detector, which sees to mmcv.ops

CONFIG = replace(
    CONFIGS["tiny"],
    side=64,
    practice=False,
    few=None,
    drawn=(6, 3, 3),
    further=(4, 3),
    rivals=("centernet_r18",),
    epochs=2,
    photograph_epochs=2,
    batch=4,
)


@pytest.fixture(scope="module")
def sites(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("COURSEWORK_DATA", str(tmp_path_factory.mktemp("data")))
    yield data.load_sites(CONFIG)
    patch.undo()


def make_squares(number=2, side=64, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (number, side, side, 3), dtype=np.uint8)


def make_loud(model):
    """A CenterNet whose heat maps are not flat, though it has learnt nothing."""
    torch.manual_seed(1)
    for weight in model.bbox_head.heatmap_head.parameters():
        torch.nn.init.normal_(weight, std=0.05)
    return model.eval()


@pytest.mark.parametrize("name", detector.NAMES)
def test_every_detector_answers(name):
    model = detector.build_model(name, CONFIG).eval()
    found = detector.detect_squares(model, make_squares())
    assert len(found) == 2
    for row in found:
        assert row["boxes"].shape == (len(row["scores"]), 4)
        assert set(row["labels"]) <= {0, 1}


def test_boxes_come_back_in_the_pictures_own_pixels(tmp_path):
    """A picture of 200 x 100 fits a square of 50: a quarter of the size, and boxes end at its border."""
    Image.new("RGB", (200, 100)).save(tmp_path / "wide.png")
    picture = data.Picture(tmp_path / "wide.png", 200, 100, np.zeros((0, 4)), ())

    def call(squares):
        assert squares.shape == (1, 50, 50, 3)
        return [{"boxes": np.array([[5.0, 5, 10, 15], [40, 20, 60, 40]]), "scores": np.ones(2), "labels": np.zeros(2)}]

    (found,) = detector.detect_by(call, [picture], side=50)
    assert found["boxes"].tolist() == [[20, 20, 40, 60], [160, 80, 200, 100]]


@pytest.mark.parametrize(
    ("name", "settings"), [("a.jpg", {}), ("b.jpg", {"subsampling": 0}), ("c.png", {}), ("d.bmp", {})]
)
def test_ordinary_pictures_keep_the_pixels_that_weights_were_trained_on(tmp_path, name, settings):
    """Those of OpenCV in training, and of Pillow in evaluation."""
    noise = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize((160, 120))
    picture.save(tmp_path / name, **settings)
    loaded = detector.LoadUpright()({"img_path": str(tmp_path / name)})
    assert np.array_equal(loaded["img"], cv2.imread(str(tmp_path / name), cv2.IMREAD_COLOR))
    assert loaded["img"].flags["C_CONTIGUOUS"]
    assert loaded["img_shape"] == loaded["ori_shape"] == (120, 160)
    with Image.open(tmp_path / name) as image:
        small = np.asarray(image.convert("RGB").resize((64, 48), Image.Resampling.BILINEAR))
    assert np.array_equal(detector.read_square(tmp_path / name, 64), np.pad(small, ((0, 16), (0, 0), (0, 0))))


@pytest.mark.fault("a photograph with an EXIF orientation (11W, in training)", "training sees what evaluation sees")
def test_training_and_evaluation_see_the_same_pixels(tmp_path):
    exif, path = Image.Exif(), tmp_path / "a.png"
    exif[0x0112] = 6
    clear = Image.new("RGBA", (40, 30), (0, 0, 0, 0))
    clear.paste((255, 0, 0, 255), (5, 4, 14, 20))
    clear.save(path, exif=exif)
    picture = data.Picture(path, 30, 40, np.array([[10.0, 5, 26, 14]]), ("helmet",))
    pipeline = detector.load_config("centernet_lite0", CONFIG).train_pipeline[:2]  # it loads picture and boxes
    with detector.quietly():
        detector.register_all_modules(init_default_scope=True)
        sample = DATASETS.build(train.data_of([picture], pipeline, tmp_path))[0]
    seen, evaluated = sample["img"][..., ::-1], detector.read_square(path, 40)[:, :30]
    assert np.array_equal(seen, evaluated)
    left, top, right, bottom = sample["gt_bboxes"].tensor[0].int().tolist()
    assert (seen[top:bottom, left:right] == (255, 0, 0)).all()
    assert (seen == (255, 0, 0)).all(axis=2).sum() == (bottom - top) * (right - left)


def test_unknown_detectors_are_named():
    with pytest.raises(ValueError, match=r"unknown detector 'yolo'; there are: centernet_lite0, "):
        detector.build_model("yolo", CONFIG)


def test_the_light_backbone_gives_four_maps_and_the_neck_one():
    maps = lite.Lite0().eval()(torch.zeros(1, 3, 64, 64))
    assert [tuple(level.shape[1:]) for level in maps] == [(24, 16, 16), (40, 8, 8), (112, 4, 4), (320, 2, 2)]
    (one,) = lite.TopDown([24, 40, 112, 320], 8)(maps)
    assert one.shape == (1, 8, 16, 16)


def test_the_light_backbone_has_seen_imagenet():
    from hardhat.efficientnet import load_efficientnet

    network, images = load_efficientnet("lite0"), torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        last = lite.Lite0().eval()(images)[-1]
        theirs = network.extract_features(images)
        ours = network._swish(network._bn1(network._conv_head(last)))
    torch.testing.assert_close(ours, theirs)


def test_a_detector_starts_with_the_same_weights_whatever_was_loaded_before():
    from hardhat.efficientnet import load_efficientnet

    load_efficientnet.cache_clear()
    first, second = (detector.build_model("centernet_lite0", CONFIG).state_dict() for _ in range(2))
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def test_the_first_layers_and_their_norms_are_left_as_they_are():
    backbone = lite.Lite0().train()
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    backbone(torch.rand(2, 3, 64, 64))[-1].sum().backward()
    first = ("network._conv_stem", "network._bn0", "network._blocks.0.", "network._blocks.1.")
    for name, weight in backbone.named_parameters():
        assert (weight.grad is None) == name.startswith(first), name
    changed = {name for name, value in backbone.state_dict().items() if not torch.equal(value, before[name])}
    assert changed
    assert not any(name.startswith(first) for name in changed)


def test_depthwise_gradients_are_whole_where_16_bits_are_slow():
    torch.manual_seed(0)
    backbone, maps = lite.Lite0(), torch.rand(2, 144, 16, 16, requires_grad=True)
    slow = backbone.network._blocks[3]._depthwise_conv
    with torch.autocast("cpu", torch.bfloat16):
        half = maps.to(torch.bfloat16)
        answer = slow(half)
        with torch.no_grad():
            quick = slow(half)
    assert answer.dtype == quick.dtype == torch.bfloat16
    torch.testing.assert_close(answer, slow(half.float()).bfloat16(), rtol=0, atol=0)


def test_residual_networks_begin_with_imagenet_if_it_is_there(tmp_path, monkeypatch):
    from torchvision.models import ResNet18_Weights, resnet18

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    wanted = replace(CONFIG, resnet_weights=True)
    assert detector.resnet_weights(wanted) is None
    there = resnet18()
    (tmp_path / "checkpoints").mkdir()
    torch.save(there.state_dict(), tmp_path / "checkpoints" / ResNet18_Weights.IMAGENET1K_V1.url.rsplit("/", 1)[1])
    assert detector.resnet_weights(CONFIG) is None
    for settings, same in ((wanted, True), (CONFIG, False)):
        model = detector.build_model("retinanet_r18", settings)
        assert torch.equal(model.backbone.layer1[0].conv1.weight, there.layer1[0].conv1.weight) == same


def test_fused_norms_do_not_change_answers():
    model = make_loud(detector.build_model("centernet_lite0", CONFIG))
    squares = make_squares()
    torch.testing.assert_close(
        detector.answer(detector.fuse(model, half=False), squares, half=False)[0][0],
        detector.answer(model, squares, half=False)[0][0],
        atol=1e-4,
        rtol=1e-3,
    )
    assert any(isinstance(part, torch.nn.BatchNorm2d) for part in model.modules())  # the model itself stays


# Where bfloat16 is not fast, tests of it take several times as long, and no notebook uses it.
SLOW = [pytest.mark.slow] * (runtime.half_precision() == "no")


@pytest.mark.parametrize("precision", ["no", pytest.param("bf16", marks=SLOW)])
def test_clipping_inside_convolutions_changes_at_most_the_last_digit(monkeypatch, precision):
    for module in (runtime, detector):
        monkeypatch.setattr(module, "half_precision", lambda: precision)
    model = make_loud(detector.build_model("centernet_lite0", CONFIG))
    quick, squares = detector.fuse(model), make_squares()
    before = detector.detect_squares(quick, squares)
    for one, other in zip(before, detector.detect_squares(lite.clip_inside(quick), squares), strict=True):
        for name, values in one.items():
            if precision == "bf16":
                np.testing.assert_array_equal(other[name], values)
            else:  # in float32, some Intel processors round a fused activation differently
                np.testing.assert_allclose(other[name], values, atol=1e-6, rtol=1e-6)


def test_padding_inside_convolutions_changes_rounding_only():
    model, squares = make_loud(detector.build_model("centernet_lite0", CONFIG)), make_squares()
    for quick in (detector.fuse(model, half=False), lite.clip_inside(detector.fuse(model, half=False))):
        before = detector.answer(quick, squares, half=False)
        after = detector.answer(lite.pad_inside(quick), squares, half=False)
        kernels = [part.kernel_size for part in quick.modules() if isinstance(part, torch.nn.Conv2d)]
        assert sum(size in ((4, 4), (6, 6)) for size in kernels) == 5
        for one, other in zip(before, after, strict=True):
            np.testing.assert_allclose(other[0].cpu(), one[0].cpu(), atol=1e-4, rtol=1e-3)


def draw_plain(folder, number, seed):
    """Pictures of noise with one square each, yellow for a helmet, blue for a head."""
    rng, pictures = np.random.default_rng(seed), []
    folder.mkdir()
    for k in range(number):
        image, name = rng.integers(90, 130, (64, 64, 3), dtype=np.uint8), ("helmet", "head")[k % 2]
        x, y = rng.integers(4, 36, 2)
        image[y : y + 24, x : x + 24] = (250, 220, 20) if name == "helmet" else (30, 40, 220)
        Image.fromarray(image).save(folder / f"{k}.png")
        box = np.array([[x, y, x + 24, y + 24]], float)
        pictures.append(data.Picture(folder / f"{k}.png", 64, 64, box, (name,)))
    return pictures


@pytest.mark.parametrize("precision", ["no", pytest.param("bf16", marks=SLOW)])
def test_it_learns_to_find(tmp_path, monkeypatch, precision):
    for module in (runtime, detector):
        monkeypatch.setattr(module, "half_precision", lambda: precision)
    shown, held = draw_plain(tmp_path / "shown", 16, 0), draw_plain(tmp_path / "held", 8, 1)
    plan = train.Plan("centernet_lite0", 16, 3e-3)
    model, history = train.train(plan, shown, [], CONFIG, tmp_path / "work")
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]
    scores = coco_average(held, detector.detect(model, held, CONFIG))
    assert scores["ap50_helmet"] > 0.8
    assert scores["ap50_head"] > 0.8


def test_every_epoch_of_every_seed_draws_other_numbers():
    found = {}
    for seed in (0, 1, 2):
        for epoch in range(5):
            diary = train.Diary([], replace(CONFIG, seed=seed))
            diary.before_train_epoch(SimpleNamespace(epoch=epoch))
            found[seed, epoch] = torch.initial_seed()
    assert len(set(found.values())) == 15


@pytest.mark.parametrize("half", [True, False])
def test_who_only_looks_changes_no_detector(tmp_path, half):
    model = make_loud(detector.build_model("centernet_lite0", CONFIG)).train()
    before = copy.deepcopy(model.state_dict())
    detector.detect(model, draw_plain(tmp_path / "shown", 2, 0), CONFIG, half)
    detector.heat_maps(model.train(), make_squares())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 39, 60])
def test_the_rate_is_defined_for_any_number_of_steps(steps):
    from mmengine.registry import PARAM_SCHEDULERS

    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    parts = [PARAM_SCHEDULERS.build(part | {"optimizer": optimizer}) for part in train.schedules(steps)]
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        for part in parts:
            part.step()
    assert all(0 < rate <= 1 + 1e-12 for rate in rates)
    assert max(rates) == pytest.approx(1)
    if steps == 60:  # up for three steps, then along a cosine, as mmengine computes it from the last rate
        cosine = 1e-6 + (1 - 1e-6) * (1 + np.cos(np.pi * np.arange(57) / 57)) / 2
        assert rates == pytest.approx([0.01, 0.505, 1.0, *cosine])


def test_a_training_of_one_step_learns(tmp_path):
    pictures = draw_plain(tmp_path / "shown", 2, 0)
    before = detector.build_model("centernet_lite0", CONFIG).state_dict()
    model, history = train.train(
        train.Plan("centernet_lite0", 1, 1e-2), pictures, [], CONFIG, tmp_path / "work", before
    )
    assert len(history) == 1
    name = "bbox_head.wh_head.2.bias"
    assert (model.state_dict()[name] - before[name]).abs().max() > 5e-3  # Adam's first step is about the rate


def stop_at(monkeypatch, epoch):
    """Have trainings end in an error when this epoch begins; returns what undoes that."""
    begin = train.Diary.before_train_epoch

    def stopped(diary, runner):
        if runner.epoch == epoch:
            raise KeyboardInterrupt
        begin(diary, runner)

    monkeypatch.setattr(train.Diary, "before_train_epoch", stopped)
    return lambda: monkeypatch.setattr(train.Diary, "before_train_epoch", begin)


@pytest.mark.fault(
    "an error in the middle of an epoch (11W)",
    "the same call goes on from the last finished epoch; weights equal to the last bit",
)
def test_a_killed_training_ends_as_one_that_was_not(sites, tmp_path, monkeypatch):
    plan = train.Plan("centernet_lite0", 2, 1e-3)
    whole, history = train.train(plan, sites.train, sites.validation, CONFIG, tmp_path / "whole")
    assert len(history) == 2
    assert {"loss", "loss_wh", "map", "ap50_head", "seconds"} <= set(history[0])
    undo = stop_at(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt):
        train.train(plan, sites.train, sites.validation, CONFIG, tmp_path / "killed")
    undo()
    resumed, again = train.train(plan, sites.train, sites.validation, CONFIG, tmp_path / "killed")
    assert [row["loss"] for row in again] == [row["loss"] for row in history]
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


class Code:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


PLANTED = {
    "pickle": lambda folder: {"meta": Code(folder)},
    "config": lambda folder: {"meta": {"epoch": 1, "iter": 1, "config": f"import os\nos.mkdir({str(folder)!r})"}},
}


@pytest.mark.fault(
    "a checkpoint with code in it, a pickle or a config (11W)", "the code is not executed; training starts from scratch"
)
@pytest.mark.parametrize("kind", PLANTED)
def test_a_checkpoint_that_would_run_code_is_not_used(tmp_path, capsys, kind):
    work, made = tmp_path / "work", tmp_path / "made"
    work.mkdir()
    torch.save({"state_dict": {}, "diary": [], **PLANTED[kind](made)}, work / "epoch_1.pth")
    (work / "last_checkpoint").write_text(str(work / "epoch_1.pth"))
    history = train.train(train.Plan("centernet_lite0", 1, 1e-3), draw_plain(tmp_path / "p", 4, 0), [], CONFIG, work)[1]
    assert not made.exists()
    assert len(history) == 1
    assert "epoch_1.pth" in capsys.readouterr().out


@pytest.mark.fault(
    "killed while a checkpoint is written (11W)",
    "the same call goes on from the one before; weights equal to the last bit",
)
def test_a_checkpoint_that_was_cut_off_is_not_used(tmp_path, monkeypatch, capsys):
    plan, pictures = train.Plan("centernet_lite0", 3, 1e-3), draw_plain(tmp_path / "p", 4, 0)
    whole, _ = train.train(plan, pictures, [], CONFIG, tmp_path / "whole")
    undo = stop_at(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt):
        train.train(plan, pictures, [], CONFIG, tmp_path / "cut")
    undo()
    last = tmp_path / "cut" / "epoch_2.pth"
    last.write_bytes(last.read_bytes()[:5000])
    resumed, history = train.train(plan, pictures, [], CONFIG, tmp_path / "cut")
    assert "epoch_2.pth is damaged" in capsys.readouterr().out
    assert len(history) == 3
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


HARM = {"stuck": lambda *_: time.sleep(3), "killed": lambda *_: os.kill(os.getpid(), signal.SIGBUS)}


@pytest.mark.fault("a data-loading worker hangs or is killed (11W)", "an error names `workers` and what to do")
@pytest.mark.parametrize("harm", HARM)
def test_workers_that_give_nothing_are_named(tmp_path, monkeypatch, harm):
    from mmdet.datasets import CocoDataset  # not before hardhat, which sees to mmcv's operations

    monkeypatch.setattr(train, "PATIENCE", 1)
    monkeypatch.setattr(CocoDataset, "prepare_data", HARM[harm])
    pictures, config = draw_plain(tmp_path / "p", 4, 0), replace(CONFIG, workers=1)
    with pytest.raises(ValueError, match=r"workers=1: .* set workers=0, or .*--shm-size"):
        train.train(train.Plan("centernet_lite0", 1, 1e-3), pictures, [], config, tmp_path / "work")


SMALL = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_hardhat_detector import *
train.PATIENCE = 10
config = replace(CONFIG, workers=2, side=256)
train.train(train.Plan("centernet_lite0", 1, 1e-3), draw_plain(Path("p"), 16, 0), [], config, Path("work"))
"""


@pytest.mark.fault("only 256 KB of shared memory for the data-loading workers (11W)", "an error names `workers`")
@pytest.mark.root
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can mount a small /dev/shm")
def test_a_small_shared_memory_is_named(tmp_path):
    mount = 'mount -t tmpfs -o size=256k tmpfs /dev/shm && exec "$@"'
    code = SMALL.format(tests=os.path.dirname(__file__))
    command = ["unshare", "-m", "sh", "-c", mount, "sh", sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert "ValueError: workers=2: a process that reads pictures is stuck or gone" in done.stderr


def test_a_loss_that_is_no_number_is_named(sites, tmp_path):
    broken = {"neck.leave.0.weight": torch.full((64, 64, 3, 3), torch.nan)}
    with pytest.raises(ValueError, match="the loss is nan in epoch 1; lower the rate"):
        train.train(train.Plan("centernet_lite0", 1, 1e-3), sites.train, [], CONFIG, tmp_path, broken)


def test_trainings_are_kept_and_recorded_once(sites, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    monkeypatch.setenv("COURSEWORK_PROFILE", "tiny")
    monkeypatch.setattr(command, "load_config", lambda *_: CONFIG)
    for part in ("drawn", "rivals", "photographs"):
        assert command.main([part]) == 0
    keep = tmp_path / "11W/tiny/keep"
    names = {path.relative_to(keep).as_posix() for path in keep.glob("*/*") if path.parent.name != "trained_on"}
    facts = [facts_of(keep / name) for name in names]
    assert {path.name for path in keep.glob("trained_on/*")} == {Path(listing_of(one["data"])).name for one in facts}
    assert names == {
        "weights/drawn_centernet_lite0.safetensors", "weights/drawn_further_centernet_lite0.safetensors",
        "rivals/drawn_centernet_r18.json", "recipes/drawings_alone.json", "recipes/photographs_alone.json",
        "recipes/drawings_then_photographs.json",
    }  # fmt: skip
    assert not list(tmp_path.rglob("last_checkpoint"))
    monkeypatch.setattr(stages, "train_in", lambda *_: pytest.fail("trained again"))
    assert command.main(["photographs"]) == 0
    said = capsys.readouterr().out
    assert said.count("drawings, then photographs: 2 epochs") == 2
    assert command.main(["x"]) == 2


def test_photographs_that_are_not_there_are_missed_before_training(sites, monkeypatch, capsys):
    monkeypatch.setattr(stages, "finish_drawn", None)  # would fail
    monkeypatch.setattr(command, "load_sites", lambda config: sites)
    assert command.run("photographs", replace(CONFIG, photograph_sources=("folder",)), speaks=True) == 1
    assert "no photographs in hardhat/ of the data folder" in capsys.readouterr().err


def test_recorded_detections_are_what_was_found(sites, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path))
    model = make_loud(detector.build_model("centernet_lite0", CONFIG))
    record = stages.judge_recipe("drawings alone", sites, model, CONFIG)
    for found, kept in zip(detector.detect(model, sites.test, CONFIG), stages.detections_of(record), strict=True):
        np.testing.assert_allclose(found["boxes"], kept["boxes"], atol=1e-3)
        np.testing.assert_array_equal(found["labels"], kept["labels"])


@pytest.mark.parametrize("name", ["centernet_lite0", "centernet_r18"])
def test_the_exported_file_answers_alike_and_knows_its_classes(name, tmp_path):
    model = make_loud(detector.build_model(name, CONFIG))
    path = export.export(model, 64, tmp_path / "model.onnx")
    session = export.open_onnx(path)
    for number in (1, 3):
        squares = make_squares(number)
        boxes, scores = export.compare(
            detector.detect_squares(model, squares, half=False), export.detect_onnx(session, squares), 0.5
        )
        assert boxes < 0.01
        assert scores < 1e-4
    other = onnx.load(path)
    (classes,) = [entry for entry in other.metadata_props if entry.key == "classes"]
    classes.value = "cat, dog"
    onnx.save(other, path)
    with pytest.raises(ValueError, match=r"model\.onnx tells apart cat, dog; expected helmet, head"):
        export.open_onnx(path)


def test_differences_are_found():
    one = [{"boxes": np.array([[0.0, 0, 9, 9]]), "scores": np.array([0.9]), "labels": np.array([0])}]
    other = [{"boxes": np.array([[0.0, 0, 9, 7]]), "scores": np.array([0.8]), "labels": np.array([0])}]
    boxes, scores = export.compare(one, other, 0.5)
    assert boxes == 2
    assert scores == pytest.approx(0.1)
    with pytest.raises(ValueError, match="not in the other's"):
        export.compare(one, [{**other[0], "labels": np.array([1])}], 0.5)


def test_what_is_no_model_or_no_video_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="export it first"):
        export.open_onnx(tmp_path / "nothing.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="is no ONNX file"):
        export.open_onnx(tmp_path / "bad.onnx")
    with pytest.raises(FileNotFoundError, match="is not in"):
        video.read_video(tmp_path / "nothing.mp4")
    (tmp_path / "bad.mp4").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="cannot be read as a video"):
        video.read_video(tmp_path / "bad.mp4")


def test_weights_of_other_classes_are_refused(tmp_path):
    from coursework.checkpoints import save_weights

    model = detector.build_model("centernet_lite0", CONFIG)
    model.bbox_head.heatmap_head[-1] = torch.nn.Conv2d(64, 3, 1)
    save_weights(tmp_path / "other.safetensors", model, {"key": "x"})
    with pytest.raises(ValueError, match=r"heatmap_head.2.bias of shape \(3,\), the model expects \(2,\)"):
        load_weights(tmp_path / "other.safetensors", detector.build_model("centernet_lite0", CONFIG))


def test_the_video_says_when_somebody_has_no_helmet(tmp_path):
    frames, bare = zip(*video.draw_frames(0.5, seed=3), strict=True)
    squares = video.read_video(video.write_video(list(frames), tmp_path / "site.mp4"))
    assert squares.shape == (6, 416, 416, 3)
    assert abs(squares[0].astype(int) - np.asarray(frames[0])).mean() < 10

    def detect(some):
        return [{"boxes": np.array([[5.0, 5, 30, 30]]), "scores": np.array([0.4]), "labels": np.array([1])}]

    found, alarms, speed = video.watch(squares, detect, 0.3)
    assert alarms == [True] * 6
    assert speed > 0
    assert video.watch(squares, detect, 0.5)[1] == [False] * 6
    marked = [video.annotate(*row) for row in zip(squares, found, alarms, strict=True)]
    assert video.write_gif(marked, tmp_path / "site.gif").stat().st_size < 1_500_000
    assert isinstance(bare[0], bool)


def test_who_has_no_helmet_leaves_after_a_quarter_and_comes_in_half_way():
    """Whatever the way they walk: the middle of a bare head is inside up to a quarter, and again from the half on."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        first, second = (w for w in video.draw_walkers(rng, 5, 175.0, 40) if not w.helmet)
        gone, there = first.start + 10 * first.speed, second.start + 20 * second.speed
        assert gone == pytest.approx(video.SIDE if first.speed > 0 else 0)
        assert there == pytest.approx(0 if second.speed > 0 else video.SIDE)


@pytest.mark.slow
def test_two_processes_train_one_detector(tmp_path):
    env = dict(os.environ) | {"COURSEWORK_BUILD": str(tmp_path), "COURSEWORK_DATA": str(tmp_path / "data")}
    env |= {"COURSEWORK_SET": "drawn=6:3:3,epochs=1,side=64", "OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launch, "-m", "hardhat", "drawn"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("centernet_lite0: 1 epochs, ") == 1  # one of them speaks
    (weights,) = tmp_path.rglob("*.safetensors")
    model = detector.build_model("centernet_lite0", CONFIG)
    assert len(load_weights(weights, model)["history"]) == 1
