"""The judgement of week 10 as a whole: who is compared with whom, copies, attributes, lines into the future."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from gan import evaluate
from gan.config import CONFIGS
from gan.data import Faces, choose
from gan.recipe import Recipe, build_generator

CONFIG = replace(CONFIGS["tiny"], judged=10)


def make_faces(number=40, side=16):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (number, side, side, 3), dtype=np.uint8)
    people = np.array([f"p{k // 2:02d}" for k in range(number)])
    truth = pd.DataFrame({"bright": rng.random(number) < 0.5}, index=[f"{k}.jpg" for k in range(number)])
    return Faces(images, images[:24] // 2, people, people[:24], "noise", "noise", truth)


def test_one_picture_of_each_person_is_compared():
    faces = make_faces()
    chosen = choose(faces.train, faces.train_people, 100, 0)
    assert len(chosen) == 20
    rows = [int(np.flatnonzero((faces.train == image).all(axis=(1, 2, 3)))[0]) for image in chosen]
    assert len({faces.train_people[row] for row in rows}) == 20
    assert rows != sorted(rows)
    assert np.array_equal(choose(faces.train, faces.train_people, 5, 0), choose(faces.train, faces.train_people, 5, 0))
    assert len(choose(faces.train, faces.train_people, 5, 0)) == 5


def test_all_kinds_are_equally_many_and_scored():
    generator = build_generator(Recipe(side=16, latent=4, width_g=4))
    images = evaluate.gather(make_faces(), {"made": (generator, 4)}, CONFIG)
    assert {len(some) for some in images.values()} == {10}
    features = evaluate.look_at_all(images)
    scores = evaluate.score_all(images, features)
    assert list(scores.index) == [name for name in images if name != "reference"]
    assert scores["KID"].notna().all()
    assert scores[["precision", "recall", "1-NN, features", "1-NN, pixels"]].stack().between(0, 1).all()


def test_a_mirrored_copy_is_a_copy():
    faces = make_faces()
    fakes = np.ascontiguousarray(faces.train[:6, :, ::-1])
    strangers = np.random.default_rng(5).integers(0, 256, (30, 16, 16, 3), dtype=np.uint8)
    models, copies, others = evaluate.find_models_of(faces, fakes, strangers)
    assert np.array_equal(models, fakes)
    assert copies == 1
    assert others < 0.2


def test_attributes_are_read_by_who_has_not_seen_the_person():
    faces = make_faces(400, side=4)
    features = np.random.default_rng(1).normal(size=(400, 6))
    features[:, 0] += 40 * faces.attributes["bright"]
    fake = np.full((10, 6), 0.0)
    fake[:3, 0] = 40
    found = evaluate.count_attributes(faces, features, fake)
    assert found.loc["bright", "reader's accuracy"] > 0.8
    assert found.loc["bright", "generated"] == pytest.approx(0.3)
    # Features that say who it is, and nothing else, tell nothing of a person who was not learnt from.
    faces = make_faces()
    whose = np.unique(faces.train_people, return_inverse=True)[1]
    truth = pd.DataFrame({"bright": (whose * 7 % 5) < 2}, index=faces.attributes.index)
    lone = evaluate.count_attributes(replace(faces, attributes=truth), np.eye(20)[whose], np.eye(20)[:5])
    assert lone.loc["bright", "reader's accuracy"] < 0.9


def test_a_curve_that_is_a_line_goes_on_as_one():
    history = [{"step": step, "kid": 0.02 + 3 * (step * 10.0) ** -0.5} for step in range(100, 2100, 100)]
    found = evaluate.look_ahead(history, 10, floor=0.02)
    assert found.index.tolist() == [20, 40, 80]
    assert found["KID"].to_numpy() == pytest.approx(0.02 + 3 * np.array([20000, 40000, 80000]) ** -0.5, rel=1e-3)
    assert (found["high"] - found["low"]).max() < 1e-6
