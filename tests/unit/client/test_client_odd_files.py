"""Odd things in a folder cost no other file, and none is left out without a word."""

import errno
import json
import os
import socket
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from idc_client.classifying.forms import FORM_BYTES, Form, forms
from idc_client.classifying.image_files import find_images
from support.scripted_gateway import run_idc
from support.series_gateway import SeriesGateway

LARGEST = 2 * 2**20


def run(*arguments: str | Path) -> tuple[Result, SeriesGateway]:
    gateway = SeriesGateway()
    return run_idc(gateway, "classify", *arguments), gateway


def sent(gateway: SeriesGateway) -> list[str]:
    return sorted(name for _, name, _ in gateway.stored)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.png").write_text("idc")
    (tmp_path / "z.png").write_text("idc")
    return tmp_path


def test_huge_file_is_refused_unread_and_the_others_are_classified(folder: Path) -> None:
    with (folder / "b.tif").open("wb") as file:
        file.truncate(300 * 2**20)

    tracemalloc.start()
    done, gateway = run(folder)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert done.exit_code == 4
    assert sent(gateway) == ["a.png", "z.png"]
    assert "b.tif  rejected: too large: 314572800 bytes" in done.stdout
    assert peak_bytes < 30 * 2**20


def test_limit_can_be_raised(folder: Path) -> None:
    (folder / "b.tif").write_bytes(bytes(LARGEST + 1))

    done, gateway = run("--max-file-bytes", str(LARGEST + 1), folder)

    assert (done.exit_code, "b.tif" in sent(gateway)) == (0, True)


@pytest.mark.parametrize("kind", ["pipe", "socket", "nobody's link", "link to itself", "empty", "vanished"])
def test_what_is_not_a_regular_file_is_refused_with_a_reason_and_does_not_block(
    folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)  # a socket's path may not be long
    match kind:
        case "pipe":
            os.mkfifo("b.png")
        case "socket":
            with socket.socket(socket.AF_UNIX) as made:
                made.bind("b.png")
        case "nobody's link" | "vanished":
            Path("b.png").symlink_to("nowhere")
        case "link to itself":
            Path("b.png").symlink_to("b.png")
        case "empty":
            Path("b.png").touch()

    done, gateway = run(folder)

    assert done.exit_code == 4
    assert sent(gateway) == ["a.png", "z.png"]
    assert "b.png  rejected: " in done.stdout
    assert "1 of 3 files were rejected" in done.stderr


def test_device_that_is_named_is_not_read() -> None:
    done, gateway = run("/dev/zero")

    assert (done.exit_code, gateway.stored) == (4, [])
    assert "not a regular file" in done.stdout


def test_file_and_folder_that_may_not_be_read_are_reported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "b.png").write_text("idc")
    (folder / "shut").mkdir()
    _forbid(monkeypatch, "open", folder / "b.png")
    _forbid(monkeypatch, "scandir", folder / "shut")

    done, gateway = run(folder)

    assert (done.exit_code, sent(gateway)) == (4, ["a.png", "z.png"])
    assert "b.png  rejected: Permission denied" in done.stdout
    assert "shut: the folder cannot be read" in done.stderr


def _forbid(monkeypatch: pytest.MonkeyPatch, call: str, path: Path) -> None:
    """Let the operating system refuse one path, as it does to all but root."""
    allowed = getattr(os, call)

    def checked(wanted: Any, *arguments: Any, **options: Any) -> Any:
        if str(wanted) == str(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return allowed(wanted, *arguments, **options)

    monkeypatch.setattr(os, call, checked)


def test_folder_that_is_called_like_an_image_is_searched(folder: Path) -> None:
    (folder / "x.png").mkdir()
    (folder / "x.png" / "b.png").write_text("idc")

    done, gateway = run(folder)

    assert (done.exit_code, sent(gateway)) == (0, ["a.png", "b.png", "z.png"])


def test_links_between_folders_are_reported_and_not_followed(folder: Path) -> None:
    (folder / "round").symlink_to(folder)

    done, gateway = run(folder)

    assert (done.exit_code, sent(gateway)) == (4, ["a.png", "z.png"])
    assert "left out" in done.stderr
    assert "round: a link to a folder" in done.stderr


def test_every_file_that_is_left_out_is_counted_and_named(folder: Path) -> None:
    names = ["notes.txt", "slide.svs", "noending", ".hidden.png", "b.png.bak"]
    for name in names:
        (folder / name).write_text("x")

    done, gateway = run("--json", folder)

    assert (done.exit_code, sent(gateway)) == (0, ["a.png", "z.png"])
    assert {Path(one["file"]).name for one in json.loads(done.stdout)["left_out"]} == set(names)
    assert all(f"left out {folder / name}" in done.stderr for name in names)


def test_endings_of_images_are_known_in_any_case(folder: Path) -> None:
    for name in ("b.JPEG", "c.TIF", "d.bmp", "e.WebP", "f.tiff"):
        (folder / name).write_text("idc")

    assert len(run(folder)[1].stored) == 7


def test_file_is_sent_whatever_its_ending_if_it_is_named(folder: Path) -> None:
    (folder / "scan.dat").write_text("idc")

    assert sent(run(folder / "scan.dat")[1]) == ["scan.dat"]


def test_file_that_is_named_twice_is_one_file(folder: Path) -> None:
    (folder / "way").symlink_to(folder)

    assert sent(run(folder, folder / "a.png", folder / "way" / "a.png")[1]) == ["a.png", "z.png"]


@pytest.mark.parametrize("form", ["--json", "--csv", "--max-file-bytes=99"])
def test_name_that_is_not_unicode_is_sent_and_shown(folder: Path, form: str) -> None:
    (folder / os.fsdecode(b"caf\xe9.png")).write_text("idc")
    (folder / "a\x1b[31m\nb.png").write_text("idc")

    done, gateway = run(form, folder)

    assert done.exit_code == 0, done.output
    assert len(gateway.stored) == 4
    assert "caf\\" in done.stdout
    assert "\x1b" not in done.output or form == "--csv"


def test_cell_that_a_spreadsheet_would_run_is_not_a_formula(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    Path("=cmd.png").write_text("idc")

    assert "\n'=cmd.png," in run("--csv", "=cmd.png")[0].stdout


def test_many_files_are_not_in_memory_together(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"{number}.png").write_bytes(bytes([number]) * 2**20)
    for number in range(20):
        (tmp_path / f"copy {number}").mkdir()
        (tmp_path / f"copy {number}" / "same.png").write_bytes(bytes(2**20))

    largest = 0
    for form in forms(find_images([tmp_path]).files, LARGEST):
        assert isinstance(form, Form)
        largest = max(largest, sum(len(patch.content) for patch in form.patches))

    assert largest <= FORM_BYTES + LARGEST
