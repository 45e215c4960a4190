"""Pictures that did not arrive: the page says so, and asks for them until they are there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from support.demo_patches import solid_png
from support.drawn_slide import DrawnSlides
from support.eventually import wait_until
from support.page_browser import screenshot
from support.page_quality import violations
from support.slides_page import page_before

pytestmark = pytest.mark.e2e

TILES = re.compile(r"_files/")
WHOLE_SLIDE = re.compile(r"\.dzi$")
CELLS = re.compile(r"/cells/\d+/\d+\.png")


@pytest.fixture
def slides() -> DrawnSlides:
    return DrawnSlides()


@pytest.fixture
def page(browser: Browser, slides: DrawnSlides, tmp_path: Path) -> Iterator[Page]:
    """The work list."""
    with page_before(browser, slides, tmp_path) as page:
        yield page


def show(page: Page, slides: DrawnSlides, view: str = "") -> None:
    page.goto(f"{page.url.split('#')[0]}#/slides/{slides.drawn.identity}{view}")


def cut_off(page: Page, pictures: re.Pattern[str]) -> None:
    page.route(pictures, lambda route: route.abort())


def has_arrived(picture: Locator) -> bool:
    return bool(picture.evaluate("(image) => image.complete && image.naturalWidth > 0"))


def test_tiles_that_did_not_arrive_are_said_to_be_missing_and_asked_for_again(page: Page, slides: DrawnSlides) -> None:
    failed: set[str] = set()
    arrived: set[str] = set()
    page.on("requestfailed", lambda request: failed.add(request.url) if TILES.search(request.url) else None)
    page.on("requestfinished", lambda request: arrived.add(request.url) if TILES.search(request.url) else None)
    cut_off(page, TILES)
    show(page, slides)
    missing = page.get_by_role("alert").filter(has_text="Parts of the picture are missing.")
    expect(missing).to_be_visible()
    assert violations(page) == []
    screenshot(page, "slide-tiles-missing")
    assert failed

    page.unroute_all()

    expect(missing).to_be_hidden()
    assert failed <= arrived, "each tile that was in sight, of the overview too"


def test_slide_that_did_not_arrive_is_asked_for_again_and_shows_the_patch_that_was_chosen(
    page: Page, slides: DrawnSlides
) -> None:
    cut_off(page, WHOLE_SLIDE)
    show(page, slides)
    missing = page.get_by_role("alert").filter(has_text="The picture of the slide cannot be read.")
    expect(missing).to_be_visible()
    expect(page.get_by_text("Unable to open")).to_be_hidden()
    page.keyboard.press("j")
    expect(page.locator(".cell")).to_be_visible()
    screenshot(page, "slide-missing")

    page.unroute_all()

    expect(missing).to_be_hidden()
    expect(page.locator(".scale-bar")).to_have_text(re.compile("µm"))


@pytest.mark.parametrize("view", ["", "/review"])
def test_pictures_of_patches_that_did_not_arrive_are_asked_for_again(
    page: Page, slides: DrawnSlides, view: str
) -> None:
    cut_off(page, CELLS)
    with page.expect_event("requestfailed", lambda request: CELLS.search(request.url) is not None):
        show(page, slides, view)
        if view == "":
            expect(page.locator("#hot-list button").first).to_be_visible()
            page.keyboard.press("j")
    pictures = page.locator(".enlarged, .alone, .surroundings img, .queue img")
    expect(pictures.first).to_be_visible()
    assert not any(has_arrived(picture) for picture in pictures.all())

    page.unroute_all()

    wait_until(lambda: all(has_arrived(picture) for picture in pictures.all()), "every picture has arrived", 30)


def test_picture_of_a_result_is_asked_for_again_when_the_gateway_answers_again(page: Page) -> None:
    page.locator("#files").set_input_files(
        {"name": "red.png", "mimeType": "image/png", "buffer": solid_png((250, 60, 90))}
    )
    expect(page.locator("#results > li")).to_have_count(1)
    page.route(re.compile(r"/image"), lambda route: route.abort())
    page.reload()
    expect(page.locator(".patch")).to_have_text("This browser cannot show the image.")
    page.context.set_offline(True)
    expect(page.locator("#offline")).to_be_visible()

    page.unroute_all()
    page.context.set_offline(False)

    wait_until(lambda: has_arrived(page.locator(".patch img")), "the picture has arrived", 30)
