"""The loader: PH2's layout, masks of every kind, named faults, the split; the synthetic images."""

import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from coursework.standins import MARK, read_mark
from segmentation import data, dermoscopy, synthetic
from segmentation.config import CONFIGS
from segmentation.transforms import AFFINE, AUGMENTATION, COLOUR, LesionDataset

TINY = replace(CONFIGS["tiny"], sources=("folder",), parts=(2, 1, 1), image_size=16)
CASES = ("IMD002", "IMD003", "IMD004", "IMD006")


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path))
    return tmp_path


def disc(size=(40, 30)):
    """A mask, bool (H, W), with a lesion in its upper left."""
    rows, columns = np.mgrid[0 : size[1], 0 : size[0]]
    return (columns - 12) ** 2 + (rows - 10) ** 2 < 64


def make_case(folder, name, mask=None, size=(40, 30)):
    """One case in PH2's layout; `mask` is an array or an image."""
    place = folder.joinpath(*data.BELOW, name)
    for kind in ("Dermoscopic_Image", "lesion", "roi"):
        (place / f"{name}_{kind}").mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (200, 150, 130)).save(place / f"{name}_Dermoscopic_Image" / f"{name}.bmp")
    mask = disc(size) if mask is None else mask
    image = mask if isinstance(mask, Image.Image) else Image.fromarray(mask)
    image.save(place / f"{name}_lesion" / f"{name}_lesion.bmp")
    Image.fromarray(~disc(size)).save(place / f"{name}_roi" / f"{name}_R1_Label4.bmp")
    return place


def make_database(root, names=CASES):
    for name in names:
        make_case(root / "ph2", name)
    return root / "ph2"


def test_the_database_is_read_and_split(root):
    make_database(root)
    found = data.load_lesions(TINY)
    parts = (found.train, found.validation, found.test)
    assert [len(part) for part in parts] == [2, 1, 1]
    assert sorted(name for part in parts for name in part.names) == list(CASES)
    assert found.train.images.shape == (2, 16, 16, 3)
    assert found.train.masks.dtype == np.uint8
    assert set(np.unique(found.train.masks)) == {0, 1}
    assert found.train.masks.mean() == pytest.approx(disc().mean(), abs=0.03)
    assert (found.name, found.generator) == ("ph2", None)
    again = data.load_lesions(TINY)
    assert again.train.names == found.train.names
    others = [data.load_lesions(replace(TINY, seed=seed)).train.names for seed in range(5)]
    assert any(names != found.train.names for names in others)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P"])
def test_masks_of_every_kind(root, mode):
    make_database(root, CASES[1:])
    make_case(root / "ph2", CASES[0], Image.fromarray(disc()).convert(mode))
    found = data.read_lesions(root / "ph2", 16)
    assert np.array_equal(found.masks[0], found.masks[1])


GREY = Image.fromarray(np.arange(1200, dtype=np.uint8).reshape(30, 40))
COLOURED = Image.new("RGB", (40, 30), (255, 0, 0))
BAD = [
    (np.zeros((30, 40), bool), "IMD003: the mask is all black; expected a lesion and skin around it"),
    (np.ones((30, 40), bool), "IMD003: the mask is all white"),
    (GREY, "IMD003: the mask has 256 grey values, expected black and white"),
    (COLOURED, "IMD003: the mask is in colour"),
    (disc((30, 30)), "IMD003: IMD003.bmp has 40 × 30 pixels, but its labels are for 30 × 30; the sizes must agree"),
]


@pytest.mark.parametrize(("mask", "message"), BAD)
def test_bad_masks_are_named(root, mask, message):
    make_database(root)
    make_case(root / "ph2", "IMD003", mask)
    with pytest.raises(ValueError, match=f"1 of 4 cases cannot be used: {message}"):
        data.load_lesions(TINY)


@pytest.mark.fault("missing and broken pictures (7W)", "one error that lists every case")
def test_missing_and_broken_files_are_named(root):
    place = make_database(root).joinpath(*data.BELOW)
    (place / "IMD002" / "IMD002_lesion" / "IMD002_lesion.bmp").unlink()
    (place / "IMD003" / "IMD003_Dermoscopic_Image" / "IMD003.bmp").write_bytes(b"BM no picture")
    (place / "IMD004" / "IMD004_Dermoscopic_Image" / "IMD004.bmp").write_bytes(b"")
    Image.new("RGB", (40, 30)).save(place / "IMD006" / "IMD006_Dermoscopic_Image" / "other.jpg")
    with pytest.raises(ValueError, match="4 of 4 cases cannot be used") as caught:
        data.load_lesions(TINY)
    said = str(caught.value)
    assert "IMD002: expected one mask in IMD002_lesion/, found none" in said
    assert "IMD003: IMD003_Dermoscopic_Image/IMD003.bmp is no image file, it starts with b'BM no picture'" in said
    assert "IMD004: IMD004.bmp is empty" in said
    assert "IMD006: expected one image in IMD006_Dermoscopic_Image/, found IMD006.bmp, other.jpg" in said


@pytest.mark.parametrize("deeper", ["PH2Dataset", "archive/PH2Dataset", "PH2Dataset/PH2Dataset", ""])
def test_the_database_is_found_on_whichever_level_it_was_unpacked(root, deeper):
    make_database(root / "made")
    (root / "ph2" / deeper).mkdir(parents=True)
    (root / "made" / "ph2" / "PH2Dataset" / data.BELOW[-1]).rename(root / "ph2" / deeper / data.BELOW[-1])
    (root / "ph2" / "__MACOSX" / "PH2Dataset" / data.BELOW[-1]).mkdir(parents=True)
    assert len(data.load_lesions(TINY)) == 4


def test_other_folders_are_named(root):
    ph2 = make_database(root)
    with pytest.raises(FileNotFoundError, match="holds the cases themselves; expected"):
        data.find_cases(ph2.joinpath(*data.BELOW))
    empty = root / "empty"
    empty.mkdir()
    with pytest.raises(FileNotFoundError, match="empty/ holds nothing; expected empty/PH2Dataset"):
        data.find_cases(empty)


def test_what_macs_leave_does_not_count(root):
    place = make_database(root).joinpath(*data.BELOW)
    for below in ("IMD002/IMD002_Dermoscopic_Image/._IMD002.bmp", ".DS_Store", "IMD002/IMD002_lesion/.DS_Store"):
        (place / below).write_bytes(b"mac")
    assert len(data.load_lesions(TINY)) == 4


@pytest.mark.fault("an archive in the data folder that nobody has unpacked (7W)", "an error that says to unpack it")
@pytest.mark.parametrize("name", ["ph2/PH2Dataset.rar", "ph2/ph2.zip", "ph2.zip"])
def test_an_archive_is_named(root, name):
    (root / "ph2").mkdir()
    with zipfile.ZipFile(root / name, "w") as archive:
        archive.writestr("PH2Dataset/PH2 Dataset images/IMD002/IMD002_lesion/IMD002_lesion.bmp", b"")
    with pytest.raises(FileNotFoundError, match=f"{name} in the data folder is not unpacked; unpack it into ph2/"):
        data.load_lesions(TINY)


def save_turned(place, orientation, lesion):
    """Store a case turned, as its EXIF orientation says; `lesion` is its mask."""
    (image,) = (place / f"{place.name}_Dermoscopic_Image").iterdir()
    image.unlink()
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = np.where(disc()[..., None], 20, 220).repeat(3, axis=2).astype(np.uint8)  # dark where the lesion is
    Image.fromarray(pixels).save(image.with_suffix(".png"), exif=exif)
    lesion.save(place / f"{place.name}_lesion" / f"{place.name}_lesion.bmp")


@pytest.mark.fault("a photograph with an EXIF orientation (7W)", "image and mask are rotated together")
@pytest.mark.parametrize("for_upright", [True, False])
def test_an_image_that_is_stored_turned_keeps_its_mask(root, for_upright):
    place = make_database(root).joinpath(*data.BELOW, "IMD003")
    mask = Image.fromarray(disc())
    save_turned(place, 6, mask.transpose(Image.Transpose.ROTATE_270) if for_upright else mask)
    image, found = data.read_case(place, 30)
    assert ((image[..., 0] < 120) == (found == 1)).mean() > 0.98
    assert found[:15, 15:].mean() > 3 * found[15:, :15].mean()  # it was in the upper left of the stored pixels


def test_a_mask_that_may_belong_to_either_side_is_named(root):
    place = make_database(root).joinpath(*data.BELOW, "IMD003")
    save_turned(place, 3, Image.fromarray(disc()))
    with pytest.raises(ValueError, match=r"IMD003: IMD003\.png has an EXIF orientation \(ROTATE_180"):
        data.load_lesions(TINY)


def test_masks_of_sixteen_bits_and_with_transparency(root):
    make_database(root, CASES[1:])
    deep = Image.fromarray(disc().astype(np.uint16) * 65535)
    for mask in (deep, Image.fromarray(disc()).convert("L").convert("LA")):
        place = make_case(root / "ph2", CASES[0]) / f"{CASES[0]}_lesion"
        for old in place.iterdir():
            old.unlink()
        mask.save(place / "mask.png")
        found = data.read_lesions(root / "ph2", 16)
        assert np.array_equal(found.masks[0], found.masks[1])


def test_the_same_case_twice_is_named(root):
    make_database(root)
    make_case(root / "ph2", "imd003")
    with pytest.raises(ValueError, match="imd003 is there twice, also as IMD003"):
        data.load_lesions(TINY)


@pytest.mark.fault(
    "full with only synthetic data there (7W)",
    "an error with instructions; synthetic data never replace real ones silently",
)
def test_without_data_there_is_a_way_out(root):
    with pytest.raises(FileNotFoundError, match="ask the ADDI project for the PH2 database"):
        data.load_lesions(TINY)
    with pytest.raises(ValueError, match="unknown source 'web'; there are: folder, synthetic"):
        data.load_lesions(replace(TINY, sources=("web",)))
    make_database(root)
    with pytest.raises(ValueError, match=r"4 images, but \(9, 1, 1\) require 11"):
        data.load_lesions(replace(TINY, parts=(9, 1, 1)))
    (root / "ph2" / MARK).write_text("{}")
    with pytest.raises(ValueError, match="it is a drawn stand-in, not the real data set"):
        data.load_lesions(TINY)


def make_lesions(number, diagnoses=None):
    """Blank images; with `diagnoses`, of these in turn."""
    blank = np.zeros((number, 1, 1, 3), np.uint8)
    kinds = np.full(number, data.UNKNOWN) if diagnoses is None else np.resize(diagnoses, number)
    return data.LesionData(blank, blank[..., 0], [f"IMD{k:03d}" for k in range(1, number + 1)], kinds)


def test_the_split_is_stratified_and_pairs_stay_in_training():
    lesions = make_lesions(200, [0, 0, 1, 1, 2])
    pairs = (("IMD001", "IMD002"), ("IMD007", "IMD150"))
    parts = data.split(lesions, (100, 50, 50), 42, pairs)
    assert sorted(name for part in parts for name in part.names) == lesions.names
    for part, size in zip(parts, (100, 50, 50), strict=True):
        assert len(part) == size
        assert np.abs(np.bincount(part.diagnoses) - size * np.array([0.4, 0.4, 0.2])).max() <= 2
    assert {name for pair in pairs for name in pair} <= set(parts[0].names)
    smaller = data.split(lesions, (10, 5, 5), 42, pairs)
    assert [len(part) for part in smaller] == [10, 5, 5]
    assert len({name for part in smaller for name in part.names}) == 20


def test_both_photographs_of_a_lesion_are_used_for_training(root):
    twice = [name for pair in data.PHOTOGRAPHED_TWICE for name in pair]
    make_database(root, [*twice, *(f"IMD5{k:02d}" for k in range(16))])
    found = data.load_lesions(replace(TINY, parts=(12, 6, 6)))
    assert set(twice) <= set(found.train.names)


def test_no_lesion_is_in_two_folds():
    lesions = replace(make_lesions(200, [0, 1]), names=[f"IMD{k:03d}" for k in range(1, 420)][:200])
    names = [*lesions.names[:-2], "IMD408", "IMD409"]
    lesions = replace(lesions, names=names)
    folds = data.cross_validation_folds(lesions, 5, 0)
    tests = [set(test.tolist()) for _, test in folds]
    assert sorted(row for test in tests for row in test) == list(range(200))
    assert all(set(train.tolist()) | test == set(range(200)) for (train, _), test in zip(folds, tests, strict=True))
    for pair in data.PHOTOGRAPHED_TWICE:
        rows = {names.index(name) for name in pair if name in names}
        assert sum(bool(rows & test) for test in tests) <= 1


TABLES = {
    "tabs": "Name\tClinical Diagnosis\tAsymmetry\nIMD002\t1\t1\nIMD003\t0\t0\n\t\t\ngends f\t\t\n0 - Co\t\t\n",
    "bars": "||   Name   ||  Histological Diagnosis || Clinical Diagnosis || Asymmetry ||\n"
    "|| IMD002 || Melanoma in situ || 1 || 1 ||\n|| IMD003 ||  || 0 || 0 ||\n\nLegends for || the columns\n",
}


@pytest.mark.parametrize("kind", TABLES)
def test_diagnoses_are_those_of_the_publishers_table(root, kind):
    folder = make_database(root) / "PH2Dataset"
    (folder / data.TABLE).write_text(TABLES[kind])
    found = data.read_lesions(root / "ph2", 16)
    assert dict(zip(found.names, found.diagnoses.tolist(), strict=True)) == {
        "IMD002": 1,
        "IMD003": 0,
        "IMD004": data.UNKNOWN,
        "IMD006": data.UNKNOWN,
    }


@pytest.mark.fault("a table of diagnoses without its column (7W)", "an error that names file and column")
def test_another_table_is_named(root):
    folder = make_database(root) / "PH2Dataset"
    (folder / data.TABLE).write_text("Name\tAge\nIMD002\t50\n")
    with pytest.raises(ValueError, match=r"PH2_dataset\.txt has no column Clinical Diagnosis"):
        data.load_lesions(TINY)


def test_a_synthetic_case_depends_on_its_own_number_only():
    first, again, other = (synthetic.generate_case(number, 1) for number in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])
    image, mask = first
    assert (image.shape, image.dtype) == ((dermoscopy.HEIGHT, dermoscopy.WIDTH, 3), np.uint8)
    assert (mask.shape, mask.dtype) == ((dermoscopy.HEIGHT, dermoscopy.WIDTH), np.uint8)


def test_synthetic_lesions_are_darker_than_the_skin_around():
    gaps = []
    for number in range(8):
        image, mask = synthetic.generate_case(number, 2)
        lit = image.mean(axis=2) > 40  # not the dark corners
        inside, outside = (image[lit & (mask == value)].mean() for value in (1, 0))
        gaps.append(outside - inside)
    assert min(gaps) > 0
    assert np.median(gaps) > 20


def test_synthetic_images_are_read_by_the_loader_of_ph2(root):
    found = data.load_lesions(replace(TINY, sources=("folder", "synthetic")))
    assert (found.name, len(found)) == ("synthetic_lesions", 4)
    assert found.generator == synthetic.generator_hash()
    folder = root / "stand-in" / "ph2-4"
    assert read_mark(folder)["count"] == 4
    assert len(list(folder.glob("PH2Dataset/PH2 Dataset images/IMD*/IMD*_lesion/*.bmp"))) == 4


def test_a_few_of_the_synthetic_images_are_those_of_the_whole_set(root):
    config = replace(TINY, sources=("synthetic",), parts=(4, 2, 3))
    few = data.load_lesions(replace(config, few=(2, 1, 2)))
    generated = {path.name for path in root.rglob("IMD*") if path.suffix == "" and "_" not in path.name}
    assert len(generated) == 5
    whole = data.load_lesions(config)
    for name, number in (("train", 2), ("validation", 1), ("test", 2)):
        part, expected = getattr(few, name), getattr(whole, name).first(number)
        assert part.names == expected.names
        assert np.array_equal(part.images, expected.images)
        assert np.array_equal(part.masks, expected.masks)
    assert few.generator == whole.generator


def test_image_and_mask_move_together():
    """An image that is its own mask: geometric transforms move both, colours change in the image only."""
    mask = disc((32, 32)).astype(np.uint8)
    images = np.repeat(mask[None, ..., None] * 255, 3, axis=3)
    lesions = data.LesionData(images, mask[None], ["a"], np.array([0]))
    for seed in range(8):
        torch.manual_seed(seed)
        image, moved = LesionDataset(lesions, AFFINE)[0]
        assert set(moved.unique().tolist()) <= {0, 1}
        assert ((image[0] > 127) == moved[0].bool()).float().mean() > 0.97
        torch.manual_seed(seed)
        _, still = LesionDataset(lesions, COLOUR)[0]
        assert torch.equal(still[0], torch.from_numpy(mask).float())
    image, moved = LesionDataset(lesions, AUGMENTATION)[0]
    assert (image.shape, image.dtype, moved.shape, moved.dtype) == ((3, 32, 32), torch.uint8, (1, 32, 32), torch.float)
