"""The drawn cast: seeded picture by picture, in the competition's layout, with the homework's long tail."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from coursework.drawing import EXPRESSIONS, draw_person, person_svg, rasterise
from coursework.records import read_results
from coursework.standins import read_mark
from simpsons import cast, scenes, synthetic
from simpsons.experiments import FOLDER


def test_a_picture_depends_on_its_own_number_only():
    first = synthetic.generate_image("ada_quill", synthetic.image_rng(1, "train", "ada_quill", 0))
    again = synthetic.generate_image("ada_quill", synthetic.image_rng(1, "train", "ada_quill", 0))
    other = synthetic.generate_image("ada_quill", synthetic.image_rng(1, "test", "ada_quill", 0))
    assert first == again
    assert first != other
    with Image.open(io.BytesIO(first)) as image:
        assert (image.format, image.size, image.mode) == ("JPEG", (192, 192), "RGB")


def test_the_cast_is_42_different_people_with_siblings():
    assert len(cast.CAST) == 42
    assert len(set(cast.CAST.values())) == 42
    figures = {draw_person(person, EXPRESSIONS[0], 64).tobytes() for person in cast.CAST.values()}
    assert len(figures) == 42
    assert all(name in cast.CAST for pair in cast.SIBLINGS for name in pair)
    assert len(cast.SIBLINGS) >= 3


def test_every_expression_can_be_drawn():
    for expression in EXPRESSIONS:
        assert "<svg" in person_svg(cast.CAST["gus_barrel"], expression)
    with pytest.raises(KeyError):
        person_svg(cast.Person("NO_SUCH_HAIR", "#000000", "#ffffff", "HOODIE", "#ff0000"), EXPRESSIONS[0])


def test_training_counts_have_the_homeworks_tail():
    counts = list(cast.training_counts(list(cast.CAST)).values())
    assert sum(cast.ORIGINAL_COUNTS) == 20_933
    assert (max(counts), min(counts)) == (270, 3)
    assert sum(count < 10 for count in counts) == 3
    assert sorted(counts, reverse=True) == counts


def test_the_plan_has_twenty_test_pictures_of_each():
    plan = synthetic.plan(42, None, 42)
    tests = [name for part, name, _ in plan if part == "test"]
    assert min(tests.count(name) for name in cast.CAST) >= 20
    assert plan == synthetic.plan(42, None, 42)
    assert [name for _, name, _ in plan] != [name for _, name, _ in synthetic.plan(42, None, 43)]


def test_files_lie_in_the_competitions_layout_and_do_not_tell(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path))
    folder = synthetic.generate_cast("trial", 2, 3, 0)
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg"))
    names = sorted({name for _, name, _ in synthetic.plan(2, 3, 0)})
    assert files[:6] == [f"testset/testset/img{k}.jpg" for k in range(6)]
    assert files[6:] == [f"train/simpsons_dataset/{name}/pic_{k:04d}.jpg" for name in names for k in range(3)]
    answers = json.loads((folder / "answers.json").read_text())
    assert sorted(answers.values()) == sorted(names * 3)
    assert read_mark(folder)["generator"] == synthetic.generator_hash()


@pytest.mark.parametrize("seed", range(12))
def test_scenes_are_well_formed(seed):
    rng = np.random.default_rng(seed)
    colours = np.asarray(rasterise(scenes.draw_scene(rng, 1.3), 32, 32))
    assert (colours[..., 3] == 255).all(), "nothing is left unpainted"
    assert len(np.unique(colours.reshape(-1, 4), axis=0)) > 20


@pytest.mark.skipif(not (FOLDER / "results.json").exists(), reason="6W has no record before it is rendered at sample")
def test_the_record_speaks_of_this_generator():
    run = read_results(FOLDER / "results.json")["runs"]["synthetic_cast"]
    assert run["data"]["generator"] == synthetic.generator_hash(), "the generator is frozen: render 6W again"
