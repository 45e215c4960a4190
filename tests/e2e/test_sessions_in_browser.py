"""Whose work the page goes on with: passwords, signing out and a second person, while something runs."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, Request, Route, expect

from support.page_browser import new_user, page_at, sign_in
from support.slides_fake import FakeSlides
from support.slides_page import gateway_before

pytestmark = pytest.mark.e2e

PASSWORD = "correct horse battery"
PIECES = "**/api/v1/slides/uploads/*"
FIRST_PIECE_BYTES = 8 * 1024 * 1024
"""A slide is sent in pieces of this size."""


@pytest.fixture
def slides() -> FakeSlides:
    return FakeSlides()


@pytest.fixture
def address(slides: FakeSlides, tmp_path: Path) -> Iterator[str]:
    with gateway_before(slides, tmp_path) as address:
        yield address


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """Signed in as an administrator."""
    with page_at(browser, address) as page:
        sign_in(page)
        yield page


@pytest.fixture
def eva(browser: Browser, address: str) -> Iterator[Page]:
    """Signed in as the user eva, who has a password."""
    with page_at(browser, address) as page:
        enter_by_link(page, new_user(page, "eva", "reviewer"))
        set_password(page)
        yield page


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "large.svs"
    file.write_bytes(os.urandom(FIRST_PIECE_BYTES + 1000))
    return file


def enter_by_link(page: Page, fragment: str) -> None:
    page.goto(f"{page.url.split('#')[0]}#{fragment}")
    page.reload()
    expect(page.get_by_role("heading", name="Set your password")).to_be_visible()


def set_password(page: Page) -> None:
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("heading", name="Work list")).to_be_visible()


def sign_in_again(page: Page) -> None:
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("eva")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Work list")).to_be_visible()


def upload_half(page: Page, file: Path) -> None:
    """Upload a slide, of which the first piece arrives, and the second one does not, however often it is sent."""

    def break_off(route: Route) -> None:
        if is_second_piece(route.request):
            route.abort()
        else:
            route.continue_()

    page.route(PIECES, break_off)
    with page.expect_request(is_second_piece):
        page.locator("#files").set_input_files(file)
    expect(page.get_by_role("progressbar", name="Upload of large.svs")).to_be_visible()


def is_second_piece(request: Request) -> bool:
    return request.method == "PATCH" and request.headers["upload-offset"] == str(FIRST_PIECE_BYTES)


def received(slides: FakeSlides) -> list[bytes]:
    return [bytes(upload.received) for upload in slides.uploads.values()]


def test_upload_goes_on_while_its_sender_looks_at_the_password(eva: Page, slides: FakeSlides, file: Path) -> None:
    upload_half(eva, file)

    eva.get_by_role("button", name="Password").click()
    expect(eva.get_by_role("heading", name="Set your password")).to_be_visible()
    eva.get_by_role("button", name="Cancel").click()

    expect(eva.get_by_role("progressbar", name="Upload of large.svs")).to_be_visible()
    assert len(slides.uploads) == 1


def test_signing_out_asks_before_an_upload_stops(eva: Page, file: Path) -> None:
    upload_half(eva, file)
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    eva.once("dialog", stay)
    eva.get_by_role("button", name="Sign out").click()

    expect(eva.get_by_role("progressbar", name="Upload of large.svs")).to_be_visible()
    assert asked == ["Sign out? Uploads that are running stop."]


def test_upload_that_signing_out_stopped_goes_on_for_its_sender_alone(
    eva: Page, slides: FakeSlides, file: Path
) -> None:
    upload_half(eva, file)
    eva.once("dialog", lambda dialog: dialog.accept())
    eva.get_by_role("button", name="Sign out").click()
    content = file.read_bytes()

    sign_in(eva)
    expect(eva.get_by_role("progressbar")).to_have_count(0)
    eva.unroute(PIECES)
    eva.locator("#files").set_input_files(file)
    expect(eva.get_by_role("link", name="large.svs")).to_have_count(1)
    assert received(slides) == [content[:FIRST_PIECE_BYTES], content]
    eva.get_by_role("button", name="Sign out").click()
    sign_in_again(eva)
    eva.locator("#files").set_input_files(file)
    expect(eva.get_by_role("link", name="large.svs")).to_have_count(2)
    assert received(slides) == [content, content]


def test_browser_asks_before_it_leaves_a_slide_that_is_uploaded(eva: Page, file: Path) -> None:
    upload_half(eva, file)

    with eva.expect_event("dialog") as asked:
        eva.close(run_before_unload=True)

    assert asked.value.type == "beforeunload"
    asked.value.dismiss()


@pytest.mark.parametrize("hears", ["tab", "stream"])
def test_tab_ends_when_another_person_signs_in_in_the_same_browser(page: Page, hears: str) -> None:
    link = new_user(page, "eva", "reviewer")
    page.goto(f"{page.url}#/administration/keys")
    expect(page.get_by_role("button", name="Create the key")).to_be_visible()
    second = page.context.new_page()
    if hears == "stream":
        second.add_init_script("BroadcastChannel.prototype.postMessage = () => {};")

    second.goto(page.url.split("#")[0])
    enter_by_link(second, link)
    if hears == "stream":
        set_password(second)

    expect(page.get_by_role("alert").filter(has_text="eva signed in to this browser in another window")).to_be_visible()
    expect(page.get_by_role("button", name="Create the key")).to_be_hidden()


def test_signing_out_that_does_not_reach_the_gateway_says_so_and_stays(page: Page) -> None:
    def fail(route: Route) -> None:
        if route.request.method == "DELETE":
            route.abort()
        else:
            route.continue_()

    page.route("**/api/v1/session", fail)

    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_role("alert").filter(has_text="You are still signed in")).to_be_visible()
    expect(page.get_by_role("heading", name="Work list")).to_be_visible()
    page.unroute("**/api/v1/session")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_text("You are still signed in")).to_be_hidden()
