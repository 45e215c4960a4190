"""Names that no designer thought of, and slides and folders with nothing in them, in a real browser."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect

from support.drawn_slide import DrawnSlide, DrawnSlides
from support.page_browser import screenshot
from support.page_quality import overflow_px, violations
from support.slides_page import page_before
from support.work_list import put_folder

pytestmark = pytest.mark.e2e

NAMES = {
    "long": "W" * 251 + ".svs",
    "markup": "<img src=x onerror=alert(1)> & \"quoted\" 'too' %2F #1?.svs",
    "scripts": "Gewebe äöüß 乳腺 أنسجة 🔬 e\u0301.svs",
}


class GlassAlone(DrawnSlide):
    """A slide on which no tissue was found."""

    @cached_property
    def places(self) -> NDArray[np.int64]:
        return np.zeros((0, 2), np.int64)


@pytest.fixture
def drawn() -> DrawnSlide:
    return DrawnSlide()


@pytest.fixture
def page(browser: Browser, drawn: DrawnSlide, tmp_path: Path) -> Iterator[Page]:
    with page_before(browser, DrawnSlides(drawn=drawn), tmp_path) as page:
        yield page


def is_whole(page: Page, name: str) -> None:
    """Nothing is cut off from phone to desk, and axe finds nothing."""
    for width_px in (320, 1280):
        assert overflow_px(page, width_px) <= 0, width_px
        screenshot(page, f"odd-{name}-{width_px}")
    assert violations(page) == []


@pytest.mark.parametrize("kind", NAMES)
class TestName:
    @pytest.fixture
    def drawn(self, kind: str) -> DrawnSlide:
        return DrawnSlide(name=NAMES[kind])

    def test_name_is_shown_as_it_is_in_each_view(self, page: Page, drawn: DrawnSlide, kind: str) -> None:
        home = page.url.split("#")[0]
        folder = put_folder(home.rstrip("/"), NAMES[kind], patches=(1, 0, 1))
        main = page.get_by_role("main")
        expect(main.get_by_role("link", name=NAMES[kind], exact=True)).to_have_count(2)
        is_whole(page, f"{kind}-list")

        page.goto(f"{home}#/slides/{drawn.identity}")
        expect(main.get_by_role("heading", name=NAMES[kind], exact=True)).to_be_visible()
        is_whole(page, f"{kind}-slide")

        page.goto(f"{home}#/slides/{drawn.identity}/review")
        expect(main.get_by_role("heading", name=f"Review of {NAMES[kind]}", exact=True)).to_be_visible()
        is_whole(page, f"{kind}-review")

        page.goto(f"{home}#/patches?folder={folder}")
        expect(main.get_by_role("heading", name=NAMES[kind], exact=True)).to_be_visible()
        is_whole(page, f"{kind}-patches")


class TestGlass:
    @pytest.fixture
    def drawn(self) -> DrawnSlide:
        return GlassAlone(name="glass.svs")

    def test_slide_of_glass_alone_says_that_nothing_was_found(self, page: Page, drawn: DrawnSlide) -> None:
        home = page.url.split("#")[0]
        page.goto(f"{home}#/slides/{drawn.identity}")
        expect(page.get_by_text("No patch lies above the cut.")).to_be_visible()
        is_whole(page, "glass-slide")

        page.goto(f"{home}#/slides/{drawn.identity}/review")
        expect(page.get_by_text("No patch of this slide is left to review.")).to_be_visible()
        is_whole(page, "glass-review")


def test_folder_without_patches_says_so(page: Page) -> None:
    home = page.url.split("#")[0]
    folder = put_folder(home.rstrip("/"), "empty")

    page.goto(f"{home}#/patches?folder={folder}")

    expect(page.get_by_text("No patch of this folder has a result.")).to_be_visible()
    is_whole(page, "empty-folder")
