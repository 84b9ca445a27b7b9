"""`fetch` downloads what it can, whole or not at all; for the rest, its steps name the folders that loaders look in."""

import errno
import hashlib
import io
import os
import random
import re
import shutil
import threading
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import kagglehub
import pytest
import requests

from churn.data import FILES
from coursework import datasets, downloads, fetching, lfw
from coursework.__main__ import main
from coursework.weeks import all_weeks
from hardhat.data import find_photographs

CONTENT = random.Random(0).randbytes(200_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def data(tmp_path, monkeypatch):
    """An empty data folder; and no waiting between attempts."""
    monkeypatch.setenv("COURSEWORK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(downloads, "WAITS", (0, 0))
    return tmp_path / "data"


class Server(ThreadingHTTPServer):
    """Sends `content`; `cuts` says after how many bytes each of the first requests breaks off; records the ranges."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.cuts, self.statuses, self.ranges, self.way = CONTENT, [], [], [], "honours"
        self.url = f"http://127.0.0.1:{self.server_port}/rows.gz"


class Handler(BaseHTTPRequestHandler):
    """What a server of files does with a Range: it honours or ignores it, sends another part, or refuses."""

    def do_GET(self):
        server, wanted = self.server, self.headers["Range"]
        server.ranges.append(wanted)
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted else 0
        status = server.statuses.pop(0) if server.statuses else 200
        if start and status == 200:
            status = {"ignores": 200, "refuses": 416}.get(server.way, 206)
        if start and server.way == "another part":
            start -= 1
        content = server.content[start:] if status == 206 else server.content if status == 200 else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Encoding", "x-gzip")  # as some servers call a file that is compressed itself
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}")
        self.end_headers()
        cut = server.cuts.pop(0) if server.cuts else None
        self.wfile.write(content[:cut])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def rows(server, data, monkeypatch):
    """A file that the server gives, in the place of Covertype."""
    file = downloads.File("rows", "rows/rows.gz", (server.url,), DIGEST)
    is_there, bring = partial(downloads.file_is_there, file), partial(downloads.download, file)
    monkeypatch.setitem(fetching.DATA_SETS, "1W", (fetching.DataSet(file.name, is_there, bring),))
    return file


def files_of(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def test_a_file_is_downloaded_once(data, rows, server, capsys):
    assert main(["fetch", "1W"]) == 0
    assert capsys.readouterr().out.splitlines() == ["fetching rows …", "rows (1W): fetched"]
    assert (data / "rows" / "rows.gz").read_bytes() == CONTENT
    assert files_of(data) == ["rows/rows.gz"]
    assert main(["fetch", "1w"]) == 0
    assert capsys.readouterr().out == "rows (1W): already there\n"
    assert server.ranges == [None]


@pytest.mark.fault("a download that is cut off twice", "the rest is asked for; the file is whole")
def test_a_download_that_is_cut_off_is_resumed(data, rows, server):
    server.cuts = [100_000, 50_000]
    assert downloads.download(rows).read_bytes() == CONTENT
    first, *parts = server.ranges
    starts = [int(part.removeprefix("bytes=").removesuffix("-")) for part in parts]
    assert first is None
    assert len(starts) == 2
    assert 50_000 < starts[0] <= 100_000 < starts[1] <= 150_000
    assert files_of(data) == ["rows/rows.gz"]


@pytest.mark.fault("a server that ignores or refuses to resume a download", "the file is downloaded from its start")
@pytest.mark.parametrize("way", ["ignores", "refuses", "another part"])
def test_a_server_that_cannot_resume(rows, server, way):
    server.cuts, server.way = [100_000], way
    assert downloads.download(rows).read_bytes() == CONTENT
    assert server.ranges[1].startswith("bytes=")


@pytest.mark.fault("a download that is cut off at every attempt", "one line says so, status 2; nothing is left of it")
def test_a_download_that_never_ends_well(data, rows, server, capsys):
    server.cuts = [1_000] * 9
    assert main(["fetch", "1W"]) == 2
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == "rows (1W): failed"
    assert re.fullmatch(
        r"error: rows: .*breaks off.*go online once, or put what is at http[^\n]* there yourself\n", err
    )
    assert len(server.ranges) == 3
    assert files_of(data) == []


def test_a_busy_server_is_asked_again_and_a_missing_file_is_not(rows, server):
    server.statuses = [503, 429]
    downloads.download(rows)
    assert len(server.ranges) == 3
    rows.path.unlink()
    server.statuses = [404]
    with pytest.raises(FileNotFoundError, match=r"127\.0\.0\.1: the server answers 404"):
        downloads.download(rows)
    assert len(server.ranges) == 4


def test_the_next_address_is_tried(rows, server):
    rows = replace(rows, urls=(server.url.replace("http:", "ftp:"), server.url))
    assert downloads.download(rows).read_bytes() == CONTENT


@pytest.mark.fault("a server that sends another file", "refused by its SHA-256; nothing is left of it")
def test_a_wrong_file_is_refused(data, rows, server):
    server.content = CONTENT[:-1] + b"x"
    with pytest.raises(FileNotFoundError, match=r"127\.0\.0\.1: another file than expected: its SHA-256 differs"):
        downloads.download(rows)
    assert files_of(data) == []


@pytest.mark.fault("a server that sends HTML in place of the file", "one line says so; nothing is left of it")
def test_a_web_page_is_named(data, rows, server):
    server.content = b"\n<!DOCTYPE html><title>Sign in</title>"
    with pytest.raises(FileNotFoundError, match=r"a web page instead of the file; open the address in a browser"):
        downloads.download(rows)
    assert files_of(data) == []


def test_a_file_that_never_ends_is_given_up(data, rows, server, monkeypatch):
    monkeypatch.setattr(downloads, "LIMIT", 100_000)
    with pytest.raises(FileNotFoundError, match="more than 100,000 bytes"):
        downloads.download(rows)
    assert len(server.ranges) == 1
    assert files_of(data) == []


@pytest.mark.fault("fetch without a network", "one line with status 2; the other data sets are fetched")
def test_without_a_network(data, monkeypatch, capsys):
    def refuse(handle):
        raise requests.ConnectionError("no way\nout")

    monkeypatch.setattr(kagglehub, "dataset_download", refuse)
    assert main(["fetch", "1W", "11W", "2W"]) == 2
    out, err = capsys.readouterr()
    assert out.splitlines()[-3:] == ["Covertype (1W): failed", "hard hats (11W): failed", "MNIST (2W): fetched"]
    assert re.fullmatch(r"error: Covertype: .*no connection.*; hard hats: Kaggle does not give [^\n]*\n", err)
    assert f"unpack it into {data}/hardhat" in err
    assert all(name.startswith("MNIST/raw/") for name in files_of(data))


class FullDisk(io.FileIO):
    """A file on a disk that is full."""

    def write(self, _):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.fault("disk full during a download", "one line says to use another data folder, status 2; nothing is left")
def test_a_full_disk_is_named(data, rows, monkeypatch, capsys):
    monkeypatch.setattr(downloads, "open", FullDisk, raising=False)
    assert main(["fetch", "1W"]) == 2
    line = r"error: cannot write rows\.gz to [^\n]* \(No space left on device\); set COURSEWORK_DATA to [^\n]*\n"
    assert re.fullmatch(line, capsys.readouterr().err)
    assert files_of(data) == []


@pytest.mark.fault("a read-only data folder", "one line says to use another, before anything is downloaded, status 2")
def test_a_read_only_data_folder_is_named(data, monkeypatch, capsys):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(datasets.tempfile, "TemporaryDirectory", refuse)
    monkeypatch.setattr(kagglehub, "dataset_download", lambda handle: pytest.fail("it was downloaded"))
    assert main(["fetch", "11W"]) == 2
    assert re.fullmatch(r"error: cannot write hard hats to [^\n]*set COURSEWORK_DATA[^\n]*\n", capsys.readouterr().err)


def test_a_read_only_data_folder_with_all_data_serves(rows, monkeypatch):
    downloads.download(rows)
    monkeypatch.setattr(datasets.tempfile, "TemporaryDirectory", lambda **_: pytest.fail("it was written to"))
    assert main(["fetch", "1W"]) == 0


def test_a_file_with_another_hash_that_is_there_is_named(rows, capsys):
    rows.path.parent.mkdir(parents=True)
    rows.path.write_bytes(b"mine")
    assert main(["fetch", "1W"]) == 2
    assert "rows.gz has SHA-256" in capsys.readouterr().err
    assert rows.path.read_bytes() == b"mine"


def paint(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


FACES = ("Ann/Ann_0001.jpg", "Bob/Bob_0001.jpg")


def give(monkeypatch, folder, name="dataset_download"):
    """Have kagglehub bring `folder`; returns the list of what it was asked for."""
    asked = []
    monkeypatch.setattr(kagglehub, name, lambda handle: asked.append(handle) or str(folder))
    return asked


@pytest.mark.parametrize("below", ["lfw-deepfunneled", "lfw-deepfunneled/lfw-deepfunneled", "lfw/lfw-deepfunneled"])
def test_lfw_is_put_where_its_loader_looks(data, tmp_path, monkeypatch, capsys, below):
    paint(data, "lfw/lfw_expressions.csv")  # which stays
    asked = give(monkeypatch, paint(tmp_path / "cache", "lfw_allnames.csv", *(f"{below}/{face}" for face in FACES)))
    assert main(["fetch", "8W"]) == 0
    lines = ["LFW (8W): fetched", "labels of LFW (8W): already there", "MNIST (8W): fetched"]
    assert capsys.readouterr().out.splitlines()[-3:] == lines
    assert [path.name for path in lfw.list_pictures(lfw.find_lfw())] == ["Ann_0001.jpg", "Bob_0001.jpg"]
    assert files_of(data / "lfw") == [*(f"lfw-deepfunneled/{face}" for face in FACES), "lfw_expressions.csv"]
    assert main(["fetch", "8W"]) == 0
    assert asked == ["jessicali9530/lfw-dataset"]
    shutil.rmtree(tmp_path / "cache")
    assert (data / "lfw" / "lfw-deepfunneled" / FACES[0]).read_bytes()


@pytest.mark.parametrize("below", ["", "hardhat/", "archive/hardhat/"])
def test_hard_hats_are_put_where_their_loader_looks(data, tmp_path, monkeypatch, below):
    pictures = ("images/hard_hat_workers0.png", "annotations/hard_hat_workers0.xml")
    give(monkeypatch, paint(tmp_path / "cache", *(f"{below}{name}" for name in pictures)))
    monkeypatch.setattr(os, "link", refuse_links)
    assert main(["fetch", "11W"]) == 0
    assert find_photographs() == data / "hardhat"
    assert files_of(data / "hardhat") == sorted(pictures)
    assert [path.name for path in data.iterdir()] == ["hardhat"]


def refuse_links(source, target):
    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


def test_ffhq_is_taken_as_it_comes(data, tmp_path, monkeypatch):
    paint(data, "lfw/lfw-deepfunneled/Ann/Ann_0001.jpg")
    asked = give(monkeypatch, paint(tmp_path / "cache", "resized/00000.jpg"))
    assert main(["fetch", "10W"]) == 0
    assert asked == ["xhlulu/flickrfaceshq-dataset-nvidia-resized-256px"]
    assert files_of(data / "ffhq") == ["resized/00000.jpg"]


@pytest.mark.fault("disk full while a data set is copied into the data folder", "one line; no half data set is left")
def test_a_folder_is_put_in_place_whole_or_not_at_all(data, tmp_path, monkeypatch, capsys):
    def fail_at_the_last(source, target):
        if Path(source).name == "a.png":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        Path(target).touch()

    give(monkeypatch, paint(tmp_path / "cache", "images/a.png", "annotations/a.xml"))
    monkeypatch.setattr(os, "link", refuse_links)
    monkeypatch.setattr(shutil, "copyfile", fail_at_the_last)
    assert main(["fetch", "11W"]) == 2
    assert "cannot write hardhat to" in capsys.readouterr().err
    assert list(data.iterdir()) == []


def test_a_full_disk_of_kagglehub_is_named(data, monkeypatch, capsys):
    def refuse(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(kagglehub, "dataset_download", refuse)
    assert main(["fetch", "11W"]) == 2
    assert "set KAGGLEHUB_CACHE to a folder of yours" in capsys.readouterr().err


@pytest.mark.fault("a downloaded data set with a link that leads out of it", "refused; the data folder stays as it was")
@pytest.mark.parametrize(("link", "target"), [("images/b.png", "secret"), ("images/b", "."), ("images", "secrets")])
def test_links_are_refused(data, tmp_path, monkeypatch, capsys, link, target):
    folder = paint(tmp_path / "cache", "annotations/a.xml", *(["images/a.png"] if link != "images" else []))
    paint(tmp_path, "secret", "secrets/a.png")
    (folder / link).symlink_to(tmp_path / target)
    give(monkeypatch, folder)
    assert main(["fetch", "11W"]) == 2
    assert "link" in capsys.readouterr().err
    assert files_of(data) == []


def test_a_linked_data_set_is_refused(data, tmp_path):
    paint(tmp_path / "elsewhere", "images/a.png", "annotations/a.xml")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "archive").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="leads out of what was downloaded"):
        downloads.put_in_place(tmp_path / "cache", "hardhat", ("images", "annotations"))


@pytest.mark.fault("a data set that is half there", "an error says to move it away; it stays as it is")
def test_what_is_in_the_way_stays(data, tmp_path, monkeypatch, capsys):
    paint(data, "hardhat/images/mine.png")
    give(monkeypatch, paint(tmp_path / "cache", "images/a.png", "annotations/a.xml"))
    assert main(["fetch", "11W"]) == 2
    assert "hardhat in the data folder is not empty and not complete; move it away" in capsys.readouterr().err
    assert files_of(data) == ["hardhat/images/mine.png"]


def test_a_data_set_without_what_is_wanted_is_named(data, tmp_path, monkeypatch, capsys):
    give(monkeypatch, paint(tmp_path / "cache", "images/a.png"))
    assert main(["fetch", "11W"]) == 2
    assert "holds images, but no annotations; delete it and run again" in capsys.readouterr().err
    assert files_of(data) == []


def test_a_synthetic_data_set_is_not_taken_for_the_real_one(data, capsys):
    paint(data, "ph2/PH2Dataset/PH2 Dataset images/IMD003/IMD003.bmp", "ph2/STAND-IN.json")
    assert main(["fetch", "7W"]) == 2
    assert "PH2" in capsys.readouterr().err


def refuse_competition(name):
    raise PermissionError("You must accept the rules")


BY_HAND = [
    ("3W", "churn", [f"churn/{name}" for name in FILES]),
    ("6W", "Simpsons", ["simpsons/train/simpsons_dataset/bart/0.jpg", "simpsons/testset/testset/0.jpg"]),
    ("6W", "Simpsons-MNIST", ["simpsons_28px/train/bart/0.jpg", "simpsons_28px/test/bart/0.jpg"]),
    ("7W", "PH2", ["ph2/PH2Dataset/PH2 Dataset images/IMD003/IMD003_lesion/IMD003_lesion.bmp"]),
    ("8W", "labels of LFW", ["lfw/lfw_attributes.txt"]),
    ("8W", "labels of LFW", ["lfw/lfw_expressions.csv"]),
]


@pytest.mark.parametrize(("week", "name", "files"), BY_HAND)
def test_steps_name_the_folder_that_the_loader_looks_in(data, monkeypatch, capsys, week, name, files):
    monkeypatch.setattr(kagglehub, "competition_download", refuse_competition)
    (data_set,) = [found for found in fetching.DATA_SETS[week] if found.name == name]
    monkeypatch.setitem(fetching.DATA_SETS, week, (data_set,))
    assert main(["fetch", week]) == 1
    out = capsys.readouterr().out
    assert f"{name} ({week}): left to you, see the steps above" in out
    assert f"{name} can only be fetched by hand:\n  1. " in out
    assert "{" not in out
    for file in files:  # the folder, or the file, is named in full
        below = file if file.count("/") < 2 else "/".join(file.split("/")[: 3 if "PH2" in file else 2])
        assert f"{data}/{below}" in out
    assert files_of(data) == []
    paint(data, *files)
    assert main(["fetch", week]) == 0
    assert capsys.readouterr().out == f"{name} ({week}): already there\n"


def test_steps_to_a_competition(data, monkeypatch, capsys):
    monkeypatch.setattr(kagglehub, "competition_download", refuse_competition)
    assert main(["fetch", "3W"]) == 1
    out = capsys.readouterr().out
    assert "Kaggle: PermissionError: You must accept the rules" in out
    assert (
        "2. Accept the competition's rules: https://www.kaggle.com/competitions/advanced-dls-spring-2021/rules" in out
    )
    assert "4. Run again: python -m coursework fetch 3W" in out


def test_a_competition_is_downloaded_with_a_token(data, tmp_path, monkeypatch):
    asked = give(monkeypatch, paint(tmp_path / "cache", *FILES), "competition_download")
    assert main(["fetch", "3W"]) == 0
    assert asked == ["advanced-dls-spring-2021"]
    assert files_of(data) == sorted(f"churn/{name}" for name in FILES)


def test_every_week_has_its_data_sets(data, tmp_path, rows, monkeypatch, capsys):
    assert list(fetching.DATA_SETS) == [week.name for week in all_weeks()]
    monkeypatch.setattr(kagglehub, "competition_download", refuse_competition)
    everything = [f"lfw-deepfunneled/{FACES[0]}", "images/a.png", "annotations/a.xml"]
    give(monkeypatch, paint(tmp_path / "cache", *everything))
    assert main(["fetch"]) == 1
    assert capsys.readouterr().out.splitlines()[-10:] == [
        "rows (1W): fetched",
        "MNIST (2W, 8W): fetched",
        "churn (3W): left to you, see the steps above",
        "Simpsons (6W): left to you, see the steps above",
        "Simpsons-MNIST (6W): left to you, see the steps above",
        "PH2 (7W): left to you, see the steps above",
        "LFW (8W, 10W): fetched",
        "labels of LFW (8W): left to you, see the steps above",
        "FFHQ (10W): fetched",
        "hard hats (11W): fetched",
    ]


def test_help_and_an_unknown_week(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["fetch", "--help"])
    assert "COURSEWORK_DATA" in capsys.readouterr().out
    assert main(["fetch", "4W"]) == 2
    assert "unknown week 4W" in capsys.readouterr().err
