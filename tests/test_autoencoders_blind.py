"""Week 8, the blind check: pairs in random order, and ratings against the key, by hand."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from autoencoders import blind


def make_pairs(number=30):
    real, edited = np.zeros((number, 8, 8, 3), np.float32), np.ones((number, 8, 8, 3), np.float32)
    return blind.arrange(real, edited, "glasses", 0)


def test_the_key_says_which_picture_is_edited():
    pairs, key = make_pairs()
    assert pairs.shape == (30, 2, 8, 8, 3)
    assert list(key) == ["attribute", "pair", "side", "edited"]
    assert np.array_equal(pairs[..., 0, 0, 0].flatten() == 1, key["edited"])
    assert key.groupby("pair")["edited"].sum().eq(1).all()
    assert 5 < key.loc[key["side"] == "left", "edited"].sum() < 25  # sometimes left, sometimes right
    figure = blind.draw_sheet(pairs, "glasses")
    assert [ax.get_title() for ax in figure.axes][:2] == ["glasses 1", "glasses 2"]
    plt.close(figure)


def test_ratings_are_compared_with_the_key(tmp_path):
    _, key = make_pairs(2)
    ratings = key.assign(present=[1, 1, 0, 1]).assign(edited=key["edited"].astype(int).tolist())
    path = tmp_path / "ratings.csv"
    path.write_text("# rated by a trial\n" + ratings[[*blind.COLUMNS, "present", "edited"]].to_csv(index=False))
    table, who = blind.read_ratings(path)
    assert who == "rated by a trial"
    row = blind.summarise(key, table).loc["glasses"]
    seen = dict(zip(key["edited"][2:], [0, 1], strict=True))  # of the second pair
    assert row["pairs"] == 2
    assert row["edited one found"] == 1
    assert row["seen in edited"] == (1 + seen[True]) / 2
    assert row["seen in real"] == (1 + seen[False]) / 2
    with pytest.raises(ValueError, match="different pictures"):
        blind.summarise(key, table[1:])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("attribute,pair,side,present,edited\n", "expected a line '# rated by …'"),
        ("# rated by me\nattribute,pair,side,present\n", "expected a line '# rated by …'"),
        ("# rated by me\nattribute,pair,side,present,edited\nglasses,1,left,2,0\n", "must be 0 or 1"),
        ("# rated by me\nattribute,pair,side,present,edited\n" + 2 * "glasses,1,left,1,0\n", "must be there once"),
        ("", "expected a line '# rated by …'"),
    ],
)
def test_other_files_are_refused(tmp_path, text, message):
    path = tmp_path / "ratings.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        blind.read_ratings(path)
