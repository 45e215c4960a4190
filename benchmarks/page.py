"""The page in Chromium before a real gateway: first view, size, a large slide that pans, a long list that scrolls.

`uv run --frozen python benchmarks/page.py [--quick]`; `make page` builds the page before. Gateway and browser share
this machine; inference, broker and slides service are fakes, so that the page's own part is measured. Each figure
stands beside that of an almost empty page of the same gateway in the same run: the time until its first paint, and the
frames of its scrolling. Every load is in a new browser context, without a cache. The last line is JSON:
`first_view_ms` is the median until the work list has its rows, `*_longest_ms` the longest time between two frames.
"""

import argparse
import gzip
import io
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from pydantic import HttpUrl

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from idc_contracts.slides import SlideState
from idc_gateway.web.routes.page import BUILT
from support.drawn_slide import CELL_PX, DrawnSlide, DrawnSlides
from support.gateway_fakes import MemoryBus, RednessInference
from support.live_gateway import gateway_settings, live_gateway
from support.page_browser import chromium, sign_in, wait_for_quiet
from support.slides_fake import NOW, made_slide, serving

EMPTY: Final = "static/unbuilt.html"
ROWS: Final = 5000
WIDTH_PX, HEIGHT_PX = 1280, 900
HAS_ROWS: Final = """new MutationObserver((_, observer) => {
  if (document.querySelector("main tbody tr") === null) return;
  observer.disconnect();
  requestAnimationFrame(() => requestAnimationFrame(() => (window.firstViewMs = performance.now())));
}).observe(document, { childList: true, subtree: true });"""
RECORD: Final = """() => {
  const times = (window.frameTimes = []);
  const frame = (now) => { times.push(now); window.isRecording && requestAnimationFrame(frame); };
  window.isRecording = true;
  requestAnimationFrame(frame);
}"""
STOP: Final = "() => { window.isRecording = false; return window.frameTimes; }"


class LargeSlide(DrawnSlide):
    """A slide of more than 20,000 patches whose picture costs nothing to make."""

    @cached_property
    def picture(self) -> Image.Image:
        """H&E-like noise, the same for each cell."""
        noise = np.random.default_rng(2).normal(0, 12, (CELL_PX, CELL_PX, 3))
        cell = np.clip(np.array([205, 140, 185]) + noise, 0, 255).astype(np.uint8)
        return Image.fromarray(np.tile(cell, (self.rows, self.columns, 1)))


@dataclass(frozen=True)
class Frames:
    """What a motion looked like."""

    per_s: float
    longest_ms: float

    @classmethod
    def of(cls, times_ms: list[float]) -> "Frames":
        gaps_ms = np.diff(times_ms)
        return cls(per_s=1000 / float(gaps_ms.mean()), longest_ms=float(gaps_ms.max()))


@contextmanager
def stage(folder: Path, slides: DrawnSlides) -> Iterator[tuple[Browser, str]]:
    """A browser and the address of a gateway."""
    with serving(slides) as slides_url:
        settings = gateway_settings(folder, slides_url=HttpUrl(slides_url))
        with (
            live_gateway(settings, inference=RednessInference(), bus=MemoryBus()) as address,
            chromium() as browser,
        ):
            yield browser, f"{address}/"


@contextmanager
def new_page(browser: Browser, state: str | None = None) -> Iterator[Page]:
    """A page of a browser that has seen nothing but, where given, a sign-in."""
    context = browser.new_context(viewport={"width": WIDTH_PX, "height": HEIGHT_PX}, storage_state=state)
    yield context.new_page()
    context.close()


def first_view_ms(browser: Browser, address: str, state: str) -> float:
    """From the navigation to the frame after the work list's first row."""
    with new_page(browser, state) as page:
        page.add_init_script(HAS_ROWS)
        page.goto(address)
        page.wait_for_function("() => window.firstViewMs !== undefined")
        return float(page.evaluate("window.firstViewMs"))


def empty_page_ms(browser: Browser, address: str) -> float:
    """From the navigation to the first paint of an empty page of the same gateway."""
    with new_page(browser) as page:
        page.goto(address + EMPTY)
        page.wait_for_function("() => performance.getEntriesByType('paint').length > 0")
        return float(page.evaluate("performance.getEntriesByType('paint')[0].startTime"))


def recorded(page: Page, motion: Callable[[Page], None]) -> Frames:
    """The frames that the browser drew meanwhile."""
    page.evaluate(RECORD)
    motion(page)
    return Frames.of(page.evaluate(STOP))


def pan(page: Page, strokes: int) -> None:
    """Drag the slide to and fro across the viewer."""
    box = page.locator(".stage").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    left, right = box["x"] + 40, box["x"] + box["width"] - 40
    for stroke in range(strokes):
        start, end = (right, left) if stroke % 4 < 2 else (left, right)
        page.mouse.move(start, middle)
        page.mouse.down()
        page.mouse.move(end, middle + 60 * (-1) ** stroke, steps=30)
        page.mouse.up()


def scroll(page: Page, turns: int) -> None:
    """Turn the wheel, a window's height at each turn."""
    page.mouse.move(WIDTH_PX / 2, HEIGHT_PX / 2)
    for _ in range(turns):
        page.mouse.wheel(0, HEIGHT_PX)
        page.wait_for_timeout(30)


def slide_frames(browser: Browser, address: str, state: str, slides: DrawnSlides, strokes: int) -> Frames:
    with new_page(browser, state) as page:
        page.goto(f"{address}#/slides/{slides.drawn.identity}")
        expect(page.locator(".hot-spots button").first).to_be_visible()
        page.get_by_role("button", name="Zoom in").click(click_count=2)
        wait_for_quiet(page)
        return recorded(page, lambda page: pan(page, strokes))


def list_frames(browser: Browser, address: str, state: str, turns: int) -> Frames:
    with new_page(browser, state) as page:
        page.goto(address)
        expect(page.locator("main tbody tr").first).to_be_visible()
        return recorded(page, lambda page: scroll(page, turns))


def empty_frames(browser: Browser, address: str, turns: int) -> Frames:
    with new_page(browser) as page:
        page.goto(address + EMPTY)
        return recorded(page, lambda page: scroll(page, turns))


def gzipped_kb() -> dict[str, float]:
    """The built page in kB (1,000 bytes), gzipped: the slide's viewer, and all the rest."""
    sizes = {"page": 0, "viewer": 0}
    for file in BUILT.rglob("*.*"):
        packed = io.BytesIO()
        with gzip.GzipFile(fileobj=packed, mode="wb") as out:
            out.write(file.read_bytes())
        sizes["viewer" if file.name.startswith("viewer-") else "page"] += packed.tell()
    return {name: size / 1000 for name, size in sizes.items()}


@cache
def machine() -> str:
    """Processor and cores, for the record."""
    cpu = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in cpu.read_text().splitlines() if line.startswith("model name")]
    return f"{names[0] if names else 'unknown processor'}, {os.cpu_count()} cores"


def measure(folder: Path, *, rounds: int, strokes: int) -> dict[str, float]:
    """All figures, the page and the empty page in turn."""
    slides = DrawnSlides(drawn=LargeSlide(columns=200, rows=170))
    with stage(folder, slides) as (browser, address):
        with new_page(browser) as page:
            page.goto(address)
            sign_in(page)
            state = page.context.storage_state()
        loads = [(first_view_ms(browser, address, state), empty_page_ms(browser, address)) for _ in range(rounds)]
        patches = len(slides.drawn.places)
        panned = slide_frames(browser, address, state, slides, strokes)
        for number in range(ROWS - 1):
            received_at = NOW - timedelta(minutes=1 + number)
            row = made_slide(f"slide-{number:04}.svs", SlideState.CANCELLED, received_at=received_at)
            slides.slides[row.id] = row
        scrolled = list_frames(browser, address, state, 10 * strokes)
        empty = empty_frames(browser, address, 10 * strokes)
    first, blank = (statistics.median(times) for times in zip(*loads, strict=True))
    return {
        "first_view_ms": first,
        "empty_page_ms": blank,
        **{f"{name}_gzipped_kb": size for name, size in gzipped_kb().items()},
        "patches": patches,
        "pan_frames_per_s": panned.per_s,
        "pan_longest_ms": panned.longest_ms,
        "rows": ROWS,
        "scroll_frames_per_s": scrolled.per_s,
        "scroll_longest_ms": scrolled.longest_ms,
        "empty_frames_per_s": empty.per_s,
        "empty_longest_ms": empty.longest_ms,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), rounds=3 if options.quick else 15, strokes=8 if options.quick else 40)
    print(machine())
    print(json.dumps({name: round(value, 1) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
