"""A pathologist reads a slide: the cut with its figures, lists to step through, second readings, and why."""

import re
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from idc_trainer.data.layouts import open_patches
from support.drawn_slide import DrawnSlide, DrawnSlides
from support.eventually import wait_until
from support.page_browser import new_user, page_at, reviews_saved, screenshot, wait_for_quiet
from support.slides_page import page_before

pytestmark = pytest.mark.e2e

AXE = Path("services/gateway/page/node_modules/axe-core/axe.min.js")


@pytest.fixture(scope="module")
def drawn() -> DrawnSlide:
    return DrawnSlide()


@contextmanager
def reading(browser: Browser, drawn: DrawnSlide, folder: Path) -> Iterator[Page]:
    """A page of the first key, before a slide, while the block runs."""
    with page_before(browser, DrawnSlides(drawn=drawn), folder) as page:
        show(page, drawn)
        yield page


@pytest.fixture
def page(browser: Browser, drawn: DrawnSlide, tmp_path: Path) -> Iterator[Page]:
    drawn.reviews.clear()
    with reading(browser, drawn, tmp_path) as page:
        yield page


def show(page: Page, drawn: DrawnSlide, view: str = "") -> None:
    page.goto(f"{page.url.split('#')[0]}#/slides/{drawn.identity}{view}")
    # the patches are there: another view's heading may be, too
    expect(page.locator(".queue button" if view else ".marks").first).to_be_visible()
    wait_for_quiet(page)


def as_reader(browser: Browser, page: Page, drawn: DrawnSlide, name: str) -> AbstractContextManager[Page]:
    """The page of another person, a reviewer."""
    home = page.url.split("#")[0]
    page.goto(home)
    fragment = new_user(page, name, "reviewer")

    @contextmanager
    def signed_in() -> Iterator[Page]:
        with page_at(browser, f"{home}#{fragment}", 1280) as other:
            other.get_by_label("New password").fill("correct horse battery")
            other.get_by_role("button", name="Set the password").click()
            expect(other.get_by_role("heading", name="Work list")).to_be_visible()
            show(other, drawn)
            yield other

    return signed_in()


def test_cut_has_validation_figures_that_follow_the_slider(page: Page) -> None:
    figures = page.locator(".figures")
    expect(figures).to_have_text(re.compile(r"Sensitivity \d+%, specificity \d+%"))
    at_fitted = percentages(figures.inner_text())
    expect(page.get_by_text("on 17 validation patients")).to_be_visible()
    expect(page.locator(".marks")).to_contain_text("fitted cut: P 0.50")

    page.get_by_label("Try another cut").focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")

    expect(page.locator(".marks")).to_contain_text("your cut: P 0.88")
    higher = percentages(figures.inner_text())
    assert higher[0] < at_fitted[0]
    assert higher[1] > at_fitted[1]
    screenshot(page, "slide-cut-with-figures")


def percentages(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"(\d+)%", text)]


def test_quality_problems_are_stepped_through_by_keyboard(page: Page) -> None:
    expect(page.locator("#problems-list button").first).to_have_text("1: unreadable, 0.16 mm²")

    page.keyboard.press("Shift+J")

    expect(page.locator("#problems-list button").first).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".cell")).to_contain_text("Not screened: unreadable.")
    page.keyboard.press("Shift+J")
    expect(page.locator(".cell")).to_contain_text("out of focus")
    page.keyboard.press("Shift+K")
    expect(page.locator("#problems-list button").first).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("j")
    expect(page.locator("#hot-list button").first).to_have_attribute("aria-pressed", "true")
    wait_for_quiet(page)
    screenshot(page, "slide-quality")


def test_enter_chooses_the_patch_in_the_middle_and_r_does_not_turn_the_tissue_from_under_the_map(page: Page) -> None:
    tissue = page.locator(".openseadragon-canvas").first
    tissue.focus()

    page.keyboard.press("r")
    page.keyboard.press("Enter")

    expect(page.locator("#cell-title")).to_have_text("Patch 30, 22")
    expect(page.locator(".cell")).to_contain_text("with its neighbours")
    expect(page.locator(".cell")).to_contain_text("Model idc version 1.")


def test_map_is_a_table_that_is_sorted_filtered_and_paged(page: Page, drawn: DrawnSlide) -> None:
    page.get_by_text("Map as a table of patches").click()
    table = page.locator(".cell-table table")
    expect(table.locator("caption")).to_have_text(f"Patches 1 to 25 of {len(drawn.places):,}")
    highest = float(table.locator("tbody tr td").first.inner_text())

    page.get_by_role("button", name="P(IDC)").click()

    expect(table.locator("th[aria-sort=ascending]")).to_contain_text("P(IDC)")
    assert float(table.locator("tbody tr td").first.inner_text()) < highest
    page.get_by_role("button", name="Next page").click()
    expect(table.locator("caption")).to_contain_text("Patches 26 to 50")
    page.locator(".cell-table select").select_option("idc")
    expect(table.locator("caption")).to_contain_text("Patches 1 to 25")
    expect(table.locator("tbody .decision-mark").first).to_have_text("IDC")
    table.locator("tbody button").first.click()
    expect(page.locator(".cell")).to_be_visible()
    screenshot(page, "slide-table")


def test_histogram_is_a_table_with_all_patches_and_the_figures(page: Page, drawn: DrawnSlide) -> None:
    page.get_by_text("Histogram as a table").click()
    table = page.locator(".cut table")
    expect(table).to_be_visible()
    counts = [int(text.replace(",", "")) for text in table.locator("tbody td:nth-child(3)").all_inner_texts()]

    assert sum(counts) == len(drawn.places)
    assert percentages(table.locator("tbody tr").first.inner_text()) == [100, 0]


def test_several_patches_are_answered_at_once_and_taken_back_at_once(page: Page, drawn: DrawnSlide) -> None:
    show(page, drawn, "/review")
    for _ in range(3):
        page.keyboard.press("Shift+J")
    expect(page.get_by_text("4 patches are selected")).to_be_visible()
    screenshot(page, "review-selected")

    page.keyboard.press("1")

    expect(page.get_by_text("; 4 answered.")).to_be_visible()
    reviews_saved(page)
    assert [str(review.verdict) for review in drawn.reviews.values()] == ["no_idc"] * 4
    expect(page.locator("#cut-moved")).to_have_text("Your answers have moved the cut by +0.20 log odds.")
    page.keyboard.press("u")
    expect(page.get_by_text("; 0 answered.")).to_be_visible()
    reviews_saved(page)
    assert drawn.reviews == {}


def test_shift_and_control_with_the_mouse_select_patches_of_the_queue(page: Page, drawn: DrawnSlide) -> None:
    show(page, drawn, "/review")
    patches = page.locator(".queue button")

    patches.nth(2).click()
    patches.nth(5).click(modifiers=["Shift"])
    expect(page.get_by_text("4 patches are selected")).to_be_visible()
    patches.nth(3).click(modifiers=["Control"])
    expect(page.get_by_text("3 patches are selected")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".queue [aria-pressed=true]")).to_have_count(0)


def test_comment_is_written_without_answering_by_its_letters_and_is_saved_with_the_answer(
    page: Page, drawn: DrawnSlide
) -> None:
    show(page, drawn, "/review")

    page.keyboard.press("c")
    page.keyboard.type("ducts 123 jku")
    page.keyboard.press("Enter")
    assert drawn.reviews == {}
    page.keyboard.press("3")

    expect(page.get_by_text("; 1 answered.")).to_be_visible()
    reviews_saved(page)
    (review,) = drawn.reviews.values()
    assert (str(review.verdict), review.comment) == ("unsure", "ducts 123 jku")
    expect(page.get_by_label("Comment")).to_have_value("")


def test_second_reader_answers_blind_compares_and_settles(page: Page, browser: Browser, drawn: DrawnSlide) -> None:
    show(page, drawn, "/review")
    page.keyboard.press("c")
    page.keyboard.type("only hyperplasia")
    page.keyboard.press("Enter")
    page.keyboard.press("1")
    expect(page.get_by_text("; 1 answered.")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("2")
    expect(page.get_by_text("; 2 answered.")).to_be_visible()
    reviews_saved(page)

    with as_reader(browser, page, drawn, "eva") as second:
        show(second, drawn, "/review")
        second.get_by_role("button", name="Second reading").click()
        expect(second.get_by_text("Patch 1 of 2; 0 answered.")).to_be_visible()
        expect(second.get_by_text("hyperplasia")).to_have_count(0)
        for place in (1, 2):
            second.keyboard.press("2")
            expect(second.get_by_text(f"; {place} answered.")).to_be_visible()
            second.keyboard.press("j")

        second.get_by_role("button", name="Compare readers").click()

        answers = second.get_by_role("region", name="Answers")
        expect(answers).to_contain_text("No IDC (“only hyperplasia”)")
        expect(answers).to_contain_text("eva: IDC")
        expect(second.get_by_text("Kappa of eva and first: 0.00, on 2 patches.")).to_be_visible()
        wait_for_quiet(second)
        screenshot(second, "review-disagreements")
        second.keyboard.press("1")
        expect(answers).to_contain_text("settled")
        expect(second.get_by_text("Kappa of eva and first: 0.00, on 2 patches.")).to_be_visible()
        expect(second.get_by_role("heading", name="Training folder")).to_be_hidden()


def test_training_folder_has_what_readers_agree_on(page: Page, drawn: DrawnSlide, tmp_path: Path) -> None:
    show(page, drawn, "/review")
    for key, place in (("1", 1), ("2", 2), ("3", 3)):
        page.keyboard.press(key)
        expect(page.get_by_text(f"; {place} answered.")).to_be_visible()
        page.keyboard.press("j")
    page.get_by_role("button", name="Compare readers").click()
    training = page.get_by_role("region", name="Training folder")
    expect(training).to_contain_text("1 patch with IDC and 1 without, on which all readers agree.")
    expect(training).to_contain_text("Left out: 1 unsure, 0 disagreements.")
    screenshot(page, "review-training-folder")
    training.get_by_label("Patient").fill("not a name")
    expect(training.get_by_role("link")).to_be_hidden()
    training.get_by_label("Patient").fill("8867")

    with page.expect_download() as download:
        training.get_by_role("link", name="Download training folder").click()

    file = tmp_path / "8867.zip"
    download.value.save_as(file)
    assert zipfile.is_zipfile(file)
    assert [(patch.patient, patch.label) for patch in open_patches(file).listing.files] == [("8867", 0), ("8867", 1)]


def test_occlusion_map_is_made_when_it_is_asked_for_and_says_what_it_is_not(page: Page) -> None:
    page.keyboard.press("j")
    expect(page.locator(".occlusion .picture")).to_be_hidden()

    page.get_by_role("button", name="Why this answer?").click()

    expect(page.locator(".occlusion .picture i")).to_have_count(81)
    expect(page.locator(".occlusion")).to_contain_text("It shows where this model looks, not where tumour is.")
    expect(page.locator(".occlusion")).to_contain_text("moved in steps of 20 µm")
    page.get_by_text("Map as a table", exact=True).click()
    expect(page.locator(".occlusion tbody td")).to_have_count(81)
    page.locator(".occlusion").scroll_into_view_if_needed()
    screenshot(page, "slide-occlusion")


def test_panning_twenty_thousand_patches_draws_one_picture_and_no_patch_anew(browser: Browser, tmp_path: Path) -> None:
    large = DrawnSlide(columns=210, rows=152, name="large.svs")
    assert len(large.places) >= 20_000
    with reading(browser, large, tmp_path) as page:
        expect(page.locator(".marks")).to_be_visible()
        page.evaluate(COUNT_DRAWING)
        box = page.locator(".stage").bounding_box()
        assert box
        page.mouse.move(box["x"] + 300, box["y"] + 300)
        page.mouse.wheel(0, -400)
        wait_until(lambda: page.evaluate("window.drawing.of_the_map") > 0, "the slide and its map are drawn", 120)
        wait_for_quiet(page)  # the slide is loaded again when the stream of changes opens
        page.evaluate("Object.assign(window.drawing, { frames: 0, of_the_map: 0, pixels_put: 0 })")
        page.mouse.down()
        for step in range(60):
            page.mouse.move(box["x"] + 300 - 3 * step, box["y"] + 300 - 2 * step)
        page.mouse.up()
        wait_until(lambda: page.evaluate("window.drawing.of_the_map") > 0, "the drag was drawn", 120)

        drawing = page.evaluate("window.drawing")

    assert drawing["frames"] > 0
    assert drawing["of_the_map"] > 0
    assert drawing["pixels_put"] == 0, "the map was not made again"


COUNT_DRAWING = """() => {
  const drawing = (window.drawing = { frames: 0, longest_ms: 0, of_the_map: 0, pixels_put: 0 });
  const own = CanvasRenderingContext2D.prototype;
  const { drawImage, putImageData } = own;
  own.drawImage = function (...given) {
    if (this.canvas.classList.contains("map")) drawing.of_the_map += 1;
    return drawImage.apply(this, given);
  };
  own.putImageData = function (...given) {
    drawing.pixels_put += 1;
    return putImageData.apply(this, given);
  };
  let last = performance.now();
  const frame = (now) => {
    drawing.frames += 1;
    drawing.longest_ms = Math.max(drawing.longest_ms, now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}"""


@pytest.mark.parametrize("view", ["patch", "tables", "compare"])
def test_view_has_no_violation_that_axe_finds(page: Page, drawn: DrawnSlide, view: str) -> None:
    if view == "compare":
        show(page, drawn, "/review")
        page.keyboard.press("2")
        expect(page.get_by_text("; 1 answered.")).to_be_visible()
        page.get_by_role("button", name="Compare readers").click()
        expect(page.get_by_role("heading", name="Agreement")).to_be_visible()
    else:
        page.keyboard.press("j")
        page.get_by_role("button", name="Why this answer?").click()
        expect(page.locator(".occlusion .picture i")).to_have_count(81)
    if view == "tables":
        for summary in page.locator("summary").all():
            summary.click()

    found = page.evaluate(f"() => {{ {AXE.read_text(encoding='utf-8')}; return axe.run(); }}")

    assert [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found["violations"]] == []


@pytest.mark.parametrize("width_px", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_views_fit_phone_and_desk_in_both_schemes(page: Page, drawn: DrawnSlide, width_px: int, scheme: str) -> None:
    page.set_viewport_size({"width": width_px, "height": 850})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.get_by_label("Language").select_option("de")
    page.keyboard.press("j")
    page.get_by_role("button", name="Warum diese Antwort?").click()
    expect(page.locator(".occlusion .picture i")).to_have_count(81)
    for view in ("", "/review"):
        if view:
            show(page, drawn, view)
        wait_for_quiet(page)
        screenshot(page, f"reading{view.replace('/', '-')}-{width_px}-{scheme}")

        overflow_px = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

        assert overflow_px <= 0, view
