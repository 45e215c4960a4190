"""The way of a reader: Chromium before a composed stack of real containers, from the first sign-in to a session's end.

One test, because each step stands on those before it. Whatever the browser's console calls an error fails it, and so
does a breach of the policy.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from idc_contracts import utc_now
from idc_contracts.promotion import ModelWithdrawal
from idc_modelio.serving import promotion_path, withdrawal_path
from support.compose_stack import ComposeStack
from support.composed_slides import compose
from support.eventually import wait_until
from support.made_comparison import made_promotion
from support.page_browser import drop, page_at, reviews_saved, screenshot, wait_for_pictures
from support.slide_files import write_slide
from support.tiny_bundle import write_tiny_bundle

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(2700)]

REPOSITORY = Path(__file__).parents[2]
PATIENT = "8867"
CANDIDATE = "1000"
PASSWORD = "correct horse battery"
SCREENING_MS = 600_000
"""How long the slide may take on a busy machine."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped model, and a version that was compared and is held back until an administrator promotes it."""
    folder = tmp_path_factory.mktemp("models")
    for part in (folder, *folder.parents[:2]):
        part.chmod(0o755)
    shutil.copytree(REPOSITORY / "models" / "idc", folder / "idc")
    promotion, withdrawal = (path(folder, "idc", CANDIDATE) for path in (promotion_path, withdrawal_path))
    promotion.parent.mkdir(parents=True)
    promotion.write_text(made_promotion(CANDIDATE).model_dump_json())
    held = ModelWithdrawal(withdrawn_at=utc_now(), by="Ada", version=CANDIDATE, serves_instead="3")
    withdrawal.write_text(held.model_dump_json())
    bundle = write_tiny_bundle(tmp_path_factory.mktemp("bundle"), version=CANDIDATE)
    shutil.move(bundle, folder / "idc" / CANDIDATE)
    return folder


@pytest.fixture(scope="module")
def reader_stack(models: Path) -> Iterator[ComposeStack]:
    stack = ComposeStack(REPOSITORY, models)
    try:
        stack.start()
        yield stack
    finally:
        stack.remove()


@pytest.fixture(scope="module")
def slide(idc_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The patient's slide, composed of all its patches."""
    path = tmp_path_factory.mktemp("scans") / f"{PATIENT}.svs"
    return write_slide(path, compose(idc_data, PATIENT).pixels, enlarged_by=8)


@pytest.fixture(scope="module")
def hundred_patches(idc_data: Path) -> list[Path]:
    """The second test set of the system of 2018."""
    names = (idc_data / "origin" / "gui-set-2.txt").read_text(encoding="utf-8").split()
    folders = idc_data / "idc" / "8975"
    return [folders / name.removesuffix(".png")[-1] / name for name in names]


def link_of(stack: ComposeStack, name: str, role: str) -> str:
    """The sign-in link of a new user, made with the first API key."""
    with stack.client() as client:
        made = client.post("/api/v1/users", json={"name": name, "role": role}).raise_for_status().json()
    return f"{stack.url}/#{str(made['sign_in_link']).split('#')[1]}"


@contextmanager
def signed_in(browser: Browser, link: str) -> Iterator[Page]:
    """A person's own browser, after the first sign-in by a link."""
    with page_at(browser, link, 1440) as page:
        page.get_by_label("New password").fill(PASSWORD)
        page.get_by_role("button", name="Set the password").click()
        expect(page.get_by_role("heading", name="Work list")).to_be_visible()
        yield page


def drop_slide_and_watch_it_run(page: Page, slide: Path) -> None:
    drop(page, slide)
    row = page.get_by_role("row").filter(has_text=slide.name)
    expect(row.get_by_role("progressbar").first).to_be_visible()
    screenshot(page, "walk-running")
    expect(row.locator(".decision-mark").filter(has_text="IDC").last).to_be_visible(timeout=SCREENING_MS)
    expect(row.get_by_role("progressbar")).to_be_hidden()


def open_slide(page: Page, slide: Path) -> None:
    page.get_by_role("link", name="Work list", exact=True).click()
    page.get_by_role("main").get_by_role("link", name=slide.name, exact=True).click()
    expect(page.get_by_role("heading", name="Cut", exact=True)).to_be_visible()


def step_through_hot_spots(page: Page) -> None:
    heading = page.get_by_role("heading", name=re.compile(r"Hot spots: [1-9]\d*"))
    expect(heading).to_be_visible()
    count = int(heading.inner_text().split()[-1])
    for place in range(min(count, 5)):
        page.keyboard.press("j")
        expect(page.get_by_role("button", name=re.compile(rf"^{place + 1}:"), pressed=True)).to_be_visible()
    expect(page.get_by_role("heading", name=re.compile(r"Patch \d+, \d+"))).to_be_visible()
    wait_for_pictures(page)
    screenshot(page, "walk-slide")


def move_the_cut(page: Page) -> None:
    page.get_by_label("Try another cut").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(page.get_by_text("from the fitted cut. This changes the view only")).to_be_visible()
    page.get_by_role("button", name="Back to the fitted cut").click()


def review_by_keyboard(page: Page, verdict: str, answers: int) -> None:
    for place in range(answers):
        expect(page.get_by_text(re.compile(rf"Patch {place + 1} of \d+; {place} answered"))).to_be_visible()
        page.keyboard.press(verdict)
        expect(page.get_by_text(f"; {place + 1} answered.")).to_be_visible()
        page.keyboard.press("j")
    reviews_saved(page)


def read_confusion_matrix(page: Page, patches: list[Path]) -> None:
    page.get_by_role("link", name="Patches", exact=True).click()
    drop(page, *patches)
    expect(page.get_by_text("100 of 100 files were classified.")).to_be_visible(timeout=SCREENING_MS)
    table = page.get_by_role("table", name="Compared with the names")
    expect(table).to_contain_text("100 names carry the class")
    counts = [int(text) for text in table.get_by_role("cell").all_inner_texts()]
    assert sum(counts) == len(patches) == 100, counts
    wait_for_pictures(page)
    screenshot(page, "walk-patches")


def acknowledge(page: Page) -> None:
    """Acknowledge what the alarm names, until nothing waits."""
    expect(page).to_have_title(re.compile("^▲ Finding"))
    page.get_by_role("button", name=re.compile("^Acknowledge")).click()
    expect(page.get_by_label("red off")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Acknowledge"))).to_be_hidden()
    expect(page).not_to_have_title(re.compile("Finding"))
    screenshot(page, "walk-acknowledged")


def disagree(page: Page, slide: Path) -> None:
    """Answer what the first reader answered, otherwise, without seeing it; then compare."""
    open_slide(page, slide)
    page.get_by_role("link", name="Review patches").click()
    page.get_by_role("button", name="Second reading").click()
    expect(page.get_by_text("reader: IDC")).to_be_hidden()
    review_by_keyboard(page, "1", 3)
    page.get_by_role("button", name="Compare readers").click()
    table = page.get_by_role("table", name="Disagreements: 3")
    expect(table).to_contain_text("reader: IDC; second: No IDC")
    expect(page.get_by_text("Kappa of reader and second")).to_be_visible()
    screenshot(page, "walk-disagreement")


def invite(page: Page, name: str) -> str:
    """The address that the new user is given."""
    page.get_by_role("link", name="Administration", exact=True).click()
    page.get_by_role("link", name="Users", exact=True).click()
    page.get_by_label("Name of a new user").fill(name)
    page.get_by_role("button", name="Invite", exact=True).click()
    link = page.locator("code").filter(has_text="#sign-in=")
    expect(link).to_be_visible()
    return link.inner_text()


def promote(page: Page) -> None:
    page.get_by_role("link", name="Model", exact=True).click()
    page.get_by_role("button", name=f"Let version {CANDIDATE} serve").click()
    screenshot(page, "walk-promote")
    page.get_by_role("dialog").get_by_role("button", name=f"Let version {CANDIDATE} serve").click()
    expect(page.get_by_text(f"Version {CANDIDATE} serves now.")).to_be_visible(timeout=SCREENING_MS)
    expect(page.get_by_role("heading", name=f"Version {CANDIDATE} serves")).to_be_visible()


def verify_the_chain(page: Page) -> None:
    page.get_by_role("link", name="Administration", exact=True).click()
    page.get_by_role("link", name="Audit log", exact=True).click()
    page.get_by_role("button", name="Verify the chain").click()
    expect(page.get_by_text(re.compile(r"The chain is intact: [\d,]+ records"))).to_be_visible()
    expect(page.get_by_role("table")).to_contain_text("chief")


def test_readers_and_an_administrator_go_the_whole_way(
    reader_stack: ComposeStack, browser: Browser, slide: Path, hundred_patches: list[Path]
) -> None:
    with signed_in(browser, link_of(reader_stack, "reader", "reviewer")) as page:
        drop_slide_and_watch_it_run(page, slide)
        open_slide(page, slide)
        step_through_hot_spots(page)
        move_the_cut(page)
        page.get_by_role("link", name="Review patches").click()
        review_by_keyboard(page, "2", 10)
        expect(page.get_by_text("Your answers have moved the cut by")).to_be_visible()
        screenshot(page, "walk-review")
        read_confusion_matrix(page, hundred_patches)
        acknowledge(page)

        with signed_in(browser, link_of(reader_stack, "second", "reviewer")) as second:
            disagree(second, slide)

        with signed_in(browser, link_of(reader_stack, "chief", "admin")) as admin:
            with signed_in(browser, invite(admin, "colleague")) as colleague:
                admin.once("dialog", lambda dialog: dialog.accept())
                admin.get_by_role("button", name="Remove colleague").click()
                expect(colleague.get_by_role("alert").filter(has_text="session has ended")).to_be_visible()
                screenshot(colleague, "walk-session-ended")
            promote(admin)
            verify_the_chain(admin)

        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    wait_until(lambda: not reader_stack.alarm_state().lamps.red, "the alarm's red lamp is dark")
