"""Building sites: VOC annotations read and refused, COCO and back, drawn sites with true boxes."""

import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from coursework.images import read_rgb
from coursework.standins import MARK
from hardhat import data, site, standin
from hardhat.config import CONFIGS

CONFIG = replace(CONFIGS["tiny"], few=None, drawn=(4, 2, 4), photograph_sources=("folder",))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three pictures with a helmet each, the second with a head and a person, too."""
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path))
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path / "build"))
    for number in (1, 2, 10):
        objects = [("helmet", [2, 3, 12, 15])]
        if number == 2:
            objects += [("head", [20, 4, 29, 16]), ("person", [18, 4, 35, 39])]
        write(tmp_path / "hardhat", f"site{number}", objects)
    return tmp_path / "hardhat"


def write(folder, name, objects, size=(40, 40), suffix=".png"):
    for below in ("images", "annotations"):
        (folder / below).mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (90, 100, 110)).save(folder / "images" / f"{name}{suffix}")
    (folder / "annotations" / f"{name}.xml").write_text(standin.to_xml(f"{name}{suffix}", 40, 40, objects))


def test_annotations_are_read_in_the_order_of_their_numbers(folder):
    pictures, notes = data.read_folder(folder)
    assert [picture.path.stem for picture in pictures] == ["site1", "site2", "site10"]
    assert pictures[1].names == ("helmet", "head", "person")
    assert pictures[1].boxes[1].tolist() == [20, 4, 29, 16]
    assert pictures[1].of("head").boxes.tolist() == [[20, 4, 29, 16]]
    assert notes == ()


def test_coco_and_back(folder):
    pictures, _ = data.read_folder(folder)
    again = data.from_coco(data.to_coco(pictures))
    for picture, back in zip(pictures, again, strict=True):
        wanted = picture.of(*data.CLASSES)  # persons are left out
        assert (back.path, back.width, back.height, back.names) == (picture.path, 40, 40, wanted.names)
        assert np.array_equal(back.boxes, wanted.boxes)


def test_upper_case_endings_and_pictures_without_objects_are_taken(folder):
    write(folder, "empty", [], suffix=".PNG")
    pictures, _ = data.read_folder(folder)
    assert {picture.path.name for picture in pictures} >= {"empty.PNG"}
    assert [len(picture.boxes) for picture in pictures if picture.path.stem == "empty"] == [0]
    assert data.to_coco(pictures)["images"][0]["file_name"].endswith("empty.PNG")


def test_boxes_are_cut_and_those_without_an_area_are_counted(folder):
    write(folder, "odd", [("helmet", [30, 30, 50, 60]), ("helmet", [5, 5, 5, 9]), ("head", [41, 2, 60, 9])])
    pictures, notes = data.read_folder(folder)
    odd = next(picture for picture in pictures if picture.path.stem == "odd")
    assert odd.boxes.tolist() == [[30, 30, 40, 40]]
    assert notes == ("2 boxes without an area or outside their picture were left out",)


ENTITIES = '<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>'


@pytest.mark.fault(
    "XML entities, malformed XML, boxes with ymax < ymin (11W)",
    "an error that names the file; entities are never resolved",
)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda xml: xml[:-20], "is no annotation"),
        (lambda xml: ENTITIES, "is no annotation .*EntitiesForbidden"),
        (lambda xml: '<?xml version="1.0" encoding="x"?>' + xml, r"site1.xml is no annotation .*unknown encoding: x"),
        (lambda xml: '<?xml version="1.0" encoding="shift_jis"?>' + xml, r"site1.xml is no annotation .*multi-byte"),
        (lambda xml: xml.replace("<width>40</width>", ""), "has None for size/width"),
        (
            lambda xml: xml.replace("<width>40", "<width>50"),
            r"site1.xml: site1.png has 40 × 40 pixels, but its labels are for 50 × 40",
        ),
        (lambda xml: xml.replace(">helmet<", ">hat<"), "has an object 'hat'; expected helmet, head, person"),
        (lambda xml: xml.replace("<xmin>2<", "<xmin>99<"), "has a box upside down"),
        (lambda xml: xml.replace("<xmin>2<", "<xmin>two<"), "has 'two' for bndbox/xmin"),
        (lambda xml: xml.replace("<xmin>2<", "<xmin>inf<"), "has 'inf' for bndbox/xmin"),
    ],
)
def test_a_bad_annotation_is_named(folder, change, message):
    path = folder / "annotations/site1.xml"
    path.write_text(change(path.read_text()))
    with pytest.raises(ValueError, match=message):
        data.read_folder(folder)


def test_files_that_lack_their_partner_are_named(folder):
    (folder / "annotations/site2.xml").unlink()
    with pytest.raises(ValueError, match=r"1 of 3 files have no annotation: site2.png"):
        data.read_folder(folder)
    (folder / "images/site2.png").unlink()
    (folder / "images/site10.png").unlink()
    with pytest.raises(ValueError, match=r"1 of 2 files have no picture: site10.xml"):
        data.read_folder(folder)


def test_two_of_a_name_and_a_corrupt_picture(folder):
    (folder / "images/site1.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"site1.xml: images/site1.png is no image file"):
        data.read_folder(folder)
    Image.new("RGB", (40, 40)).save(folder / "images/site1.jpg")
    with pytest.raises(ValueError, match=r"site1.jpg and site1.png have the same name"):
        data.read_folder(folder)


def write_turned(folder, name, orientation, size, box):
    """A picture with a red box, stored turned; its annotation is for an image of this size."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.new("RGB", (40, 30))
    picture.paste((255, 0, 0), (5, 4, 14, 20))
    picture.save(folder / "images" / f"{name}.png", exif=exif)
    xml = standin.to_xml(f"{name}.png", *size, [("helmet", box)])
    (folder / "annotations" / f"{name}.xml").write_text(xml)


@pytest.mark.fault(
    "a photograph with an EXIF orientation (11W)",
    "its boxes are rotated with it; an error if it is unclear to which pixels they refer",
)
@pytest.mark.parametrize(("size", "box"), [((40, 30), [5, 4, 14, 20]), ((30, 40), [10, 5, 26, 14])])
def test_boxes_of_a_photograph_that_is_stored_turned(folder, size, box):
    write_turned(folder, "turned", 6, size, box)
    (picture,) = [some for some in data.read_folder(folder)[0] if some.path.stem == "turned"]
    assert (picture.width, picture.height) == (30, 40)
    assert picture.boxes.tolist() == [[10, 5, 26, 14]]
    left, top, right, bottom = picture.boxes[0].astype(int)
    red = np.asarray(read_rgb(picture.path))[..., 0]
    assert (red[top:bottom, left:right] == 255).all()
    assert (red == 255).sum() == (bottom - top) * (right - left)
    assert data.to_coco([picture])["images"][0] | {"width": 30, "height": 40} == data.to_coco([picture])["images"][0]


def test_boxes_that_may_be_for_either_side_are_named(folder):
    write_turned(folder, "turned", 3, (40, 30), [5, 4, 14, 20])
    with pytest.raises(ValueError, match=r"turned\.xml: turned\.png has an EXIF orientation \(ROTATE_180"):
        data.read_folder(folder)


@pytest.mark.parametrize("deeper", ["archive", "hard-hat-detection/dataset"])
def test_photographs_are_found_on_a_deeper_level(folder, deeper):
    (folder / deeper).mkdir(parents=True)
    for name in ("images", "annotations"):
        (folder / name).rename(folder / deeper / name)
    (folder / "__MACOSX" / "images").mkdir(parents=True)
    (folder / deeper / "images" / "._site1.png").write_bytes(b"mac")
    (folder / deeper / "annotations" / ".DS_Store").write_bytes(b"mac")
    found = data.load_photographs(replace(CONFIG, photographs=(2, 1)))
    assert len(found) == 3
    (folder / "copy").mkdir()
    (folder / deeper).rename(folder / "copy" / "one")
    (folder / "copy" / "two" / "images").mkdir(parents=True)
    with pytest.raises(ValueError, match="holds several folders images: copy/one/images, copy/two/images; keep one"):
        data.load_photographs(CONFIG)


@pytest.mark.fault("an archive in the data folder that nobody has unpacked (11W)", "an error that says to unpack it")
def test_an_archive_and_other_folders_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path))
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("images/hard_hat_workers0.png", b"")
    with pytest.raises(FileNotFoundError, match=r"archive\.zip in the data folder is not unpacked; .* into hardhat/"):
        data.load_photographs(CONFIG)
    (tmp_path / "archive.zip").unlink()
    (tmp_path / "hardhat" / "pictures").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="hardhat/ holds pictures; expected images/ and annotations/"):
        data.load_photographs(CONFIG)


def test_photographs_are_split_by_the_seed(folder):
    found = data.load_photographs(replace(CONFIG, photographs=(2, 1)))
    assert (len(found.train), len(found.test), found.name) == (2, 1, "photographs")
    names = [picture.path.name for picture in (*found.train, *found.test)]
    assert len(set(names)) == 3
    whole = data.load_sites(replace(CONFIG, sources=("folder",), photographs=(2, 1)))
    assert (len(whole.train), len(whole.validation), len(whole.test)) == (1, 1, 1)  # what is trained on is watched
    parts = [{picture.path.name for picture in part} for part in (whole.train, whole.validation, whole.test)]
    assert len(set.union(*parts)) == 3
    assert parts[2] == {picture.path.name for picture in found.test}
    (folder / MARK).write_text("{}")
    with pytest.raises(ValueError, match="drawn stand-in"):
        data.load_photographs(CONFIG)


def test_no_photographs_are_no_error(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path))
    assert data.load_photographs(CONFIG) is None


def test_the_stand_in_has_its_parts(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path))
    found = data.load_drawn(CONFIG)
    assert [len(part) for part in (found.train, found.validation, found.test)] == [4, 2, 4]
    assert len(found.generator) == 64
    assert {picture.width for picture in found.train} == {site.SIDE}


def test_a_few_sites_are_those_of_the_whole_set(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path))
    few = data.load_drawn(replace(CONFIG, few=(2, 1, 3)))
    assert len(list(tmp_path.rglob("*.jpg"))) == 6
    whole = data.load_drawn(CONFIG)
    assert len(list(tmp_path.rglob("*.jpg"))) == 6 + 10
    for part, number in (("train", 2), ("validation", 1), ("test", 3)):
        some, everything = getattr(few, part), getattr(whole, part)
        assert [picture.path.name for picture in some] == [picture.path.name for picture in everything[:number]]
        for left, right in zip(some, everything, strict=False):
            assert left.path.read_bytes() == right.path.read_bytes()
            assert np.array_equal(left.boxes, right.boxes)
    assert (few.name, few.generator) == (whole.name, whole.generator)


def test_a_site_depends_on_seed_and_number_alone():
    first, second = standin.draw_picture(3, False, 11), standin.draw_picture(3, False, 11)
    assert first == second
    assert first != standin.draw_picture(4, False, 11)
    assert first != standin.draw_picture(3, False, 12)
    with Image.open(io.BytesIO(first[0])) as picture:
        assert picture.size == (site.SIDE, site.SIDE)


def test_boxes_are_where_the_heads_are():
    """Without workers the picture would be another one there: boxes hold most of what a helmet changes."""
    scenes = [site.draw_scene(np.random.default_rng([1, number]), helmets=1.0) for number in range(12)]
    assert sum(len(scene.boxes) for scene in scenes) > 12
    for scene in scenes:
        assert set(scene.names) <= {"helmet"}
        assert (scene.boxes[:, 2:] > scene.boxes[:, :2]).all()
        assert scene.boxes.min(initial=0) >= 0
        assert scene.boxes.max(initial=0) <= site.SIDE
        assert len(scene.bodies) == len(scene.boxes)
        assert (scene.bodies[:, 3] >= scene.boxes[:, 3]).all()
    bare = site.draw_scene(np.random.default_rng(2), helmets=0.0)
    assert set(bare.names) <= {"head"}


def test_who_is_hidden_is_not_labelled():
    picture = Image.new("RGB", (site.SIDE, site.SIDE))
    square = np.array([[100, 100], [140, 100], [140, 140], [100, 140]], float)
    body = square + np.array([0, 60])
    both = site.label(picture, [(square, True), (square + 2, False)], [body, body])
    assert both.names == ["head"]  # the nearer one hides the other
    apart = site.label(picture, [(square, True), (square + 100, False)], [body, body + 100])
    assert apart.names == ["helmet", "head"]
    assert apart.boxes[0].tolist() == [100, 100, 140, 140]
    tiny = site.label(picture, [(square / 10, True)], [body])
    assert tiny.names == []
