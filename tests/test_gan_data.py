"""Faces for week 10: LFW's and FFHQ's layouts read from made-up pictures, the drawn ones, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from coursework.standins import MARK
from gan import data, plots
from gan.config import CONFIGS
from gan.features import draw, extract_features, generate, walk
from gan.recipe import Recipe, build_generator

CONFIG = replace(CONFIGS["tiny"], sources=("lfw",), held=0.3, per_person=2)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A data folder with ten people in LFW's layout, four pictures of the first."""
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path / "build"))
    for person in range(10):
        for number in range(1, 5 if person == 0 else 2):
            name = f"Person_{person}"
            write(tmp_path / f"data/lfw/lfw-deepfunneled/{name}/{name}_{number:04d}.jpg", 20 * person)
    return tmp_path / "data"


def write(path, grey=100, size=(250, 250), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, (grey, grey, grey) if mode == "RGB" else grey).save(path)


def test_nobody_is_on_both_sides_or_dominates(folder):
    faces = data.load_faces(CONFIG, 32)
    assert (faces.name, faces.generator, faces.attributes) == ("lfw", None, None)
    assert len(faces) == 11  # two of the first, one of each other
    greys = [set((part[:, 0, 0, 0] // 20).tolist()) for part in (faces.train, faces.held)]
    assert len(greys[1]) == 3
    assert not greys[0] & greys[1]
    assert faces.train.dtype == np.uint8
    assert faces.train.shape[1:] == (32, 32, 3)
    assert isinstance(faces.train, np.memmap)


def test_the_crop_is_exact_at_128(folder):
    picture = np.random.default_rng(0).integers(0, 256, (250, 250, 3), dtype=np.uint8)
    path = folder / "lfw/lfw-deepfunneled/Person_0/Person_0_0001.png"
    Image.fromarray(picture).save(path)
    (path.with_suffix(".jpg")).unlink()
    faces = data.load_faces(CONFIG, 128)
    everything = np.concatenate([faces.train, faces.held])
    assert (everything == picture[61:189, 61:189]).all(axis=(1, 2, 3)).sum() == 1


def test_ffhq_is_any_pictures(folder):
    for number in range(9):
        write(folder / f"ffhq/thumbs/{number:05d}.png", 10 * number, (256, 256))
    write(folder / "ffhq/more/00009.jpg", 90, (300, 200), "L")
    faces = data.load_faces(replace(CONFIG, sources=("ffhq",), limit=10), 32)
    assert (len(faces.train), len(faces.held), faces.name) == (7, 3, "ffhq")


@pytest.mark.fault(
    "FFHQ linked into the data folder, and hidden files of macOS (10W)", "found; hidden files are ignored"
)
def test_ffhq_is_found_through_links(folder, tmp_path):
    for number in range(9):
        write(tmp_path / f"disk/{number:05d}.png", 10 * number, (64, 64))
    (folder / "ffhq").mkdir()
    (folder / "ffhq/resized").symlink_to(tmp_path / "disk")
    (folder / "ffhq/00009.png").symlink_to(tmp_path / "disk/00000.png")
    for hidden in ("ffhq/._00009.png", "ffhq/__MACOSX/00000.png"):
        (folder / hidden).parent.mkdir(exist_ok=True)
        (folder / hidden).write_bytes(b"mac")
    assert len(data.load_faces(replace(CONFIG, sources=("ffhq",)), 32)) == 10


def test_ffhq_as_an_archive_is_named(folder):
    (folder / "ffhq").mkdir()
    (folder / "ffhq/archive.zip").write_bytes(b"PK")
    with pytest.raises(FileNotFoundError, match=r"ffhq/archive\.zip in the data folder is not unpacked"):
        data.load_faces(replace(CONFIG, sources=("ffhq", "drawn")), 32)


def test_drawn_faces_bring_their_truth(folder):
    faces = data.load_faces(replace(CONFIG, sources=("drawn",), people=5, pictures=2), 32)
    assert len(faces.generator) == 64
    assert len(faces.attributes) == len(faces.train)
    assert set(faces.attributes.dtypes) == {np.dtype(bool)}
    assert "Eyeglasses" in faces.attributes
    assert "drawn stand-in" in faces.source


@pytest.mark.fault("a corrupt picture (10W)", "an error that names it")
def test_a_corrupt_picture_is_named(folder):
    (folder / "lfw/lfw-deepfunneled/Person_3/Person_3_0001.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"1 of 11 images cannot be read: Person_3/Person_3_0001.jpg is no image file"):
        data.load_faces(CONFIG, 32)


def test_what_is_not_there_is_said(folder):
    with pytest.raises(FileNotFoundError, match=r"\(python -m coursework fetch 10W\), or use the profile sample"):
        data.load_faces(replace(CONFIG, sources=("ffhq",)), 32)
    with pytest.raises(ValueError, match="unknown source 'x'"):
        data.load_faces(replace(CONFIG, sources=("x",)), 32)
    (folder / "lfw" / MARK).write_text("{}")
    with pytest.raises(ValueError, match="drawn stand-in"):
        data.load_faces(CONFIG, 32)


def test_too_few_people_are_named():
    with pytest.raises(ValueError, match=r"2 people are too few to keep a share of 0.1 aside"):
        data.held_people(np.array(["a", "a", "b"]), 0.1, 0)


def test_generated_images_depend_on_the_seed_alone():
    torch.manual_seed(0)
    generator = build_generator(Recipe(side=16, latent=4, width_g=16, generator="light"))
    first, second = (generate(generator, 70, 4, seed) for seed in (1, 1))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, generate(generator, 70, 4, 2))
    assert first.shape == (70, 16, 16, 3)
    near = generate(generator, 70, 4, 1, truncation=0.0)
    assert np.ptp(near, axis=0).max() == 0
    assert np.array_equal(draw(generator, torch.zeros(1, 4)), near[:1])


def test_a_walk_keeps_the_length_of_the_noise():
    seen = []

    class Spy(torch.nn.Module):
        def forward(self, latents):
            seen.append(latents)
            return torch.zeros(len(latents), 3, 8, 8)

    torch.manual_seed(0)
    first, second = torch.randn(2, 4000)
    assert walk(Spy(), first, second, 5).shape == (5, 8, 8, 3)
    lengths = seen[0].norm(dim=1)
    assert lengths.min() > 0.95 * lengths.max()
    assert torch.equal(seen[0][0], first)
    assert torch.equal(seen[0][-1], second)


def test_features_are_a_row_an_image():
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    features = extract_features(images, batch=2)
    assert features.shape == (3, 1280)
    np.testing.assert_allclose(features[2:], extract_features(images[2:]), rtol=1e-4, atol=1e-4)


def test_a_film_has_a_frame_a_period(tmp_path):
    samples = np.random.default_rng(0).integers(0, 256, (3, 8, 16, 16, 3), dtype=np.uint8)
    (tmp_path / "film.gif").write_bytes(plots.film(samples, [1000, 2000, 3000], width=64))
    with Image.open(tmp_path / "film.gif") as film:
        assert (film.n_frames, film.size) == (3, (64, 32))
