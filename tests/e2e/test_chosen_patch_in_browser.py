"""A reader answers the patch that they look at on the map, corrects it later, and stays blind."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from support.drawn_slide import DrawnSlides
from support.eventually import wait_until
from support.page_browser import new_user, page_at, reviews_saved, screenshot
from support.page_quality import violations
from support.slides_fake import problem
from support.slides_page import page_before

pytestmark = pytest.mark.e2e


@pytest.fixture
def slides() -> DrawnSlides:
    return DrawnSlides()


@pytest.fixture
def page(browser: Browser, slides: DrawnSlides, tmp_path: Path) -> Iterator[Page]:
    """The largest hot spot of a slide, chosen."""
    with page_before(browser, slides, tmp_path) as page:
        page.goto(f"{page.url.split('#')[0]}#/slides/{slides.drawn.identity}")
        choose_hot_spot(page)
        yield page


def choose_hot_spot(page: Page) -> None:
    page.locator("#hot-list button").first.click()
    expect(page.locator(".cell")).to_be_visible()


def own(page: Page) -> Locator:
    return page.get_by_role("group", name="Your answer")


def answer(page: Page, verdict: str) -> None:
    own(page).get_by_role("button", name=verdict, exact=True).click()


def shows(page: Page, verdict: str) -> None:
    expect(own(page).get_by_role("button", name=verdict, exact=True, pressed=True)).to_be_visible()
    expect(own(page).locator("[aria-pressed=true]")).to_have_count(1)


def verdicts(slides: DrawnSlides) -> list[tuple[str, str | None]]:
    return [(review.verdict.value, review.comment) for review in slides.drawn.reviews.values()]


def test_answer_to_a_chosen_patch_is_given_changed_after_a_reload_and_taken_back(
    page: Page, slides: DrawnSlides
) -> None:
    own(page).get_by_label("Comment").fill("only hyperplasia")
    answer(page, "IDC")
    shows(page, "IDC")
    reviews_saved(page)
    assert verdicts(slides) == [("idc", "only hyperplasia")]
    expect(page.locator(".cut")).to_contain_text("1 reviewed patch took part.")

    page.reload()
    choose_hot_spot(page)
    shows(page, "IDC")
    expect(own(page).get_by_label("Comment")).to_have_value("only hyperplasia")
    screenshot(page, "slide-own-answer")
    assert violations(page) == []
    answer(page, "No IDC")
    shows(page, "No IDC")
    reviews_saved(page)
    assert verdicts(slides) == [("no_idc", "only hyperplasia")]

    own(page).get_by_role("button", name="Take back").click()

    expect(own(page).locator("[aria-pressed=true]")).to_have_count(0)
    reviews_saved(page)
    assert verdicts(slides) == []
    expect(page.locator(".cell")).to_contain_text("You have not reviewed this patch")


def test_slip_in_the_queue_is_corrected_on_the_map(page: Page, slides: DrawnSlides) -> None:
    page.get_by_role("link", name="Review patches").click()
    expect(page.get_by_text("Patch 1 of 20; 0 answered.")).to_be_visible()
    page.keyboard.press("2")
    reviews_saved(page)
    ((column, row, _),) = slides.drawn.reviews
    page.get_by_role("link", name="Back to the slide").click()

    page.get_by_text("Map as a table of patches").click()
    page.get_by_label("Show").select_option("mine")
    page.get_by_role("button", name=f"{column}, {row}", exact=True).click()
    shows(page, "IDC")
    answer(page, "Unsure")

    shows(page, "Unsure")
    reviews_saved(page)
    assert verdicts(slides) == [("unsure", None)]


def test_other_answer_is_shown_after_ones_own_which_then_is_changed_and_not_taken_back(
    page: Page, slides: DrawnSlides
) -> None:
    title = page.locator("#cell-title").inner_text()
    column, row = (int(number) for number in title.removeprefix("Patch ").split(", "))
    slides.drawn.answered(column, row, "eva", {"verdict": "idc", "comment": "ducts"})
    expect(page.locator(".cell")).to_contain_text("others' answers are shown after yours")
    expect(page.locator(".cell")).not_to_contain_text("eva")

    answer(page, "No IDC")
    expect(page.locator(".cell")).to_contain_text("eva: IDC")
    own(page).get_by_role("button", name="Take back").click()

    refusal = page.get_by_role("alert").filter(has_text="change the answer instead of withdrawing it")
    expect(refusal).to_contain_text(title)
    shows(page, "No IDC")
    answer(page, "IDC")
    shows(page, "IDC")
    reviews_saved(page)
    assert verdicts(slides) == [("idc", "ducts"), ("idc", None)]


def test_answer_that_is_not_saved_names_its_patch_and_is_saved_again(page: Page, slides: DrawnSlides) -> None:
    title = page.locator("#cell-title").inner_text()
    slides.review_refusal = problem(507, "insufficient-storage", "the disk is full")
    answer(page, "IDC")
    page.get_by_role("button", name="Close").click()
    unsaved = page.get_by_role("alert").filter(has_text="1 answer was not saved: the disk is full")
    unsaved.get_by_role("button", name=f"{title}: IDC").click()
    expect(page.locator("#cell-title")).to_have_text(title)

    slides.review_refusal = None
    unsaved.get_by_role("button", name="Save again").click()

    expect(unsaved).to_be_hidden()
    assert verdicts(slides) == [("idc", None)]


def test_who_may_not_review_is_not_asked(page: Page, browser: Browser) -> None:
    expect(own(page)).to_be_visible()
    home, view = page.url.split("#")
    page.goto(home)
    link = new_user(page, "vic", "viewer")
    with page_at(browser, f"{home}#{link}", 1280) as other:
        other.get_by_label("New password").fill("correct horse battery")
        other.get_by_role("button", name="Set the password").click()
        expect(other.get_by_role("heading", name="Work list")).to_be_visible()
        other.goto(f"{home}#{view}")
        choose_hot_spot(other)

        expect(other.locator(".cell")).to_contain_text("with its neighbours")
        expect(own(other)).to_have_count(0)


def test_mode_of_the_review_outlives_a_reload_and_the_back_button(page: Page) -> None:
    page.get_by_role("link", name="Review patches").click()
    second = page.get_by_role("button", name="Second reading")
    second.click()
    expect(page.get_by_text("waits for your second reading")).to_be_visible()

    page.reload()
    expect(second).to_have_attribute("aria-pressed", "true")
    page.get_by_role("link", name="Back to the slide").click()
    expect(page.get_by_role("heading", name="Cut")).to_be_visible()
    page.go_back()
    expect(second).to_have_attribute("aria-pressed", "true")
    page.go_back()

    expect(page.get_by_role("button", name="First reading")).to_have_attribute("aria-pressed", "true")
    wait_until(lambda: page.locator(".queue button").count() > 0, "the first reading has its queue")
