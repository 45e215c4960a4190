"""The service, the command line tool and the Job on Kubernetes find the same slides in a folder."""

import os
from pathlib import Path

import pytest

from idc_client.slides import slide_files
from idc_slides.intake import kinds, watched_folder
from support.kustomized import K8S
from support.pod_programs import load_program

job = load_program(K8S / "components/slides/screen_slides.py")
SLIDES = {
    *("a.svs", "B.TIFF", "c.btf", "d.svslide", "e.tif", "f.ndpi", "g.scn", "h.bif", "a\nb.svs", "caf\udce9.svs"),
    *("m.mrxs", "N.MRXS", "in/a folder.svs/i.svs", "dicom", "dicom/more", "link.svs"),
    "/".join(["deep"] * 15) + "/j.svs",
}
OTHERS = {
    *("notes.txt", "k.czi", "l.vms", "svs", "1.dcm", ".c.svs", "._a.svs", "~$b.tif", "m/Slide.tif", "N/Slide.tif"),
    *("#recycle/d.svs", "$RECYCLE.BIN/d.svs", "@eaDir/a.svs", "lost+found/a.svs", "System Volume Information/a.tif"),
    *(".hidden/a.svs", "~$hidden/1.dcm", "in/.dicom/1.dcm", "in/#recycle/a.svs"),
    "/".join(["deep"] * 16) + "/k.svs",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with slides, and what only looks like some."""
    root = tmp_path / "watched"
    for name in (SLIDES | OTHERS | {"dicom/1.dcm", "dicom/2.DCM", "dicom/more/3.dcm"}) - {"dicom", "dicom/more"}:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name == "link.svs":
            path.symlink_to("a.svs")
        else:
            path.write_bytes(b"x")
    (root / "followed").symlink_to(root / "in")
    return root


def test_service_tool_and_job_find_the_same_slides(root: Path) -> None:
    service = {str(found.relative) for found in watched_folder.WatchedFolder(root).scan()}
    tool = [str(slide.relative_to(root)) for slide in slide_files.find_slides(root, root)]

    assert service == SLIDES
    assert sorted(tool) == sorted(SLIDES)
    assert job.places(root) == sorted(SLIDES)


@pytest.mark.parametrize("part", ["in", "dicom", "m", "#recycle", ".hidden", "deep/deep", "in/.dicom"])
def test_tool_finds_in_a_part_what_the_service_finds_there(root: Path, part: str) -> None:
    found = {str(slide.relative_to(root)) for slide in slide_files.find_slides(root / part, root)}

    assert found == {slide for slide in SLIDES if slide == part or slide.startswith(f"{part}{os.sep}")}


@pytest.mark.parametrize("name", ["SUFFIXES", "DICOM", "HIDDEN", "SYSTEM_FOLDERS"])
def test_names_of_slides_are_the_same_everywhere(name: str) -> None:
    assert getattr(slide_files, name) == getattr(job, name) == getattr(kinds, name)


def test_folders_are_searched_to_the_same_depth_everywhere() -> None:
    assert slide_files.MAX_DEPTH == job.MAX_DEPTH == watched_folder.MAX_DEPTH
