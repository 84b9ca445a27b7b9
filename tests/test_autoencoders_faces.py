"""Week 8, faces and attributes: LFW's layout read from generated images; errors name what is wrong."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from autoencoders import attributes, faces
from autoencoders.batches import in_batches
from autoencoders.config import CONFIGS
from coursework import images, people
from coursework.standins import MARK

CONFIG = replace(CONFIGS["tiny"], side=16)
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
    return faces.load_faces(replace(CONFIG, sources=("folder",)))


def test_images_are_cropped_and_cached(lfw, monkeypatch):
    first = lfw / "lfw-deepfunneled/Ann_Lee/Ann_Lee_0001.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (250, 250, 3), dtype=np.uint8)).save(first)
    found = load()
    assert found.images.shape == (5, 16, 16, 3)
    assert found.images.dtype == np.uint8
    assert found.people.tolist() == ["Ann_Lee", "Ann_Lee", "Bo_Ek", "Cy_Du", "Di_Mo"]
    assert isinstance(found.images, np.memmap)
    assert np.array_equal(found.images[0], images.read_middle(first, 16, faces.CROP))
    monkeypatch.setattr(images, "decode", None)  # the second time they are there
    assert np.array_equal(load().images, found.images)


def test_the_crop_is_the_middle(tmp_path):
    picture = np.zeros((250, 250, 3), np.uint8)
    picture[61:189, 61:189] = 200
    Image.fromarray(picture).save(tmp_path / "face.png")
    inside = images.read_middle(tmp_path / "face.png", 16, faces.CROP)[1:-1, 1:-1]  # the outermost see around
    assert (inside >= 195).all()
    Image.fromarray(np.pad(picture, ((0, 0), (75, 75), (0, 0)))).save(tmp_path / "wide.png")
    assert np.array_equal(images.read_middle(tmp_path / "wide.png", 16, faces.CROP)[1:-1, 1:-1], inside)


def test_grey_and_oblong_images_are_read(lfw):
    write_face(lfw / "lfw-deepfunneled/Bo_Ek/Bo_Ek_0001.jpg", (300, 250), "L")
    assert load().images.shape == (5, 16, 16, 3)


def test_a_corrupt_image_is_named(lfw):
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


def make_faces(people=16, **labels):
    """Three images of each person; every second one has the attributes, unless `labels` say otherwise."""
    number = 3 * people
    table = pd.DataFrame({name: labels.get(name, np.arange(number) % 2.0) for name in faces.ATTRIBUTES})
    names = np.repeat([f"P{k}" for k in range(people)], 3)
    images_ = np.zeros((number, 4, 4, 3), np.uint8)
    return faces.Faces(images_, [str(k) for k in range(number)], names, table, "trial", "trial")


def test_people_are_in_one_part_only():
    parts = faces.split_people(make_faces(40), (0.1, 0.2), 0)
    assert {name: len(part) for name, part in parts.items()} == {"train": 84, "validation": 12, "test": 24}
    groups = [set(part.people) for part in parts.values()]
    assert not groups[0] & groups[1] | groups[1] & groups[2] | groups[0] & groups[2]
    assert sorted(int(file) for part in parts.values() for file in part.files) == list(range(120))


def test_both_names_of_a_person_are_in_one_part(lfw):
    for name in ("Ricky_Ray", "Bart_Hendricks", "Carlos_Beltran", "Raul_Ibanez"):
        write_face(lfw / "lfw-deepfunneled" / name / f"{name}_0001.jpg")
    found = load()
    people_of = dict(zip(found.files, found.people, strict=True))
    assert people_of["Bart_Hendricks_0001.jpg"] == people_of["Ricky_Ray_0001.jpg"]
    assert people_of["Raul_Ibanez_0001.jpg"] == people_of["Carlos_Beltran_0001.jpg"]


@pytest.mark.fault(
    "too few people for an attribute (8W)",
    "an error before training that names the attribute, the split, the counts and the setting to change",
)
@pytest.mark.parametrize("value", [0.0, 1.0, np.nan])
def test_attributes_that_a_part_lacks_are_named(value):
    message = r"16 people are too few: .*glasses in test: \d+ faces with and \d+ without.*setting people.*limit"
    with pytest.raises(ValueError, match=message):
        faces.split_people(make_faces(glasses=np.full(48, value)), (0.2, 0.2), 0)


def test_a_few_people_of_lfw_are_refused_in_the_first_cells(lfw):
    with pytest.raises(ValueError, match=r"4 people are too few: .*test has \d faces, expected 8"):
        faces.split_people(load(), (0.25, 0.25), 0)


@pytest.mark.fault(
    "fewer than ten faces with an attribute (8W)", "a printed line that names attribute, split and count"
)
def test_few_faces_with_an_attribute_are_reported():
    parts = faces.split_people(make_faces(40, glasses=(np.arange(120) % 12 == 0) * 1.0), (0.2, 0.2), 0)
    lines = faces.warn_of_few(parts)
    assert any(line.startswith("glasses: only 2 faces with it in test") for line in lines)
    assert not any("smiling" in line and "train" in line for line in lines)


def test_the_synthetic_people_of_tiny_are_enough(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path / "build"))
    tiny = CONFIGS["tiny"]
    assert set(faces.split_people(faces.load_faces(tiny), tiny.parts, tiny.seed)) == {"train", "validation", "test"}


def test_images_are_mirrored_and_reduced():
    images_ = np.arange(4 * 4 * 3, dtype=np.uint8).reshape(1, 4, 4, 3)
    plain = faces.to_tensor(images_)
    batch = faces.FaceImages(images_.repeat(64, 0), mirror=True).__getitems__(list(range(64)))[0]
    same = [torch.equal(image, plain[0]) for image in batch]
    assert 16 < sum(same) < 48
    assert all(torch.equal(image, plain[0].flip(-1)) for image, equal in zip(batch, same, strict=True) if not equal)
    assert np.array_equal(faces.shrink(images_, 2)[0, 0, 0], images_[0, :2, :2].mean(axis=(0, 1)).round())


def test_nothing_to_compute_on_is_named():
    with pytest.raises(ValueError, match="no images to compute on, expected at least one"):
        in_batches(torch.nn.Identity(), np.zeros((0, 8, 8, 3), np.uint8))


def test_synthetic_faces_have_true_attributes(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path / "build"))
    found = faces.load_faces(replace(CONFIG, people=4, images_per_person=3))
    assert len(found) == 12
    assert found.name == "synthetic_faces"
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
