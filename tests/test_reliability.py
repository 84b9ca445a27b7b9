"""docs/reliability.md says what the tests have seen, and they have seen everything that it must say."""

import pytest
import reliability

WANTED = (
    "kill -9", "disk full", "read-only", "no network", "checkpoint", "wrong hash", "html in place of a zip", "../",
    "xml entities", "pickle", "full with only synthetic data",
)  # fmt: skip


def test_the_page_is_up_to_date():
    assert reliability.PAGE.read_text(encoding="utf-8") == reliability.page(), "run python tests/reliability.py"


@pytest.mark.parametrize("fault", WANTED)
def test_it_has_been_tried(fault):
    assert any(fault in row.lower() for row in reliability.rows())
