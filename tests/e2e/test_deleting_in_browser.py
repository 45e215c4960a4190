"""An administrator deletes a folder of patches and a slide: a real browser and gateway, and a fake slides service."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

from idc_contracts.slides import SlideState
from support.page_browser import new_user, page_at, screenshot, sign_in
from support.slides_fake import FakeSlides, made_slide
from support.slides_page import gateway_before
from support.work_list import put_folder

pytestmark = pytest.mark.e2e


@pytest.fixture
def slides() -> FakeSlides:
    return FakeSlides()


@pytest.fixture
def address(slides: FakeSlides, tmp_path: Path) -> Iterator[str]:
    with gateway_before(slides, tmp_path) as address:
        yield address


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with page_at(browser, address, 1280) as page:
        sign_in(page)
        yield page


def answer_question(page: Page, *, accept: bool, says: str) -> None:
    """Answer the question that the page asks next, after a look at what it says."""

    def answer(dialog: Dialog) -> None:
        assert says in dialog.message
        if accept:
            dialog.accept()
        else:
            dialog.dismiss()

    page.once("dialog", answer)


def test_folder_is_deleted_with_its_results_after_a_question_and_other_windows_are_told(
    page: Page, address: str
) -> None:
    kept, gone = (put_folder(address, name, patches=(1, 0, 1)) for name in ("kept", "gone"))
    other = page.context.new_page()
    other.goto(f"{address}#/patches?folder={gone}")
    expect(other.locator("#results > li")).to_have_count(2)
    page.goto(f"{address}#/patches?folder={gone}")
    expect(page.locator("#results > li")).to_have_count(2)
    button = page.get_by_role("button", name="Delete the folder")

    answer_question(page, accept=False, says="Delete gone? 2 results go with it, and their reviews and images.")
    button.click()
    expect(page.locator("#results > li")).to_have_count(2)
    screenshot(page, "folder-to-delete")
    answer_question(page, accept=True, says="It cannot be brought back.")
    button.click()

    expect(page.get_by_role("heading", name="Work list")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("link", name="kept")).to_be_visible()
    expect(page.get_by_role("link", name="gone")).to_have_count(0)
    expect(other.get_by_text("This folder was deleted.")).to_be_visible()
    expect(other.locator("#results > li")).to_have_count(0)
    left = page.context.request.get(f"{address}/api/v1/classifications").json()["items"]
    assert {item["folder"] for item in left} == {kept}


def test_slide_is_deleted_after_a_question(page: Page, slides: FakeSlides, address: str) -> None:
    slide = made_slide("old.svs", SlideState.CANCELLED)
    slides.slides[slide.id] = slide
    page.goto(f"{address}#/slides/{slide.id}")

    answer_question(page, accept=True, says="Delete old.svs? Its results and reviews go with it")
    page.get_by_role("button", name="Delete the slide").click()

    expect(page.get_by_role("heading", name="Work list")).to_be_visible()
    assert slide.id not in slides.slides


def test_reviewer_is_not_offered_to_delete(page: Page, address: str) -> None:
    folder = put_folder(address, "kept", patches=(1, 0, 1))
    link = new_user(page, "eva", "reviewer")
    page.goto(f"{address}#{link}")
    page.reload()
    page.get_by_label("New password").fill("correct horse battery")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("heading", name="Work list")).to_be_visible()

    page.goto(f"{address}#/patches?folder={folder}")

    expect(page.locator("#results > li")).to_have_count(2)
    expect(page.get_by_role("button", name="Delete the folder")).to_have_count(0)
