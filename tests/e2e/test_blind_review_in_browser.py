"""Readers who must not be led: by the model's answer, or by what others' answers have moved on the map."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from support.drawn_slide import DrawnSlide, DrawnSlides
from support.page_browser import reviews_saved, screenshot, wait_for_quiet
from support.page_quality import violations
from support.slides_page import page_before

pytestmark = pytest.mark.e2e

SPREAD = 6.0
"""Each patch is IDC once anybody has answered one."""


@pytest.fixture
def drawn() -> DrawnSlide:
    return DrawnSlide(spread=SPREAD)


@pytest.fixture
def page(browser: Browser, drawn: DrawnSlide, tmp_path: Path) -> Iterator[Page]:
    with page_before(browser, DrawnSlides(drawn=drawn), tmp_path) as page:
        yield page


def open_slide(page: Page, drawn: DrawnSlide) -> None:
    page.goto(f"{page.url.split('#')[0]}#/slides/{drawn.identity}")
    expect(page.locator(".marks").first).to_be_visible()
    wait_for_quiet(page)


def open_review(page: Page, drawn: DrawnSlide) -> None:
    page.goto(f"{page.url.split('#')[0]}#/slides/{drawn.identity}/review")
    expect(page.get_by_text(re.compile(r"Patch 1 of \d+; 0 answered."))).to_be_visible()


def another_answers(drawn: DrawnSlide, *, far_below_the_cut: int) -> tuple[int, int]:
    """Somebody else answers the patch with this rank from below; gives its place."""
    column, row = drawn.places[np.argsort(drawn.logits)][far_below_the_cut].tolist()
    drawn.answered(column, row, "ann", {"verdict": "idc", "comment": None, "model_shown": False})
    return column, row


def model_answer(page: Page) -> Locator:
    return page.locator(".model-answer")


@contextmanager
def compared(page: Page) -> Iterator[Locator]:
    page.get_by_role("button", name="Compare readers").click()
    agreement = page.get_by_role("region", name="Agreement")
    expect(agreement).to_be_visible()
    yield agreement


def test_review_is_one_click_from_the_work_list_and_not_by_the_map(page: Page, drawn: DrawnSlide) -> None:
    page.get_by_role("row").filter(has_text=drawn.name).get_by_role("link", name="Review").click()

    expect(page.get_by_role("heading", name=f"Review of {drawn.name}")).to_be_visible()


def test_review_shows_the_models_own_decision_and_score_and_not_those_that_reviews_moved(
    page: Page, drawn: DrawnSlide
) -> None:
    another_answers(drawn, far_below_the_cut=0)
    open_review(page, drawn)
    page.get_by_role("button", name="Second reading").click()
    expect(page.get_by_text("Patch 1 of 1; 0 answered.")).to_be_visible()

    page.keyboard.press("3")

    expect(model_answer(page)).to_contain_text("No IDC")
    expect(model_answer(page)).to_contain_text(re.compile(r"P\(IDC\) 0\.0\d\d,\s+with its neighbours 0\.0\d\d"))


def test_reader_with_second_readings_sees_the_slide_as_before_any_review(page: Page, drawn: DrawnSlide) -> None:
    another_answers(drawn, far_below_the_cut=0)
    spots = page.get_by_role("heading", name=re.compile(r"^Hot spots: "))
    open_slide(page, drawn)

    expect(page.get_by_text("Second readings wait for you. Until they are done")).to_be_visible()
    expect(spots).to_have_text(re.compile(r": [2-9]\d*$"))
    expect(page.locator(".cut")).not_to_contain_text("took part")
    assert violations(page) == []
    screenshot(page, "slide-before-reviews")
    page.get_by_role("button", name="Show the reviews' effect").click()
    expect(spots).to_have_text("Hot spots: 1")  # all patches are one

    page.get_by_role("link", name="To the second reading").click()
    expect(page.get_by_role("button", name="Second reading")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("Patch 1 of 1; 0 answered.")).to_be_visible()
    page.keyboard.press("1")
    expect(page.get_by_text("; 1 answered.")).to_be_visible()
    reviews_saved(page)
    open_slide(page, drawn)

    expect(page.get_by_text("Second readings wait for you")).to_be_hidden()
    expect(spots).to_have_text("Hot spots: 1")


def test_agreement_with_the_model_counts_only_answers_without_its_own(page: Page, drawn: DrawnSlide) -> None:
    open_review(page, drawn)
    page.keyboard.press("3")
    reviews_saved(page)
    expect(model_answer(page)).to_contain_text("P(IDC)")
    page.keyboard.press("2")  # after the model's
    page.keyboard.press("j")
    page.get_by_label("Hide the model's answer until mine is saved").uncheck()
    expect(model_answer(page)).to_contain_text("P(IDC)")
    page.keyboard.press("2")
    reviews_saved(page)

    with compared(page) as agreement:
        expect(agreement).to_contain_text("1 answer of yours is left out of it")
        expect(agreement).not_to_contain_text("Kappa with the model")
    told = [(review.unaided_verdict, review.model_shown) for review in drawn.reviews.values()]
    assert told == [("unsure", True), (None, True)]


def test_answer_that_is_taken_back_after_the_models_was_read_is_not_given_anew_without_it(
    page: Page, drawn: DrawnSlide
) -> None:
    open_review(page, drawn)
    page.keyboard.press("1")
    reviews_saved(page)
    expect(model_answer(page)).to_contain_text("P(IDC)")
    page.keyboard.press("u")
    reviews_saved(page)

    page.keyboard.press("2")
    reviews_saved(page)

    (review,) = drawn.reviews.values()
    assert (review.verdict, review.unaided_verdict) == ("idc", None)


def test_patch_that_was_looked_at_on_the_slide_is_not_answered_without_the_model(page: Page, drawn: DrawnSlide) -> None:
    (first,) = drawn.next_reviews(1, "first", second=False)
    open_slide(page, drawn)
    page.get_by_text("Map as a table of patches").click()
    page.get_by_label("Show").select_option("Uncertain")
    cell = page.locator(".cell-table").get_by_role("button", name=f"{first['column']}, {first['row']}", exact=True)
    for _ in range(40):
        if cell.count():
            break
        page.get_by_role("button", name="Next page").click()
    cell.click()
    expect(page.get_by_role("heading", name=f"Patch {first['column']}, {first['row']}")).to_be_visible()

    open_review(page, drawn)
    page.keyboard.press("2")
    reviews_saved(page)

    (review,) = drawn.reviews.values()
    assert (review.column, review.row, review.unaided_verdict) == (first["column"], first["row"], None)
