"""Folders with a DICOM slide and other DICOM files, made from the public sample."""

import shutil
from pathlib import Path
from typing import Final

FINEST: Final = "level-0-frames-0-30.dcm"
SAMPLE: Final = "cmu-1-small-region-dicom"
SIZE_PX: Final = (2220, 2967)
WHOLE_SLIDE: Final = b"1.2.840.10008.5.1.4.1.1.77.1.6"
REPORT: Final = b"1.2.840.10008.5.1.4.1.1.88.59\0"
INDEX: Final = b"1.2.840.10008.1.3.10\0\0\0\0\0\0\0\0\0\0"


def dicom_folder(idc_slides: Path, folder: Path) -> Path:
    """A copy of the sample, to which files may be added."""
    shutil.copytree(idc_slides / SAMPLE, folder, copy_function=shutil.copyfile)
    folder.chmod(0o755)
    return folder


def of_class(content: bytes, sop_class: bytes) -> bytes:
    """The same file as of another class, of a name as long."""
    return content.replace(WHOLE_SLIDE, sop_class)


def of_another_series(content: bytes) -> bytes:
    """The same file as a part of another slide."""
    assert b"499658" in content[:1000]
    return content.replace(b"499658", b"499000")


def of_type(content: bytes, shown: bytes) -> bytes:
    """The same file as an image of something else than tissue; `shown` has six letters."""
    return content.replace(b"\\VOLUME\\", b"\\" + shown + b"\\")


def with_referenced_series(content: bytes) -> bytes:
    """The same file with a sequence of undefined length before its series, which names another series."""
    uid = b"1.2.3.4.5.6."
    inner = b"\x20\x00\x0e\x00UI" + len(uid).to_bytes(2, "little") + uid
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + inner + b"\xfe\xff\x0d\xe0\0\0\0\0"
    sequence = b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff" + item + b"\xfe\xff\xdd\xe0\0\0\0\0"
    place = content.index(b"\x20\x00\x0d\x00UI")
    return content[:place] + sequence + content[place:]
