"""The loader: the archive's layouts, images of every kind, and what is wrong with them said by name."""

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from coursework import notebooks
from coursework.images import list_images
from coursework.standins import MARK
from coursework.weeks import find_week
from simpsons import data, pixels
from simpsons.config import CONFIGS

TINY = replace(CONFIGS["tiny"], characters=6, per_class=16, few=None, side=64)
RED = (200, 30, 30)


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path))
    return tmp_path


def paint(path, colour=RED, size=(12, 9), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).convert(mode).save(path)
    return path


def make_archive(folder, classes=("bart", "lisa"), nested=""):
    for name in classes:
        for k in range(3):
            paint(folder / "train" / nested / "simpsons_dataset" / name / f"pic_{k:04d}.jpg")
    for k in range(2):
        paint(folder / "testset" / "testset" / f"img{k}.jpg")
    return folder


@pytest.mark.parametrize("nested", ["", "train", "simpsons_dataset"])
def test_the_archive_is_read_however_it_is_nested(root, nested):
    make_archive(root / "simpsons", nested=nested)
    characters = data.load_folder(TINY)
    assert characters.classes == ["bart", "lisa"]
    assert characters.train.images.shape == (6, TINY.side, TINY.side, 3)
    assert characters.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert characters.test.files == ["img0.jpg", "img1.jpg"]
    assert characters.test.labels is None
    assert characters.sizes.tolist() == [[12, 9]] * 6
    assert characters.notes == []


@pytest.mark.parametrize("deeper", ["journey-springfield", "archive/journey-springfield"])
def test_the_archive_is_found_on_a_deeper_level(root, deeper):
    make_archive(root / "simpsons" / deeper)
    (root / "simpsons" / "__MACOSX" / "train").mkdir(parents=True)
    assert len(data.load_folder(TINY).train) == 6


@pytest.mark.fault("an archive in the data folder that nobody has unpacked (6W)", "an error that says to unpack it")
@pytest.mark.parametrize("name", ["simpsons/journey-springfield.zip", "archive.zip"])
def test_an_archive_is_named(root, name):
    (root / "simpsons").mkdir()
    with zipfile.ZipFile(root / name, "w") as archive:
        archive.writestr("train/simpsons_dataset/bart_simpson/pic_0000.jpg", b"")
    with pytest.raises(FileNotFoundError, match=f"{name} in the data folder is not unpacked; unpack it into simpsons/"):
        data.load_folder(TINY)


def test_a_folder_of_hidden_files_is_empty(root):
    for name in ("simpsons", "simpsons_28px"):
        (root / name).mkdir()
        (root / name / ".DS_Store").write_bytes(b"mac")
    assert data.load_folder(TINY) is None
    assert pixels.load_small_folder(TINY) is None


def test_names_with_spaces_and_foreign_letters(root):
    make_archive(root / "simpsons", classes=("Барт Симпсон", "ned o'flanders"))
    assert data.load_folder(TINY).classes == ["ned o'flanders", "Барт Симпсон"]


def test_hidden_files_do_not_count(root):
    folder = make_archive(root / "simpsons")
    (folder / "train" / "simpsons_dataset" / "bart" / "._pic_0000.jpg").write_bytes(b"mac")
    (folder / "train" / "simpsons_dataset" / "bart" / "Thumbs.db").write_bytes(b"win")
    (folder / "train" / "__MACOSX").mkdir()
    assert len(data.load_folder(TINY).train) == 6


@pytest.mark.parametrize(
    ("mode", "suffix", "expected"),
    [
        ("L", "jpg", (81, 81, 81)),
        ("CMYK", "jpg", RED),
        ("RGBA", "png", RED),
        ("P", "png", RED),
        ("1", "png", None),
    ],
)
def test_every_mode_becomes_rgb(tmp_path, mode, suffix, expected):
    image, size = data.read_image(paint(tmp_path / f"a.{suffix}", mode=mode), 4)
    assert image.shape == (4, 4, 3)
    assert size == (12, 9)
    if expected:
        assert np.abs(image.astype(int) - expected).max() <= 6


def test_sixteen_bits_are_scaled_and_transparency_is_white(tmp_path):
    Image.fromarray(np.full((5, 5), 257 * 100, np.uint16)).save(tmp_path / "deep.png")
    assert (data.read_image(tmp_path / "deep.png", 2)[0] == 100).all()
    Image.new("RGBA", (5, 5), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (data.read_image(tmp_path / "clear.png", 2)[0] == 255).all()


def test_a_turned_photograph_is_put_upright(tmp_path):
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:4] = 255  # white above
    exif = Image.Exif()
    exif[0x0112] = 3  # stored upside down
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    image, _ = data.read_image(tmp_path / "a.png", 8)
    assert image[0].max() == 0
    assert image[-1].min() == 255


@pytest.mark.parametrize("content", [b"", b"<!doctype html>", "cut"])
def test_unreadable_training_images_are_dropped_and_reported(root, content):
    folder = make_archive(root / "simpsons")
    path = folder / "train" / "simpsons_dataset" / "lisa" / "pic_0001.jpg"
    path.write_bytes(path.read_bytes()[:200] if content == "cut" else content)
    characters = data.load_folder(TINY)
    assert characters.train.labels.tolist() == [0, 0, 0, 1, 1]
    assert len(characters.sizes) == len(characters.train.files) == len(characters.train.images) == 5
    (note,) = characters.notes
    assert note.startswith("1 images cannot be read and are left out: lisa/pic_0001.jpg ")
    assert str(root) not in note


def test_an_unreadable_test_image_is_an_error(root):
    (make_archive(root / "simpsons") / "testset" / "testset" / "img1.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match=r"1 test images cannot be read: testset/img1\.jpg is empty"):
        data.load_folder(TINY)


def test_a_class_without_images_is_an_error(root):
    folder = make_archive(root / "simpsons") / "train" / "simpsons_dataset"
    (folder / "moe").mkdir()
    with pytest.raises(ValueError, match="no readable image of moe"):
        data.load_folder(TINY)
    (folder / "moe" / "pic_0000.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match="no readable image of moe"):
        data.load_folder(TINY)


def test_one_class_only_is_an_error(root):
    make_archive(root / "simpsons", classes=("bart",))
    with pytest.raises(ValueError, match=r"1 class folders \(bart\); expected two or more"):
        data.load_folder(TINY)


def test_half_an_archive_is_named(root):
    paint(root / "simpsons" / "testset" / "testset" / "img0.jpg")
    with pytest.raises(FileNotFoundError, match="holds testset, but no train/"):
        data.load_folder(TINY)


def test_a_stand_in_is_not_taken_for_the_real_thing(root):
    (make_archive(root / "simpsons") / MARK).write_text("{}")
    with pytest.raises(ValueError, match="drawn stand-in"):
        data.load_folder(TINY)


@pytest.mark.fault(
    "full with only synthetic data there (6W)",
    "an error with instructions; synthetic data never replace real ones silently",
)
def test_full_without_data_or_token_says_what_to_do(root, monkeypatch, capsys):
    import kagglehub

    def refuse(_):
        raise ConnectionError("offline")

    monkeypatch.setattr(kagglehub, "competition_download", refuse)
    with pytest.raises(FileNotFoundError, match=r"join the competition journey-springfield.*or use the profile sample"):
        data.load_characters(CONFIGS["full"])
    assert "Kaggle: ConnectionError: offline" in capsys.readouterr().out


def test_full_takes_what_kagglehub_brings(root, tmp_path, monkeypatch):
    import kagglehub

    brought = make_archive(tmp_path / "cache")
    monkeypatch.setattr(kagglehub, "competition_download", lambda name: str(brought))
    assert data.load_characters(CONFIGS["full"]).name == "simpsons"


def test_an_unknown_source_lists_the_known(root):
    from dataclasses import replace

    with pytest.raises(ValueError, match="unknown source 'web'; there are: folder, download, synthetic"):
        data.load_characters(replace(TINY, sources=("web",)))


def test_the_synthetic_cast_comes_with_labels(root):
    characters = data.load_characters(TINY)
    assert len(characters.classes) == TINY.characters
    assert np.bincount(characters.test.labels).tolist() == [TINY.per_class] * TINY.characters
    assert "synthetic" in characters.source
    folder = root / "stand-in" / f"simpsons-{TINY.characters}x{TINY.per_class}"
    answers = json.loads((folder / "answers.json").read_text())
    for image in ("img0.jpg", "img5.jpg"):
        row = characters.test.files.index(image)
        assert characters.classes[characters.test.labels[row]] == answers[image]


def test_a_few_images_of_each_character_are_those_of_the_whole_set(root):
    whole, few = (data.load_characters(replace(TINY, per_class=4, few=some)) for some in (None, (3, 2)))
    assert few.classes == whole.classes
    assert np.bincount(few.train.labels).tolist() == [3] * TINY.characters
    assert np.bincount(few.test.labels).tolist() == [2] * TINY.characters
    assert few.generator == whole.generator
    for some, everything in ((few.test, whole.test), (few.train, whole.train)):
        named = zip(everything.labels.tolist(), everything.files, strict=True)
        places = {key: row for row, key in enumerate(named)}
        for row, key in enumerate(zip(some.labels.tolist(), some.files, strict=True)):
            assert np.array_equal(some.images[row], everything.images[places[key]])


def test_answers_must_fit_the_classes():
    with pytest.raises(ValueError, match="shows moe, but no training image does"):
        data.check_answers(["bart"], ["a.jpg"], {"a.jpg": "moe"})
    with pytest.raises(ValueError, match="no label for 1 test images"):
        data.check_answers(["bart"], ["a.jpg", "b.jpg"], {"a.jpg": "bart"})


def test_the_split_keeps_every_class_on_both_sides_where_it_can():
    labels = np.repeat([0, 1, 2, 3], [1, 2, 10, 100])
    train, validation, one_sided = data.split(labels, 0.2, 0)
    assert np.bincount(labels[validation], minlength=4).tolist() == [0, 1, 2, 20]
    assert np.bincount(labels[train]).tolist() == [1, 1, 8, 80]
    assert one_sided == [0]
    assert sorted([*train, *validation]) == list(range(113))
    assert np.array_equal(train, data.split(labels, 0.2, 0)[0])


def test_small_images_are_real_or_shrunk(root):
    cast = data.load_characters(TINY)
    shrunk = pixels.load_small(TINY, cast)
    assert shrunk.train.images.shape[1:] == (28, 28, 3)
    assert shrunk.name == "synthetic_cast_28px"
    for part in ("train", "test"):
        for name in ("bart", "lisa"):
            paint(root / "simpsons_28px" / part / name / "0.jpg", size=(28, 28))
    real = pixels.load_small(CONFIGS["sample"], cast)
    assert (real.name, real.classes, real.test.labels.tolist()) == ("simpsons_28px", ["bart", "lisa"], [0, 1])
    (root / "simpsons_28px").rename(root / "published")
    (root / "simpsons_28px").mkdir()
    (root / "published").rename(root / "simpsons_28px" / "rgb")  # as the publisher's repository has it
    assert pixels.load_small(CONFIGS["sample"], cast).classes == ["bart", "lisa"]
    (root / "simpsons_28px" / "rgb").rename(root / "published")
    (root / "simpsons_28px").rmdir()
    (root / "published").rename(root / "simpsons_28px")
    paint(root / "simpsons_28px" / "test" / "moe" / "0.jpg")
    with pytest.raises(ValueError, match="moe: in one of"):
        pixels.load_small(CONFIGS["sample"], cast)


def test_real_images_do_not_stand_in_for_simpsons_mnist(root):
    cast = replace(data.load_characters(TINY), generator=None)
    with pytest.raises(FileNotFoundError, match="no simpsons_28px/"):
        pixels.load_small(CONFIGS["sample"], cast)


@pytest.mark.fault(
    "the real archive without Simpsons-MNIST (6W)", "named in the first cell of data, before any training"
)
def test_a_missing_second_data_set_is_named_before_training(root):
    make_archive(root / "simpsons")
    notebook = notebooks.read_notebook(find_week("6W").folder / "image_classification.ipynb")
    (cell,) = [cell for cell in notebook.cells if "load_characters(config)" in cell.source]
    config = replace(CONFIGS["sample"], side=8)
    with pytest.raises(FileNotFoundError, match=r"no simpsons_28px/ in the data folder, which the section on 28-pixel"):
        exec(cell.source, {"data": data, "pixels": pixels, "config": config})


def test_without_labelled_test_images_some_training_images_are_held_out():
    cast = data.load_characters(TINY)
    same, judged = data.hold_out_test(cast, 0.25, 0)
    assert same is cast
    assert judged is cast.test
    kaggle = replace(cast, test=replace(cast.test, labels=None))
    rest, judged = data.hold_out_test(kaggle, 0.25, 0)
    assert len(rest.train) + len(judged) == len(cast.train)
    everything = np.concatenate([rest.train.images, judged.images])
    assert len(np.unique(everything, axis=0)) == len(np.unique(cast.train.images, axis=0))
    assert set(judged.labels) == set(range(len(cast.classes)))
    assert rest.test.labels is None


def make_tree(folder, classes=("bart", "lisa"), number=5):
    for name in classes:
        for k in range(number):
            paint(folder / name / f"{k}.jpg")
    return folder


def test_any_tree_of_folders_is_a_data_set(tmp_path):
    own = data.load_own(make_tree(tmp_path / "pets"), TINY)
    assert (own.classes, own.name) == (["bart", "lisa"], "own_pets")
    assert np.bincount(own.train.labels).tolist() == [4, 4]
    assert np.bincount(own.test.labels).tolist() == [1, 1]
    with pytest.raises(ValueError, match=r"1 class folders \(bart\); expected two or more"):
        data.load_own(make_tree(tmp_path / "one", classes=("bart",)), TINY)
    with pytest.raises(FileNotFoundError, match="no folder none/"):
        data.load_own(tmp_path / "none", TINY)


def test_an_animated_gif_shows_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (6, 6), colour) for colour in (RED, (0, 0, 255))]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert list_images(tmp_path) == [tmp_path / "a.gif"]
    image, size = data.read_image(tmp_path / "a.gif", 4)
    assert size == (6, 6)
    assert np.abs(image.astype(int) - RED).max() <= 6


def test_a_huge_image_is_read_or_named(tmp_path):
    paint(tmp_path / "long.png", size=(20_000, 4))
    image, size = data.read_image(tmp_path / "long.png", 8)
    assert (image.shape, size) == ((8, 8, 3), (20_000, 4))
    Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png")
    with pytest.raises(ValueError, match=r"bomb.png cannot be read \(Image size \(400000000 pixels\) exceeds limit"):
        data.read_image(tmp_path / "bomb.png", 8)


def test_resizing_keeps_labels_and_files(tmp_path):
    own = data.load_own(make_tree(tmp_path / "pets"), TINY)
    for side in (8, 100):
        other = data.resize(own, side)
        assert other.train.images.shape == (8, side, side, 3)
        assert other.train.files == own.train.files
        assert np.abs(other.train.images.astype(int) - RED).max() <= 8


def test_near_duplicates_are_found_whatever_their_brightness():
    rng = np.random.default_rng(0)
    train = rng.integers(0, 128, (5, 6, 6, 3)).astype(np.uint8)
    test = np.stack([train[3] * 2, 40 + train[1], rng.integers(0, 128, (6, 6, 3)).astype(np.uint8)])
    nearest, correlation = pixels.nearest_training_image(train, test)
    assert nearest.tolist()[:2] == [3, 1]
    assert correlation[:2] == pytest.approx([1, 1], abs=1e-5)
    assert correlation[2] < 0.6
    expected = np.corrcoef(train[nearest[2]].ravel(), test[2].ravel())[0, 1]
    assert correlation[2] == pytest.approx(expected, abs=1e-5)
