"""python -m simpsons: predictions for image files, and trainings on a folder of the reader's own."""

import re

import numpy as np
import pytest
from PIL import Image

from simpsons import synthetic
from simpsons.__main__ import RELEASED, main
from simpsons.experiments import start_from_imagenet

COLOURS = {"blue": (30, 40, 200), "red": (200, 40, 30)}
LINE = re.compile(r"^(\S+): (\w+) ([\d.]+)%, (\w+) ([\d.]+)%(?:, (\w+) ([\d.]+)%)?$", re.MULTILINE)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """The profile tiny, with a build folder of its own."""
    monkeypatch.setenv("COURSEWORK_PROFILE", "tiny")
    monkeypatch.setenv("COURSEWORK_BUILD", str(tmp_path / "build"))
    return tmp_path


def make_tree(folder, number=8):
    """A folder per colour, with images of this colour and noise."""
    rng = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for k in range(number):
            pixels = np.clip(np.array(colour) + rng.normal(0, 20, (40, 40, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{k}.png")
    return folder


def test_predict_names_three_characters_with_probabilities(tiny, capsys):
    paths = []
    for name in ("magda_stone", "rosa_thorn"):
        path = tiny / f"{name}.jpg"
        path.write_bytes(synthetic.generate_image(name, synthetic.image_rng(42, "test", name, 3)))
        paths.append(str(path))
    assert main(["predict", *paths]) == 0
    found = LINE.findall(capsys.readouterr().out)
    assert [row[0] for row in found] == ["magda_stone.jpg", "rosa_thorn.jpg"]
    for file, first, *rest in found:
        assert first == file.removesuffix(".jpg")
        probabilities = [float(rest[k]) for k in (0, 2, 4)]
        assert sum(probabilities) <= 100
        assert probabilities == sorted(probabilities, reverse=True)


def test_a_folder_of_ones_own_is_trained_on_and_predicted(tiny, capsys, monkeypatch):
    """Two colours are learnt in a few epochs, and the weights that are written name them."""
    monkeypatch.setenv("COURSEWORK_SET", "practice=false,epochs=4,side=64,batch=4")
    monkeypatch.setattr("simpsons.__main__.start_from_imagenet", start_from_imagenet_or_released)
    folder = make_tree(tiny / "colours")
    assert main(["train", "--data", str(folder)]) == 0
    out = capsys.readouterr().out
    assert float(re.search(r"accuracy ([\d.]+), macro_f1 [\d.]+", out)[1]) > 0.9
    (weights,) = (tiny / "build").rglob("own.safetensors")
    assert not list((tiny / "build").rglob("keep/weights/*"))
    assert main(["predict", str(folder / "red" / "0.png"), "--weights", str(weights)]) == 0
    ((file, first, _, second, *_),) = LINE.findall(capsys.readouterr().out)
    assert (file, first, second) == ("0.png", "red", "blue")


def start_from_imagenet_or_released(model, train, config, fallback):
    """As at tiny: without ImageNet weights at hand, the released ones will do."""
    return start_from_imagenet(model, train, config, fallback=True)


def test_too_few_images_are_named(tiny):
    with pytest.raises(ValueError, match="too few images to hold out some"):
        main(["train", "--data", str(make_tree(tiny / "colours", number=2))])


@pytest.mark.fault("weights that do not know a class of the images (6W)", "an error that names the classes")
def test_classes_that_the_weights_do_not_know_are_named(tiny):
    folder = make_tree(tiny / "colours")
    with pytest.raises(ValueError, match=r"finetuned\.safetensors does not know blue, red; train on these images"):
        main(["evaluate", str(RELEASED), "--data", str(folder)])


def test_mistakes_are_named(tiny, capsys):
    (tiny / "page.jpg").write_text("<!doctype html>")
    assert main(["predict", str(tiny / "page.jpg"), str(tiny / "none.jpg")]) == 1
    err = capsys.readouterr().err
    assert re.search(r"page\.jpg is no image file.*none\.jpg does not exist", err, re.DOTALL)
    with pytest.raises(ValueError, match=r"page\.jpg does not say which classes it knows"):
        main(["predict", str(tiny / "page.jpg"), "--weights", str(tiny / "page.jpg")])
    with pytest.raises(FileNotFoundError, match=r"none\.safetensors is not in"):
        main(["evaluate", str(tiny / "none.safetensors")])
    with pytest.raises(SystemExit):
        main(["guess"])
    assert "invalid choice: 'guess'" in capsys.readouterr().err
