"""Faces, attributes and digits: LFW's layout read from made-up pictures, and what is wrong is named."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from autoencoders import attributes, data, digits
from autoencoders.config import CONFIGS
from autoencoders.sets import in_batches
from coursework import images, people
from coursework.standins import MARK

CONFIG = replace(CONFIGS["tiny"], side=16)
ATTRIBUTES = ("smiling", "glasses")
HEADER = "# a comment\n#\tperson\timagenum\tMale\tSmiling\tEyeglasses\n"


def write_face(path, size=(250, 250), mode="RGB", colour=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour or ((90, 120, 150) if mode == "RGB" else 100)).save(path)


@pytest.fixture
def lfw(tmp_path, monkeypatch):
    """Four people in LFW's layout, two pictures of the first."""
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path / "build"))
    folder = tmp_path / "data" / "lfw"
    for file in ("Ann_Lee_0001", "Ann_Lee_0002", "Bo_Ek_0001", "Cy_Du_0001", "Di_Mo_0001"):
        write_face(folder / "lfw-deepfunneled" / file[:-5] / f"{file}.jpg")
    return folder


def load():
    return data.load_faces(replace(CONFIG, sources=("folder",)))


def test_pictures_are_cropped_and_kept(lfw, monkeypatch):
    first = lfw / "lfw-deepfunneled/Ann_Lee/Ann_Lee_0001.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (250, 250, 3), dtype=np.uint8)).save(first)
    found = load()
    assert found.images.shape == (5, 16, 16, 3)
    assert found.images.dtype == np.uint8
    assert found.people.tolist() == ["Ann_Lee", "Ann_Lee", "Bo_Ek", "Cy_Du", "Di_Mo"]
    assert isinstance(found.images, np.memmap)
    assert np.array_equal(found.images[0], images.read_middle(first, 16, data.CROP))
    monkeypatch.setattr(images, "decode", None)  # the second time they are there
    assert np.array_equal(load().images, found.images)


def test_the_middle_is_what_is_seen(tmp_path):
    picture = np.zeros((250, 250, 3), np.uint8)
    picture[80:170, 80:170] = 200
    Image.fromarray(picture).save(tmp_path / "face.png")
    inside = images.read_middle(tmp_path / "face.png", 16, data.CROP)[1:-1, 1:-1]  # the outermost see around
    assert (inside >= 195).all()
    Image.fromarray(np.pad(picture, ((0, 0), (75, 75), (0, 0)))).save(tmp_path / "wide.png")
    assert np.array_equal(images.read_middle(tmp_path / "wide.png", 16, data.CROP)[1:-1, 1:-1], inside)


def test_grey_and_oblong_pictures_are_taken(lfw):
    write_face(lfw / "lfw-deepfunneled/Bo_Ek/Bo_Ek_0001.jpg", (300, 250), "L")
    assert load().images.shape == (5, 16, 16, 3)


def test_a_corrupt_picture_is_named(lfw):
    (lfw / "lfw-deepfunneled/Bo_Ek/Bo_Ek_0001.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"1 of 5 images cannot be read: Bo_Ek/Bo_Ek_0001.jpg is no image file"):
        load()


def test_nothing_there_is_said(lfw):
    for path in (lfw / "lfw-deepfunneled").glob("*/*"):
        path.unlink()
    with pytest.raises(ValueError, match="holds no <Person>"):
        load()


@pytest.mark.fault(
    "full with only synthetic data there (8W)",
    "an error with instructions; synthetic data never replace real ones silently",
)
def test_no_folder_and_no_stand_in_for_real(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="no lfw/lfw-deepfunneled/"):
        load()
    (tmp_path / "lfw" / "lfw-deepfunneled" / "A").mkdir(parents=True)
    (tmp_path / "lfw" / MARK).write_text("{}")
    with pytest.raises(ValueError, match="drawn stand-in"):
        load()


def test_the_same_picture_twice(lfw):
    write_face(lfw / "lfw-deepfunneled/Bo_Ek_2/Bo_Ek_0001.jpg")
    with pytest.raises(ValueError, match=r"Bo_Ek_0001.jpg is in two folders"):
        load()


def test_lfw_attributes(lfw):
    rows = "Ann Lee\t1\t0.5\t1.2\t-0.3\nBo Ek\t1\t-1\t-2\t0.1\nEd No\t1\t1\t1\t1\n\n"
    (lfw / "lfw_attributes.txt").write_text((HEADER + rows).replace("\n", "\r\n"))
    found = load()
    assert found.attributes["smiling"].iloc[[0, 2]].tolist() == [1, 0]
    assert found.attributes["glasses"].iloc[[0, 2]].tolist() == [0, 1]
    assert found.attributes["smiling"].isna().sum() == 3
    assert found.notes == (
        "lfw_attributes.txt: 1 rows without an image",
        "lfw_attributes.txt: 3 images without a row",
    )


def test_columns_in_another_order(tmp_path):
    path = tmp_path / "lfw_attributes.txt"
    path.write_text("# c\n#\tEyeglasses\timagenum\tperson\tSmiling\n1\t2\tAnn Lee\t-1\n")
    assert attributes.read_lfw_attributes(path).loc["Ann_Lee_0002.jpg"].to_dict() == {"glasses": 1, "smiling": 0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + "Ann Lee\t1\t0.5\t1.2\n", r"line 3: 4 cells, expected 5"),
        (HEADER + "Ann Lee\t1\t0.5\tyes\t1\n", r"line 3: could not convert"),
        (HEADER + "Ann Lee\t1\t0.5\tnan\t1\n", r"line 3: 'nan' is no number"),
        (HEADER + "Ann Lee\t1\t0\t1\t1\nAnn Lee\t1\t0\t1\t1\n", r"line 4: Ann_Lee_0001.jpg is there twice"),
        (HEADER + "Ann Lee\tone\t0.5\t1\t1\n", r"line 3: invalid literal"),
        ("# only a comment\n", "names no columns"),
        ("# c\n#\tperson\timagenum\tMale\nAnn Lee\t1\t1\n", "has no column Smiling, Eyeglasses"),
    ],
)
def test_a_bad_attribute_file_is_named(tmp_path, text, message):
    path = tmp_path / "lfw_attributes.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        attributes.read_lfw_attributes(path)
    path.write_bytes(HEADER.encode() + b"\xff\xfe")
    with pytest.raises(ValueError, match=r"lfw_attributes.txt is no text"):
        attributes.read_lfw_attributes(path)


def test_expressions_and_glasses_stand_in(lfw, monkeypatch, tmp_path):
    (lfw / "lfw_expressions.csv").write_text(
        "image,emotion\nAnn_Lee_0001.jpg,happiness\nBo_Ek_0001.jpg,neutral\nX_0001.jpg,anger\n"
    )
    glasses = tmp_path / "glasses.csv"
    glasses.write_text("image,glasses\nCy_Du_0001.jpg,1\n")
    monkeypatch.setattr(attributes, "GLASSES", glasses)
    found = load()
    assert found.attributes["smiling"].fillna(-1).tolist() == [1, -1, 0, -1, -1]
    assert found.attributes["glasses"].fillna(-1).tolist() == [-1, -1, -1, 1, -1]
    assert any("lfw_expressions.csv: 1 rows without an image" in note for note in found.notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,mood\na.jpg,happiness\n", "has the columns image, mood; expected image, emotion"),
        ("", "No columns to parse"),
        ("image,emotion\na.jpg\n", r"has '' for a.jpg; expected one of anger"),
        ("image,emotion\na.jpg,happi\n", r"has 'happi' for a.jpg"),
        ("image,emotion\na.jpg,neutral\na.jpg,neutral\n", "has a.jpg twice"),
    ],
)
def test_a_bad_table_is_named(tmp_path, text, message):
    path = tmp_path / "lfw_expressions.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        attributes.match(attributes.read_expressions(path).to_frame("smiling"), ["a.jpg"], path.name)


def test_our_own_labels_are_many_and_clean():
    glasses = attributes.read_glasses(attributes.GLASSES)
    assert glasses.index.is_unique
    assert (glasses == 1).sum() >= 150
    assert (glasses == 0).sum() >= 300
    assert (
        glasses.index.str.rsplit("_", n=1).str[0].is_unique
    )  # one picture a person: others in the test than in training


def test_glasses_must_be_yes_or_no(tmp_path):
    path = tmp_path / "glasses.csv"
    path.write_text("image,glasses\na.jpg,2\n")
    with pytest.raises(ValueError, match="glasses must be 0 or 1"):
        attributes.read_glasses(path)


def test_people_are_in_one_part_only():
    names = np.repeat([f"P{k}" for k in range(20)], 3)
    table = pd.DataFrame(index=range(60))
    some = data.Faces(np.zeros((60, 4, 4, 3), np.uint8), [str(k) for k in range(60)], names, table, "x", "x")
    rows = data.split_people(some, (0.1, 0.2), 0)
    assert sorted(np.concatenate(list(rows.values())).tolist()) == list(range(60))
    groups = [set(names[found]) for found in rows.values()]
    assert [len(group) for group in groups] == [2, 4, 14]
    assert not groups[0] & groups[1] | groups[1] & groups[2] | groups[0] & groups[2]
    with pytest.raises(ValueError, match="nobody is left for validation"):
        data.split_people(some.take(np.arange(6)), (0.1, 0.5), 0)


def make_parts(**labels):
    """Three parts of 24 faces, three of each person; `labels` are (smiling, glasses) of all faces of a part."""
    table = pd.DataFrame({"smiling": [0.0, 1.0] * 12, "glasses": [1.0, 0.0] * 12})
    faces = data.Faces(
        np.zeros((24, 4, 4, 3)), [str(k) for k in range(24)], np.repeat(list("abcdefgh"), 3), table, "x", "x"
    )
    parts = dict.fromkeys(("train", "validation", "test"), faces)
    return parts | {name: replace(faces, attributes=table.assign(glasses=value)) for name, value in labels.items()}


@pytest.mark.fault(
    "too few people for an attribute (8W)",
    "an error before training that names the attribute, the split, the counts and the setting to change",
)
@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("train", 0.0, r"glasses in train: 0 faces with and 24 without, expected some of both"),
        ("train", np.nan, r"glasses in train: 0 faces with and 0 without, expected some of both"),
        ("validation", 1.0, r"glasses in validation: 24 faces with and 0 without, expected some without"),
        ("test", 1.0, r"glasses in test: 24 faces with and 0 without, expected some of both.*setting people.*limit"),
    ],
)
def test_attributes_that_a_part_lacks_are_named(part, value, message):
    data.check_parts(make_parts(), ("smiling", "glasses"))
    data.check_parts(make_parts(validation=0.0), ("smiling", "glasses"))  # nobody with glasses is needed there
    with pytest.raises(ValueError, match=f"24 people are too few: {message}"):
        data.check_parts(make_parts(**{part: value}), ("smiling", "glasses"))


def test_too_few_faces_and_people_without_a_second_picture_are_named():
    parts = make_parts()
    parts["test"] = parts["test"].take(np.arange(0, 18, 3))
    message = r"test has 6 faces, expected 8; nobody in test has 2 pictures; smiling in test: .*; glasses in test"
    with pytest.raises(ValueError, match=message):
        data.check_parts(
            {**parts, "test": replace(parts["test"], attributes=parts["test"].attributes * np.nan)}, ATTRIBUTES
        )


def test_a_few_people_of_lfw_are_refused_in_the_first_cells(lfw, monkeypatch):
    found = load()
    parts = {name: found.take(rows) for name, rows in data.split_people(found, (0.25, 0.25), 0).items()}
    with pytest.raises(ValueError, match=r"4 people are too few: .*glasses in validation: 0 faces with and 0 without"):
        data.check_parts(parts, ATTRIBUTES)


def test_the_drawn_people_of_tiny_are_enough(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path / "build"))
    found = data.load_faces(CONFIGS["tiny"])
    rows = data.split_people(found, CONFIGS["tiny"].parts, CONFIGS["tiny"].seed)
    data.check_parts({name: found.take(some) for name, some in rows.items()}, ATTRIBUTES)


def test_nothing_to_compute_on_is_named():
    with pytest.raises(ValueError, match="no images to compute on, expected at least one"):
        in_batches(torch.nn.Identity(), np.zeros((0, 8, 8, 3), np.uint8))


def test_the_stand_in_tells_the_truth(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path / "build"))
    found = data.load_faces(replace(CONFIG, people=4, pictures=3))
    assert len(found) == 12
    assert found.name == "drawn_faces"
    assert len(found.generator) == 64
    assert found.notes == ()
    assert set(found.attributes.columns) == {"smiling", "glasses", *people.ATTRIBUTES[2:]}
    assert not found.attributes.isna().any().any()
    same = found.attributes.groupby(found.people)["Black Hair"].nunique()
    assert (same == 1).all()


def test_a_picture_depends_on_seed_and_number_alone():
    first, second = people.draw_pictures(3, 2, 90, 8), people.draw_pictures(3, 1, 90, 8)
    assert first[0] == second[0]
    assert first[0] != people.draw_pictures(3, 1, 90, 9)[0]
    assert Image.open(io.BytesIO(first[0][0])).size == (90, 90)


def test_what_is_worn_is_independent_of_who_one_is():
    truth = np.array([people.draw_pictures(number, 1, 24, 8)[0][1] for number in range(300)])
    glasses, black = (truth[:, people.ATTRIBUTES.index(name)] > 0 for name in ("Eyeglasses", "Black Hair"))
    assert abs(glasses[black].mean() - glasses[~black].mean()) < 0.15
    assert 0.25 < glasses.mean() < 0.45


def test_digits_are_split_and_binarised():
    found = digits.load_digits(replace(CONFIG, digits=60))
    assert (len(found.train), len(found.validation), len(found.test)) == (50, 10, 60)
    binary = digits.binarise(found.test, 1)
    assert binary.shape == (60, 1, 28, 28)
    assert set(binary.unique().tolist()) == {0, 1}
    assert torch.equal(binary, digits.binarise(found.test, 1))
    assert not torch.equal(binary, digits.binarise(found.test, 2))
    assert binary.mean().item() == pytest.approx(found.test.mean() / 255, abs=0.01)
