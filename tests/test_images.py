"""The reader of image files: ordinary ones keep their pixels, unusual ones are put right, bad ones are named."""

import io
import struct
import zlib
from functools import partial

import numpy as np
import pytest
from PIL import Image, ImageOps
from PIL.Image import Resampling, Transpose

from autoencoders import data as autoencoders_data
from coursework import images
from gan import data as gan_data
from segmentation import data as segmentation_data
from simpsons import data as simpsons_data

SCENE = np.random.default_rng(0).integers(0, 256, (21, 25, 3), dtype=np.uint8)
PHOTOGRAPH = Image.fromarray(SCENE).resize((250, 213), Resampling.BICUBIC)  # smooth, as JPEG expects
ORDINARY = {
    "colour.jpg": ("RGB", {"quality": 75}),
    "fine.jpg": ("RGB", {"quality": 95, "subsampling": 0}),
    "progressive.jpg": ("RGB", {"progressive": True}),
    "grey.jpg": ("L", {}),
    "colour.png": ("RGB", {}),
    "grey.png": ("L", {}),
    "palette.png": ("P", {}),
    "opaque.png": ("RGBA", {}),
    "colour.bmp": ("RGB", {}),
}
STORED_TURNED = range(2, 9)  # EXIF orientations other than 1, which means upright


def save(path, image=PHOTOGRAPH, orientation=None, **settings):
    """Save an image, with an EXIF orientation if there is one; its pixels are stored as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
        settings["exif"] = exif
    image.save(path, **settings)
    return path


def as_before(path):
    """The pixels that every week got before there was one reader, from an opened file."""
    with Image.open(path) as image:
        return image.convert("RGB")


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_files_keep_the_pixels_that_weights_were_trained_on(tmp_path, name):
    mode, settings = ORDINARY[name]
    path = save(tmp_path / name, PHOTOGRAPH.convert(mode), **settings)
    before = as_before(path)
    assert np.array_equal(images.read_rgb(path), before)
    for side in (28, 128, 300):
        squeezed = np.asarray(before.resize((side, side), Resampling.BILINEAR))
        found, size = simpsons_data.read_image(path, side)
        assert np.array_equal(found, squeezed)
        assert size == before.size
    for side, share in ((64, autoencoders_data.CROP), (128, gan_data.CROP), (32, 1.0)):
        size = share * 213
        box = (125 - size / 2, 106.5 - size / 2, 125 + size / 2, 106.5 + size / 2)
        middle = before.resize((side, side), Resampling.BICUBIC, box, reducing_gap=3)
        assert np.array_equal(images.read_middle(path, side, share), np.asarray(middle))


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_dermoscopic_images_keep_their_pixels(tmp_path, name):
    mode, settings = ORDINARY[name]
    path = save(tmp_path / "IMD1/IMD1_Dermoscopic_Image" / name, PHOTOGRAPH.convert(mode), **settings)
    mask = Image.fromarray(np.arange(250 * 213).reshape(213, 250) % 250 < 90)
    save(tmp_path / "IMD1/IMD1_lesion/IMD1_lesion.bmp", mask)
    image, found = segmentation_data.read_case(tmp_path / "IMD1", 64)
    assert np.array_equal(image, np.asarray(as_before(path).resize((64, 64), Resampling.BOX)))
    assert np.array_equal(found, np.asarray(mask.convert("L").resize((64, 64), Resampling.NEAREST)) // 255)


@pytest.mark.fault("a photograph with an EXIF orientation (6W, 8W, 10W)", "read upright by every week")
@pytest.mark.parametrize("orientation", STORED_TURNED)
def test_a_photograph_that_is_stored_turned_is_read_upright(tmp_path, orientation):
    upright = ImageOps.exif_transpose(Image.open(save(tmp_path / "a.png", orientation=orientation)))
    assert upright.size == ((213, 250) if orientation > 4 else (250, 213))
    found = images.read_rgb(tmp_path / "a.png")
    assert np.array_equal(found, upright)
    assert not np.array_equal(found, PHOTOGRAPH)
    save(tmp_path / "upright.png", upright)
    for share in (0.3, 1.0):
        turned, plain = (images.read_middle(tmp_path / name, 32, share) for name in ("a.png", "upright.png"))
        assert np.array_equal(turned, plain)
    assert simpsons_data.read_image(tmp_path / "a.png", 8)[1] == upright.size


def test_damaged_exif_data_say_nothing(tmp_path):
    path = save(tmp_path / "a.webp", orientation=6, lossless=True)
    path.write_bytes(path.read_bytes().replace(b"MM\x00*", b"M?\x00*"))
    assert np.array_equal(images.read_rgb(path), PHOTOGRAPH)


@pytest.mark.fault("16-bit greys, transparency (8W, 10W)", "scaled to 8 bits; what is transparent is white")
def test_sixteen_bits_are_scaled_and_transparency_is_white(tmp_path):
    deep, clear = tmp_path / "deep.png", tmp_path / "clear.png"
    Image.fromarray(np.full((5, 5), 257 * 100, np.uint16)).save(deep)
    assert (images.read_middle(deep, 2, 1.0) == 100).all()
    for mode, black in (("RGBA", (0, 0, 0, 0)), ("LA", (0, 0))):
        Image.new(mode, (5, 5), black).save(clear)
        assert (images.read_middle(clear, 2, 1.0) == 255).all()
    Image.new("P", (5, 5), 0).save(clear, transparency=0)
    assert (images.read_middle(clear, 2, 1.0) == 255).all()


def test_floating_point_pixels_are_refused(tmp_path):
    Image.fromarray(np.full((5, 5), 0.5, np.float32)).save(tmp_path / "a.png", "TIFF")
    with pytest.raises(ValueError, match=r"a\.png cannot be read \(its pixels are floating-point numbers; save it"):
        images.read_rgb(tmp_path / "a.png")


def cut_off():
    """The first half of a JPEG file."""
    buffer = io.BytesIO()
    PHOTOGRAPH.save(buffer, "JPEG")
    return buffer.getvalue()[: len(buffer.getvalue()) // 2]


def short_header():
    """A PNG file whose header is too short, for which Pillow raises a ValueError that names no file."""
    chunk = b"IHDR" + bytes(5)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 5) + chunk + struct.pack(">I", zlib.crc32(chunk))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"ann/a\.jpg is empty"),
        (b"<!doctype html><title>", r"ann/a\.jpg is no image file, it starts with b'<!doctype html>'"),
        (cut_off(), r"ann/a\.jpg cannot be read \(image file is truncated"),
        (short_header(), r"ann/a\.jpg cannot be read \(Truncated IHDR"),
    ],
    ids=["empty", "HTML", "cut off", "short header"],
)
def test_a_bad_file_is_named_without_its_place_on_this_machine(tmp_path, content, message):
    path = tmp_path / "ann" / "a.jpg"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        images.read_rgb(path)
    assert str(tmp_path) not in str(caught.value)


def test_links_are_followed_and_what_systems_leave_does_not_count(tmp_path):
    real = [save(tmp_path / "elsewhere" / f"{name}.png") for name in "ab"]
    folder = tmp_path / "faces"
    for name in ("._a.png", ".DS_Store", "__MACOSX/._a.png", "__MACOSX/a.png", ".cache/a.png"):
        save(folder / name, format="PNG")
    (folder / "album.jpg").mkdir()  # a folder that looks like a file
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "again").symlink_to(folder)  # a loop
    (folder / "c.png").symlink_to(real[0])
    names = [path.relative_to(folder).as_posix() for path in images.list_images_below(folder)]
    assert names == ["c.png", "linked/a.png", "linked/b.png"]
    assert images.list_images(folder) == [folder / "c.png"]
    assert images.list_images(folder / "missing") == []


def test_a_link_that_leads_nowhere_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path / "build"))
    good, lost = save(tmp_path / "a.png"), tmp_path / "b.png"
    read = partial(images.read_middle, side=8, share=1.0)
    assert images.decode_once("8W", [good], read, 8).shape == (1, 8, 8, 3)
    lost.symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(ValueError, match=r"1 of 2 images cannot be read: .*/b\.png is a broken symbolic link"):
        images.decode_once("8W", [good, lost], read, 8)
    lost.unlink()
    with pytest.raises(ValueError, match=r"b\.png does not exist"):
        images.decode_once("8W", [good, lost], read, 8)


@pytest.mark.fault("the code that decodes images is changed", "they are decoded anew; what older code made is not used")
def test_arrays_are_not_served_to_other_code(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path / "build"))
    paths = [save(tmp_path / "a.png")]

    def black(path):
        return np.zeros((4, 4, 3), np.uint8)

    def white(path):
        return np.full((4, 4, 3), 255, np.uint8)

    keys = [images.cache_key(paths, read, 4) for read in (black, white, black)]
    assert keys[0] == keys[2] != keys[1]
    found = [images.decode_once("8W", paths, read, 4).max() for read in (black, white, black)]
    assert found == [0, 255, 0]
    assert images.cache_key(paths, partial(white, path=1), 4) != images.cache_key(paths, partial(white, path=2), 4)
    for name, value in (("source_hash", lambda paths: "other code"), ("PIL", replace_version("0"))):
        monkeypatch.setattr(images, name, value)
        keys.append(images.cache_key(paths, black, 4))
    assert len(set(keys)) == 4


def replace_version(version):
    """Something like the module PIL, of another version."""
    return type("PIL", (), {"__version__": version})


def test_labels_say_which_pixels_they_are_for(tmp_path):
    path = save(tmp_path / "a.png")
    assert images.turn_of_labels(path, (250, 213)) is None
    with pytest.raises(
        ValueError, match=r"a\.png has 250 × 213 pixels, but its labels are for 213 × 250; the sizes must agree"
    ):
        images.turn_of_labels(path, (213, 250))
    save(path, orientation=6)
    assert images.turn_of_labels(path, (213, 250)) is None  # the upright image's
    assert images.turn_of_labels(path, (250, 213)) == Transpose.ROTATE_270  # the stored pixels'
    with pytest.raises(ValueError, match="the sizes must agree"):
        images.turn_of_labels(path, (250, 250))
    save(path, orientation=3)
    with pytest.raises(ValueError, match=r"a\.png has an EXIF orientation \(ROTATE_180.*save it upright"):
        images.turn_of_labels(path, (250, 213))
    save(path, PHOTOGRAPH.resize((50, 50)), orientation=6)
    with pytest.raises(ValueError, match="The stored and the upright image have the same size"):
        images.turn_of_labels(path, (50, 50))


@pytest.mark.parametrize("turn", images.QUARTER_TURNS)
def test_boxes_turn_with_their_image(turn):
    pixels = np.zeros((30, 40), np.uint8)
    pixels[5:9, 12:31] = 255
    boxes = images.turn_boxes(np.array([[12.0, 5, 31, 9]]), turn, (40, 30))
    left, top, right, bottom = boxes[0].astype(int)
    upright = np.asarray(Image.fromarray(pixels).transpose(turn))
    assert (upright[top:bottom, left:right] == 255).all()
    assert (upright == 255).sum() == (bottom - top) * (right - left)
    assert images.turn_boxes(np.zeros((0, 4)), turn, (40, 30)).shape == (0, 4)
    assert np.array_equal(images.turn_boxes(boxes, None, (40, 30)), boxes)
