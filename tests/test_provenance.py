"""What finished weights stand for: data item by item, settings by name."""

import numpy as np

from coursework import provenance


def test_data_are_told_apart_item_by_item(tmp_path):
    images = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)
    first = provenance.fingerprint("faces", "abcd", images)
    assert first.hash == provenance.fingerprint("faces", "dcba", images[::-1]).hash  # the order does not matter
    for names, arrays in (
        ("abce", [images]),
        ("abcd", [images + 1]),
        ("abcd", [images, np.arange(4)]),
        ("abc", [images]),
    ):
        assert provenance.fingerprint("faces", names, *arrays).hash != first.hash
    other = provenance.fingerprint("faces", "abcx", images)
    facts = {"name": "faces", "hash": first.hash}
    assert other.differing(tmp_path, {"name": "faces", "hash": other.hash}) == 0
    assert other.differing(tmp_path, facts) == 4  # nothing is known of the training's items
    (tmp_path / "trained_on").mkdir()
    (tmp_path / provenance.listing_of(facts)).write_text(first.as_text())
    assert other.differing(tmp_path, facts) == 1


def test_settings_that_differ_are_named():
    data = provenance.fingerprint("faces", "ab", np.zeros((2, 1)))
    training = provenance.Training({"steps": 5, "sides": (1, 2)}, "code", data)
    assert training.difference(training.as_facts()) is None
    facts = training.as_facts() | {"settings": {"steps": 4, "sides": [1, 2]}}
    assert training.difference(facts) == "trained with other settings (steps 4, now 5)"
    assert training.difference(training.as_facts() | {"code": "x"}) == "trained by other code"
    assert (
        training.difference({"key": "old"})
        == training.difference(None)
        == "damaged, or not written by this course's code"
    )
