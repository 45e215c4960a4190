"""Patches listed in a CSV file with their patients and labels."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sys import intern
from typing import Final

from idc_trainer.data.folder import FolderSource
from idc_trainer.data.source import Listing, PatchFile, PatientsFrom, check_label, sort_files
from idc_trainer.errors import DataUnreadable, ManifestWrong, WrongLabel, printable

COLUMNS: Final = ("path", "patient", "label")
"""The required columns of the CSV file; paths are relative to its folder."""

_HEADER: Final = ",".join(COLUMNS)
_SEPARATORS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_LABELS: Final = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}
"""A column with a missing value is exported with 1.0 for 1."""


def open_manifest(path: Path) -> FolderSource:
    """List the patches of a CSV file with the columns `path`, `patient` and `label`.

    Columns are separated by commas, semicolons, tabs or bars; other columns and the case of the header are ignored. The
    text is UTF-8, or UTF-16 with a byte order mark.

    Raises:
        DataUnreadable: The CSV file or a listed image does not exist.
        ManifestWrong: It is not a CSV file, lacks a column, has an empty field, or lists a path twice.
        WrongLabel: A label is neither 0 nor 1, or the file's name gives another.
    """
    lines: dict[str, int] = {}
    files: list[PatchFile] = []
    for line, row in _rows(path):
        file = _file(path, line, row)
        first = lines.setdefault(file.path, line)
        if first != line:
            raise ManifestWrong(f"{path} line {line} lists the same path as line {first}: delete one of them")
        files.append(file)
    return FolderSource(path.parent, Listing(sort_files(files), PatientsFrom.LIST, notes=_notes(files)))


def _notes(files: list[PatchFile]) -> list[str]:
    differ = sum(file.place is not None and file.place.patient != file.patient for file in files)
    return [f"{differ} file names give another patient than the list; the list was used."] if differ else []


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    with _csv_errors(path):
        text = _decode(path.read_bytes())
        separator, header = _header(path, text)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        for fields in reader:
            if not "".join(fields).strip() or _is_header(fields, header, reader.line_num):
                continue
            if len(fields) != len(header):
                raise ManifestWrong(
                    f"{path} line {reader.line_num} has {len(fields)} fields instead of {len(header)}: "
                    f"quote a field that holds one of the {_SEPARATORS[separator]} that separate the columns"
                )
            yield reader.line_num, dict(zip(header, fields, strict=True))


def _decode(data: bytes) -> str:
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")


@contextmanager
def _csv_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise DataUnreadable(f"cannot read {path}: {exc.strerror}; make the file readable") from exc
    except UnicodeDecodeError as exc:
        raise ManifestWrong(f"{path} is not UTF-8 text: save it as CSV in UTF-8 with the header {_HEADER}") from exc
    except csv.Error as exc:
        raise ManifestWrong(f"{path} is not a CSV file ({exc}): save it as CSV with the header {_HEADER}") from exc


def _header(path: Path, text: str) -> tuple[str, list[str]]:
    """The separator, and the names of the columns in lower case."""
    first, second = ([*text.split("\n", 2), "", ""])[:2]
    line = second if first.strip().lower().startswith("sep=") else first  # Excel's note of the separator
    separators = [sign for sign in _SEPARATORS if sign in line] or [","]
    headers = {sign: _names(line, sign) for sign in separators}
    sign = max(headers, key=lambda sign: len(set(COLUMNS) & set(headers[sign])))
    _check_header(path, line, sign, headers[sign])
    return sign, headers[sign]


def _names(line: str, separator: str) -> list[str]:
    return [name.strip().lower() for name in next(csv.reader([line], delimiter=separator), [])]


def _check_header(path: Path, line: str, separator: str, header: list[str]) -> None:
    missing = [column for column in COLUMNS if column not in header]
    twice = [column for column in COLUMNS if header.count(column) > 1]
    if missing or twice:
        problem = f"lacks {', '.join(missing)}" if missing else f"has {twice[0]} twice"
        raise ManifestWrong(
            f"{path} line 1 {problem}: it is {line[:80]!r}, separated by {_SEPARATORS[separator]}; "
            f"make the header {_HEADER}"
        )


def _is_header(fields: list[str], header: list[str], line: int) -> bool:
    note_of_separator = line == 1 and fields[0].strip().lower().startswith("sep=")
    return note_of_separator or [field.strip().lower() for field in fields] == header


def _file(manifest: Path, line: int, row: dict[str, str]) -> PatchFile:
    at = f"{manifest} line {line}"
    for column in ("path", "patient"):
        if not row[column].strip():
            raise ManifestWrong(f"{at} has no {column}: fill it in or delete the line")
    label = _LABELS.get(row["label"].strip())
    if label is None:
        raise WrongLabel(f"{at} has the label {row['label'].strip()[:40]!r}: write 0 (no IDC) or 1 (IDC)")
    name = _find(manifest, row["path"].strip(), at)
    check_label(name, label, f"{at} says {label}")
    return PatchFile(name, intern(printable(row["patient"].strip())), label)


def _find(manifest: Path, written: str, at: str) -> str:
    """The path in this machine's form: a list from Windows separates folders by backslashes."""
    for name in dict.fromkeys((Path(written).as_posix(), Path(written.replace("\\", "/")).as_posix())):
        try:
            if (manifest.parent / name).is_file():
                return name
        except (OSError, ValueError):  # a name that no file can have
            continue
    raise DataUnreadable(
        f"{at}: {written} is not in {manifest.parent}: correct the path, which is relative to "
        "the CSV file's folder, or delete the line"
    )
