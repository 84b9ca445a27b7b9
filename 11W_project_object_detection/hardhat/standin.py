"""The drawn stand-in for the hard-hat photographs: building sites in the same layout, with boxes that are true.

Picture number i depends on the seed and i alone. The last part is for the test: a quarter of its pictures have nobody
with a helmet, and there is something in each of them that looks like one.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from joblib import Parallel, delayed
from tqdm import tqdm

from coursework import drawing, svg
from coursework.drawing import jpeg
from coursework.runtime import thread_count
from coursework.standins import read_mark, source_hash, stand_in_dir, write_stand_in
from hardhat import site, workers
from hardhat.site import SIDE, draw_scene

PERSONS = 0.12  # share of the pictures on which persons are labelled, too, as in the original


def generator_hash() -> str:
    """The SHA-256 of all code that draws."""
    drawn_by = [Path(module.__file__) for module in (drawing, svg, workers, site)]
    return source_hash([*drawn_by, Path(__file__)])


def stand_in(number: int, test: int, seed: int, some: Sequence[int] | None = None) -> Path:
    """The folder of the stand-in, `number` pictures of which the last `test` are for the test, drawn on first use.

    If `some` are named, there may be no others.
    """
    facts = {"generator": generator_hash(), "seed": seed, "number": number, "test": test}
    whole = stand_in_dir(f"hardhat-{number}")
    if some is None or read_mark(whole) == facts:
        return write_stand_in(whole.name, facts, draw_files(range(number), number - test, seed))
    places = sorted(map(int, some))
    facts |= {"some": places}
    return write_stand_in(f"{whole.name}-{len(places)}", facts, draw_files(places, number - test, seed))


def draw_files(places: Sequence[int], first_test: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Each of these pictures as (path, JPEG file) and its annotation as (path, XML file)."""
    jobs = min(thread_count(), len(places) // 50 + 1)
    drawn = Parallel(n_jobs=jobs, return_as="generator", batch_size=8)(
        delayed(draw_picture)(place, place >= first_test, seed) for place in places
    )
    bar = tqdm(zip(places, drawn, strict=True), total=len(places), desc="drawing", unit="site", leave=False)
    for place, (picture, annotation) in bar:
        yield f"images/{file_name(place)}.jpg", picture
        yield f"annotations/{file_name(place)}.xml", annotation


def file_name(place: int) -> str:
    """Of a picture and its annotation."""
    return f"drawn_site{place:04d}"


def draw_picture(place: int, test: bool, seed: int) -> tuple[bytes, bytes]:
    """One picture as a JPEG file, and its annotation as an XML file."""
    rng = np.random.default_rng([seed, place])
    scene = draw_scene(rng, 0.0 if test and place % 4 == 0 else None)
    picture = jpeg(scene.picture, int(rng.integers(55, 95)))
    objects = list(zip(scene.names, scene.boxes.tolist(), strict=True))
    if rng.random() < PERSONS:
        objects += [("person", body) for body in scene.bodies.tolist()]
    return picture, to_xml(f"{file_name(place)}.jpg", SIDE, SIDE, objects).encode()


def to_xml(name: str, width: int, height: int, objects: list[tuple[str, list[float]]]) -> str:
    """An annotation as PASCAL VOC has it; objects are (name, [xmin, ymin, xmax, ymax])."""
    corners = ("xmin", "ymin", "xmax", "ymax")
    rows = []
    for kind, box in objects:
        inside = "".join(f"<{corner}>{round(value)}</{corner}>" for corner, value in zip(corners, box, strict=True))
        rows.append(f"\t<object>\n\t\t<name>{escape(kind)}</name>\n\t\t<bndbox>{inside}</bndbox>\n\t</object>")
    size = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
    head = f"<annotation>\n\t<filename>{escape(name)}</filename>\n\t{size}"
    return "\n".join([head, *rows, "</annotation>\n"])
