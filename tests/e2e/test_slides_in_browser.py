"""A reader at a slide: a real browser, a real gateway, and a slides service with a drawn slide."""

import re
from collections.abc import Iterator
from pathlib import Path

import openslide
import pytest
from playwright.sync_api import Browser, Page, expect

from idc_contracts.slides import SlideFailure, SlideState
from support.drawn_slide import DrawnSlide, DrawnSlides
from support.page_browser import new_user, page_at, reviews_saved, screenshot, wait_for_quiet
from support.slides_fake import made_slide
from support.slides_page import page_before

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def drawn() -> DrawnSlide:
    return DrawnSlide()


@pytest.fixture
def slides(drawn: DrawnSlide) -> DrawnSlides:
    drawn.reviews.clear()
    return DrawnSlides(drawn=drawn)


@pytest.fixture
def page(browser: Browser, slides: DrawnSlides, tmp_path: Path) -> Iterator[Page]:
    with page_before(browser, slides, tmp_path, 1400) as page:
        yield page


def open_slide(page: Page) -> None:
    page.get_by_role("link", name="drawn.svs").click()
    expect(page.get_by_role("heading", name="Cut")).to_be_visible()


def open_review(page: Page) -> None:
    open_slide(page)
    page.get_by_role("link", name="Review patches").click()
    expect(page.get_by_text("Patch 1 of 20; 0 answered.")).to_be_visible()


def test_work_list_shows_each_state_with_what_can_be_done(page: Page, slides: DrawnSlides) -> None:
    failure = SlideFailure(code="unreadable-slide", detail="scan-17.svs ends early: copy it again")
    for slide in (
        made_slide("running.svs", SlideState.RUNNING, progress=0.62, time_left_s=9),
        made_slide("unscaled.tiff", SlideState.NEEDS_SCALE),
        made_slide("scan-17.svs", SlideState.FAILED, failure=failure),
    ):
        slides.slides[slide.id] = slide
    page.reload()

    expect(page.locator("tr", has_text="drawn.svs").locator(".decision-mark", has_text="IDC")).to_be_visible()
    expect(page.locator("tr", has_text="running.svs")).to_contain_text("62%, 9 sec left")
    expect(page.locator("tr", has_text="scan-17.svs")).to_contain_text("ends early: copy it again")
    screenshot(page, "work-list")
    with page.expect_request(lambda request: request.method == "PATCH") as stated:
        page.locator("tr", has_text="unscaled.tiff").get_by_role("button", name="0.25 µm/px").click()
    assert stated.value.post_data_json == {"um_per_px": 0.25}


def test_work_list_is_sorted_by_its_headings(page: Page, slides: DrawnSlides) -> None:
    for name in ("b10.svs", "b9.svs"):
        slide = made_slide(name, SlideState.CANCELLED)
        slides.slides[slide.id] = slide
    page.reload()
    expect(page.locator("table.slides tbody tr")).to_have_count(3)

    page.get_by_role("button", name="Name", exact=True).click()

    expect(page.locator("table.slides tbody th")).to_have_text(["b9.svs", "b10.svs", "drawn.svs"])


def test_dropped_slide_is_uploaded_and_listed(page: Page, slides: DrawnSlides) -> None:
    content = bytes(range(256)) * 1000

    page.locator("#files").set_input_files({"name": "new.svs", "mimeType": "", "buffer": content})

    expect(page.get_by_role("link", name="new.svs")).to_be_visible()
    (upload,) = slides.uploads.values()
    assert (upload.name, bytes(upload.received)) == ("new.svs", content)


def test_slide_shows_tissue_map_and_evidence(page: Page) -> None:
    with page.expect_response(re.compile(r"_files/\d+/\d+_\d+\.jpeg")) as tile:
        open_slide(page)

    assert tile.value.ok
    expect(page.locator(".verdict")).to_contain_text(
        re.compile(r"Area of IDC: [\d.]+ mm² \([\d.]+\W[\d.]+\) of [\d.]+ mm² tissue")
    )
    expect(page.locator(".scale-bar")).to_contain_text("mm")
    expect(page.get_by_text("Left out, glass")).to_be_visible()
    wait_for_quiet(page)
    screenshot(page, "slide")


def test_moved_cut_changes_the_areas_and_says_that_results_stay(page: Page) -> None:
    open_slide(page)
    status = page.locator(".cut p[role=status]")
    before = status.inner_text()

    page.get_by_label("Try another cut").focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")

    expect(status).to_contain_text("Moved by +1.0 log odds from the fitted cut.")
    areas = r"[\d.]+ mm² lie above it, and [\d.]+ mm² are uncertain"
    assert re.findall(areas, status.inner_text()) != re.findall(areas, before) != []
    screenshot(page, "slide-cut-moved")
    page.get_by_role("button", name="Back to the fitted cut").click()
    expect(status).to_have_text(before)


def test_hot_spots_are_stepped_through_by_keyboard(page: Page) -> None:
    open_slide(page)
    expect(page.get_by_role("heading", name="Hot spots: 3")).to_be_visible()

    page.keyboard.press("j")

    expect(page.locator("#hot-list button").first).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".cell")).to_contain_text("P(IDC) 0.9")
    wait_for_quiet(page)
    screenshot(page, "slide-hot-spot")
    page.keyboard.press("k")
    expect(page.locator("#hot-list button").last).to_have_attribute("aria-pressed", "true")


def test_ten_reviews_by_keyboard_are_stored_and_move_the_cut(page: Page, drawn: DrawnSlide) -> None:
    open_review(page)

    for place in range(10):
        page.keyboard.press("2")
        expect(page.get_by_text(f"; {place + 1} answered.")).to_be_visible()
        page.keyboard.press("j")
        expect(page.get_by_text(f"Patch {place + 2} of 20")).to_be_visible()

    expect(page.locator("#cut-moved")).to_have_text("Your answers have moved the cut by -0.50 log odds.")
    assert len(drawn.reviews) == 10
    expect(page.get_by_text("Drawn at random.")).to_be_hidden()
    page.keyboard.press("k")
    expect(page.get_by_text("Drawn at random.")).to_be_visible()


def test_answer_of_the_model_is_hidden_until_the_reader_has_answered(page: Page) -> None:
    open_review(page)
    expect(page.locator(".model-answer")).to_have_text("The model's answer is shown after yours.")
    wait_for_quiet(page)
    screenshot(page, "review")

    page.keyboard.press("1")

    expect(page.locator(".model-answer")).to_contain_text("P(IDC)")
    screenshot(page, "review-answered")


def test_undo_withdraws_the_last_answer_and_shows_its_cell_again(page: Page, drawn: DrawnSlide) -> None:
    open_review(page)
    page.keyboard.press("1")
    expect(page.get_by_text("1 answered.")).to_be_visible()
    page.keyboard.press("j")

    page.keyboard.press("u")

    expect(page.get_by_text("Patch 1 of 20; 0 answered.")).to_be_visible()
    reviews_saved(page)
    assert drawn.reviews == {}


def test_second_reader_sees_a_disagreement_only_after_an_own_answer(
    page: Page, browser: Browser, drawn: DrawnSlide
) -> None:
    open_review(page)
    page.keyboard.press("1")
    reviews_saved(page)
    home = page.url.split("#")[0]
    page.goto(home)
    fragment = new_user(page, "eva", "reviewer")

    with page_at(browser, f"{home}#{fragment}", 1400) as second:
        second.get_by_label("New password").fill("correct horse battery")
        second.get_by_role("button", name="Set the password").click()
        open_review(second)
        expect(second.get_by_role("heading", name="Agreement")).to_be_hidden()
        second.keyboard.press("2")
        expect(second.get_by_text("1 answered.")).to_be_visible()
        second.get_by_role("button", name="Compare readers").click()

        expect(second.get_by_role("table")).to_contain_text("eva: IDC")
        expect(second.get_by_role("table")).to_contain_text("No IDC")
    assert len({reviewer for _, _, reviewer in drawn.reviews}) == 2


def test_page_speaks_german(page: Page) -> None:
    page.get_by_label("Language").select_option("de")
    open_link = page.get_by_role("link", name="drawn.svs")
    expect(page.get_by_role("heading", name="Arbeitsliste")).to_be_visible()
    open_link.click()

    expect(page.get_by_role("heading", name="Schwelle")).to_be_visible()
    wait_for_quiet(page)
    screenshot(page, "slide-german")


@pytest.mark.parametrize("view", ["", "/patches", "/slides/ID", "/slides/ID/review"])
def test_view_has_no_violation_that_axe_finds(page: Page, drawn: DrawnSlide, view: str) -> None:
    axe = Path("services/gateway/page/node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
    page.goto(f"{page.url.split('#')[0]}#{view.replace('ID', str(drawn.identity))}")
    wait_for_quiet(page)
    expect(page.locator("main h2").first).to_be_visible()

    found = page.evaluate(f"() => {{ {axe}; return axe.run(); }}")

    assert [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found["violations"]] == []


@pytest.mark.parametrize("width_px", [360, 1280])
def test_slide_and_review_fit_phone_and_desk(page: Page, drawn: DrawnSlide, width_px: int) -> None:
    page.set_viewport_size({"width": width_px, "height": 800})
    home = page.url.split("#")[0]
    for view in (f"/slides/{drawn.identity}", f"/slides/{drawn.identity}/review", ""):
        page.goto(f"{home}#{view}")
        expect(page.locator("main h2").first).to_be_visible()
        wait_for_quiet(page)
        screenshot(page, f"{view.split('/')[-1][:6] or 'list'}-{width_px}")

        overflow_px = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

        assert overflow_px <= 0, view


def test_made_slide_is_a_slide_file_with_its_scale(page: Page, slides: DrawnSlides, tmp_path: Path) -> None:
    slides.slides.clear()
    page.reload()

    page.get_by_role("button", name="Try a made slide").click()

    expect(page.get_by_role("link", name="made-slide.tif")).to_be_visible()
    (upload,) = slides.uploads.values()
    file = tmp_path / "made-slide.tif"
    file.write_bytes(upload.received)
    with openslide.OpenSlide(file) as slide:
        assert slide.dimensions == (2000, 1500)
        assert float(slide.properties[openslide.PROPERTY_NAME_MPP_X]) == pytest.approx(4.0)
        assert slide.read_region((0, 0), 0, (1, 1)).getpixel((0, 0)) == (243, 242, 244, 255)
        screenshot(page, "first-steps")
