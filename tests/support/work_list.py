"""A work list with something of everything: slides in each state, and folders of patches."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import httpx

from idc_contracts.slides import Slide, SlideArea, SlideCounts, SlideFailure, SlideState
from support.demo_patches import solid_png
from support.live_gateway import KEY
from support.slides_fake import FakeSlides, made_slide, screened_slide

START: Final = datetime(2026, 1, 1, 8, tzinfo=UTC)
_AUTHORIZED: Final = {"Authorization": f"Bearer {KEY}"}
_IDC, _NO_IDC, _UNCERTAIN = solid_png((250, 60, 90)), solid_png((40, 60, 90)), solid_png((128, 60, 90))


def done_slide(name: str, *, idc: int = 300, reviewed: int = 0, **fields: Any) -> Slide:
    counts = SlideCounts(
        cells=6000,
        tissue=3530,
        idc=idc,
        uncertain=410,
        no_idc=3120 - idc,
        left_out={"glass": 2200, "fat": 270},
        reviewed=reviewed,
    )
    idc_mm2 = idc * 0.04
    areas = {
        "tissue": SlideArea(mm2=141.2),
        "idc": SlideArea(mm2=idc_mm2, low_mm2=idc_mm2 * 0.8, high_mm2=idc_mm2 * 1.3),
        "uncertain": SlideArea(mm2=16.4),
    }
    return screened_slide("idc" if idc else "no_idc", name=name, counts=counts, **areas, **fields)


def of_each_state() -> list[Slide]:
    """A slide in each state, each received a minute before the one that follows."""
    failure = SlideFailure(
        code="unreadable-slide",
        detail="scan-17.svs ends early, after 1.2 of 3.4 GB: copy it again, then delete this record",
    )
    unscaled = SlideFailure(code="no-scale", detail="the file does not say how large a pixel is: state it")
    slides = [
        done_slide("8867-A.svs", reviewed=14),
        made_slide("9077-B.ndpi", SlideState.RUNNING, progress=0.62, time_left_s=9),
        made_slide("9181.mrxs", SlideState.WAITING),
        made_slide("unscaled.tiff", SlideState.NEEDS_SCALE, failure=unscaled),
        made_slide("scan-17.svs", SlideState.FAILED, failure=failure),
        done_slide("10253 (very long name of a scanner, level 3, second try).svs", idc=0),
        made_slide("12751.svs", SlideState.CANCELLED),
    ]
    return [slide.model_copy(update={"received_at": START - timedelta(minutes=n)}) for n, slide in enumerate(slides)]


def put_slides(fake: FakeSlides, slides: list[Slide]) -> None:
    """The service lists the newest first."""
    ordered = sorted(slides, key=lambda slide: slide.received_at, reverse=True)
    fake.slides |= {slide.id: slide for slide in ordered}


def put_folder(address: str, name: str, *, patches: tuple[int, int, int] = (0, 0, 0), **facts: Any) -> str:
    """Make a folder with patches: IDC, uncertain, no IDC. Gives its id."""
    identity = str(uuid4())
    with httpx.Client(base_url=address, headers=_AUTHORIZED, timeout=60) as client:
        client.put(f"/api/v1/folders/{identity}", json={"name": name}).raise_for_status()
        images = [_IDC] * patches[0] + [_UNCERTAIN] * patches[1] + [_NO_IDC] * patches[2]
        files = [
            ("images", (f"{place}_idx5_x1_y1_class{int(place < patches[0])}.png", image))
            for place, image in enumerate(images)
        ]
        if files:
            client.post("/api/v1/classifications", files=files, params={"folder": identity}).raise_for_status()
        client.put(f"/api/v1/folders/{identity}", json={"name": name, "state": "done", **facts}).raise_for_status()
    return identity
