"""Readers of files that people bring: whatever is in them, only the documented errors come out."""

import io
import time

import numpy as np
import pytest
from PIL import Image

from autoencoders import attributes
from churn import data as churn_data
from churn.telco import read_telco, split_telco
from coursework.images import read_rgb
from hardhat import data as hardhat_data
from hardhat import standin

DOCUMENTED = (ValueError, FileNotFoundError)
LURES = (b"\x00", b"\xff\xfe", b"\n", b",", b"\t", b'"', b"<", b"&#0;", b"nan", b"inf", b"-1", b"1e999", b"9" * 40)
LURES += (b"<!DOCTYPE a>", b"\xef\xbb\xbf", "é".encode("latin-1"), b"")
LURES += tuple(f'<?xml version="1.0" encoding="{name}"?>'.encode() for name in ("x", "shift_jis", "idna"))


def annotation():
    """A sound PASCAL VOC file."""
    return standin.to_xml("site.png", 40, 40, [("helmet", [2, 3, 12, 15]), ("head", [20, 4, 29, 16])]).encode()


def attribute_file():
    """A sound lfw_attributes.txt."""
    rows = "".join(f"Person {k}\t{k + 1}\t{k - 2}\t0.5\t-1.5\n" for k in range(5))
    return ("# comment\n#\tperson\timagenum\tMale\tSmiling\tEyeglasses\n" + rows).encode()


def customers():
    """The first lines of a sound train.csv."""
    return split_telco(read_telco())[0].head(20).to_csv(index=False).encode()


def image(kind):
    """A small image file that is stored turned, as its EXIF orientation says."""
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    pixels = np.random.default_rng(0).integers(0, 256, (12, 9, 4), dtype=np.uint8)
    Image.fromarray(pixels).convert("RGB" if kind == "JPEG" else "RGBA").save(buffer, kind, exif=exif)
    return buffer.getvalue()


READERS = {
    "VOC": (annotation, hardhat_data.read_annotation),
    "attributes": (attribute_file, attributes.read_lfw_attributes),
    "JPEG": (lambda: image("JPEG"), read_rgb),
    "PNG": (lambda: image("PNG"), read_rgb),
    "CSV": (customers, lambda path: churn_data.check_train(churn_data.read_csv(path), path.name)),
}


def damage(content: bytes, rng: np.random.Generator) -> bytes:
    """One to six times: cut something out, put something in, double a part, or change a byte."""
    for _ in range(rng.integers(1, 7)):
        start, length = rng.integers(0, len(content) + 1), int(rng.geometric(0.1))
        part = content[start : start + length]
        lure = LURES[rng.integers(len(LURES))]
        new = (b"", lure + part, part * 2, bytes(rng.integers(0, 256, len(part), dtype=np.uint8)), lure)
        content = content[:start] + new[rng.integers(len(new))] + content[start + length :]
    return content


def outcome(read, path, content: bytes) -> str:
    """The name of the documented error of a reader, or "read"; any other error is raised, with the file's content."""
    path.write_bytes(content)
    try:
        read(path)
    except DOCUMENTED as error:
        return type(error).__name__ if path.name in str(error) else f"{type(error).__name__} that names no file"
    except Exception as error:
        raise AssertionError(f"{type(error).__name__}: {error}, for {content!r}") from error
    return "read"


@pytest.mark.fault(
    "VOC, attribute, CSV and image files damaged at random", "read correctly, or an error that names the file"
)
@pytest.mark.parametrize("name", READERS)
def test_damaged_files_are_named(name, tmp_path):
    make, read = READERS[name]
    content, rng = make(), np.random.default_rng(0)
    assert outcome(read, tmp_path / "some.file", content) == "read"
    found = {outcome(read, tmp_path / "some.file", damage(content, rng)) for _ in range(100)}
    assert found <= {"read", "ValueError"}
    assert "ValueError" in found


@pytest.mark.fuzz
@pytest.mark.parametrize("name", READERS)
def test_for_twenty_seconds_each(name, tmp_path):
    make, read = READERS[name]
    content, seed = make(), int(time.time())
    print(f"seed {seed}")
    rng, end = np.random.default_rng(seed), time.monotonic() + 20
    while time.monotonic() < end:
        assert outcome(read, tmp_path / "some.file", damage(content, rng)) in ("read", "ValueError")
