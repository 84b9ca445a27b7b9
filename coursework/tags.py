"""Tags of notebook cells. Light, because every notebook imports it through `coursework.exercises`."""

# Of the tag of a source cell; see `coursework.sync`.
PREFIX = "source:"


def holds_source(cell) -> bool:
    """Whether a cell holds code of a module, word for word."""
    return any(tag.startswith(PREFIX) for tag in cell.metadata.get("tags", []))
