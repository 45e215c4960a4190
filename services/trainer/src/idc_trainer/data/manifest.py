"""Patches that a CSV file lists, with their patients and labels."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sys import intern
from typing import Final

from idc_trainer.data.folder import FolderSource
from idc_trainer.data.source import PatchFile, check_label, sort_files
from idc_trainer.errors import DataUnreadable, ManifestWrong, WrongLabel

COLUMNS: Final = ("path", "patient", "label")
"""The header of the CSV file; the paths are relative to its folder."""

_HEADER: Final = ",".join(COLUMNS)


def open_manifest(path: Path) -> FolderSource:
    """List the patches of a CSV file with the columns `path`, `patient` and `label`, in UTF-8.

    Raises:
        DataUnreadable: The CSV file or an image that it lists is not there.
        ManifestWrong: It is no CSV file, has other columns, an empty field, or lists a path twice.
        WrongLabel: A label is neither 0 nor 1, or the file's name says another.
    """
    lines: dict[str, int] = {}
    files: list[PatchFile] = []
    for line, row in _rows(path):
        file = _file(path, line, row)
        first = lines.setdefault(file.path, line)
        if first != line:
            raise ManifestWrong(f"{path} line {line} lists the same path as line {first}: delete one of them")
        files.append(file)
    return FolderSource(path.parent, sort_files(files))


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    # utf-8-sig: spreadsheets write a byte order mark before the first column's name.
    with _csv_errors(path), path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        header = next(reader, [])
        _check_header(path, header)
        for fields in reader:
            if not fields:
                continue
            if len(fields) != len(header):
                raise ManifestWrong(
                    f"{path} line {reader.line_num} has {len(fields)} fields instead of {len(header)}: "
                    f"write {_HEADER}, and quote a field that holds a comma"
                )
            yield reader.line_num, dict(zip(header, fields, strict=True))


@contextmanager
def _csv_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise DataUnreadable(f"cannot read {path}: {exc.strerror}; make the file readable") from exc
    except UnicodeDecodeError as exc:
        raise ManifestWrong(f"{path} is not UTF-8 text: save it as CSV in UTF-8 with the header {_HEADER}") from exc
    except csv.Error as exc:
        raise ManifestWrong(f"{path} is no CSV file ({exc}): save it as CSV with the header {_HEADER}") from exc


def _check_header(path: Path, header: list[str]) -> None:
    if sorted(header) == sorted(COLUMNS):
        return
    missing = [column for column in COLUMNS if column not in header]
    others = [column[:40] for column in header if column not in COLUMNS]
    problem = f"lacks {', '.join(missing)}" if missing else f"has besides {', '.join(others) or 'one column twice'}"
    raise ManifestWrong(f"{path} line 1 {problem}: make the header {_HEADER} and no other columns")


def _file(manifest: Path, line: int, row: dict[str, str]) -> PatchFile:
    at = f"{manifest} line {line}"
    for column in ("path", "patient"):
        if not row[column].strip():
            raise ManifestWrong(f"{at} has no {column}: fill it in or delete the line")
    name = Path(row["path"].strip()).as_posix()
    label = row["label"].strip()
    if label not in ("0", "1"):
        raise WrongLabel(f"{at} has the label {label[:40]!r}: write 0 (no IDC) or 1 (IDC)")
    check_label(name, int(label), f"{at} says {label}")
    _check_there(manifest, name, at)
    return PatchFile(name, intern(row["patient"].strip()), int(label))


def _check_there(manifest: Path, name: str, at: str) -> None:
    try:
        there = (manifest.parent / name).is_file()
    except (OSError, ValueError):  # a name that no file can have
        there = False
    if not there:
        raise DataUnreadable(
            f"{at}: {name} is not in {manifest.parent}: correct the path, which is relative to "
            "the CSV file's folder, or delete the line"
        )
