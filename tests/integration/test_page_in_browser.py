"""A person at the page: a real browser, a real gateway, a made-up model and an alarm that the test plays."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from idc_contracts import ALARM_STATE, ALARM_STATUS, AlarmState, Lamps, ServiceStatus, utc_now
from idc_gateway.fakes import MemoryBus
from support.demo_patches import solid_png
from support.live_gateway import KEY, gateway_settings, live_gateway

pytestmark = pytest.mark.integration

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: `make tools` installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def bus() -> MemoryBus:
    return MemoryBus()


@pytest.fixture
def page(browser: Browser, bus: MemoryBus, tmp_path: Path) -> Iterator[Page]:
    with live_gateway(gateway_settings(tmp_path), bus=bus) as address:
        context = browser.new_context(viewport={"width": 1200, "height": 900})
        page = context.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda line: problems.append(line.text) if "Content Security Policy" in line.text else None)
        page.goto(address)
        yield page
        context.close()
    assert problems == []


def sign_in(page: Page) -> None:
    page.get_by_text("Use an API key instead").click()
    page.get_by_label("API key", exact=True).fill(KEY)
    page.get_by_role("button", name="Sign in with the key").click()
    expect(page.get_by_role("heading", name="Classify patches")).to_be_visible()


def choose(page: Page, **images: bytes) -> None:
    page.locator("#files").set_input_files(
        [{"name": f"{name}.png", "mimeType": "image/png", "buffer": data} for name, data in images.items()]
    )


def report(bus: MemoryBus, *, online: bool = True, buzzer: bool = False, **lamps: bool) -> None:
    state = AlarmState(source="alarm", lamps=Lamps(**lamps), buzzer=buzzer, changed_at=utc_now())
    status = ServiceStatus(source="alarm", status="online" if online else "offline", version="1")
    bus.deliver(ALARM_STATE.at(site="site", device="alarm"), state.to_payload())
    bus.deliver(ALARM_STATUS.at(site="site", device="alarm"), status.to_payload())


def screenshot(page: Page, name: str) -> None:
    """Keep a picture for a person to look at, where SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_wrong_key_is_told_in_words(page: Page) -> None:
    page.get_by_text("Use an API key instead").click()
    page.get_by_label("API key", exact=True).fill("wrong")
    page.get_by_role("button", name="Sign in with the key").click()

    expect(page.get_by_role("alert").first).to_contain_text("not known here")
    screenshot(page, "sign-in")


def new_user(page: Page, name: str, role: str) -> str:
    """Make a user with the first key; gives their link's token."""
    answer = httpx.post(
        f"{page.url.rstrip('/')}/api/v1/users",
        json={"name": name, "role": role},
        headers={"Authorization": f"Bearer {KEY}"},
    )
    return str(answer.json()["sign_in_link"].split("#")[1])


def test_link_lets_a_user_in_once_to_set_a_password(page: Page) -> None:
    address = page.url
    fragment = new_user(page, "eva", "reviewer")

    page.goto(f"{address}#{fragment}")
    page.reload()
    expect(page.get_by_role("heading", name="Set your password")).to_be_visible()
    assert "#" not in page.url, "the token does not stay in the address line"
    screenshot(page, "set-password")
    page.get_by_label("New password").fill("correct horse battery")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("heading", name="Classify patches")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()

    page.get_by_label("Name").fill("eva")
    page.get_by_label("Password", exact=True).fill("correct horse battery")
    screenshot(page, "sign-in")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Classify patches")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{address}#{fragment}")
    page.reload()
    expect(page.get_by_role("alert").filter(has_text="used or over")).to_be_visible()


def test_password_is_changed_with_the_old_one(page: Page) -> None:
    page.goto(f"{page.url}#{new_user(page, 'eva', 'reviewer')}")
    page.reload()
    expect(page.get_by_label("Old password")).to_be_hidden()
    page.get_by_label("New password").fill("password1234")
    page.get_by_role("button", name="Set the password").click()
    expect(page.locator("#password-message")).to_contain_text("easy to guess")
    page.get_by_label("New password").fill("correct horse battery")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("heading", name="Classify patches")).to_be_visible()

    page.get_by_role("button", name="Password").click()
    page.get_by_label("New password").fill("another staple of horses")
    page.get_by_label("Old password").fill("not this one")
    page.get_by_role("button", name="Set the password").click()
    expect(page.locator("#password-message")).to_contain_text("old password is wrong")
    screenshot(page, "change-password")
    page.get_by_label("Old password").fill("correct horse battery")
    page.get_by_role("button", name="Set the password").click()

    expect(page.get_by_role("heading", name="Classify patches")).to_be_visible()


def test_viewer_is_not_offered_what_a_viewer_may_not_do(page: Page, bus: MemoryBus) -> None:
    report(bus, red=True, buzzer=True)
    page.goto(f"{page.url}#{new_user(page, 'ben', 'viewer')}")
    page.reload()
    page.get_by_label("New password").fill("correct horse battery")
    page.get_by_role("button", name="Set the password").click()

    expect(page.get_by_role("heading", name="Results")).to_be_visible()
    expect(page.get_by_text("IDC was found")).to_be_visible()
    expect(page.get_by_role("heading", name="Classify patches")).to_be_hidden()
    expect(page.get_by_role("button", name="Acknowledge the finding")).to_be_hidden()


def test_research_notice_is_there_before_and_after_signing_in(page: Page) -> None:
    notice = page.get_by_role("note")
    expect(notice).to_contain_text("not a medical device")

    sign_in(page)

    expect(notice).to_be_visible()


def test_dropped_images_show_probability_and_decision(page: Page, bus: MemoryBus) -> None:
    sign_in(page)
    report(bus, red=True, buzzer=True)

    choose(page, finding=solid_png((250, 60, 90)), clear=solid_png((40, 60, 90)), unsure=solid_png((128, 60, 90), 120))

    results = page.locator("#results > li")
    expect(results).to_have_count(3)
    expect(results.nth(2)).to_contain_text("IDC")
    expect(results.nth(2)).to_contain_text("0.980")
    expect(results.nth(1)).to_contain_text("No IDC")
    expect(results.nth(0)).to_contain_text("Uncertain")
    expect(results.nth(0)).to_contain_text("120 \u00d7 120 px")
    expect(page.get_by_label("red on")).to_be_visible()
    screenshot(page, "results")


def test_image_is_dropped_with_the_mouse(page: Page) -> None:
    sign_in(page)
    transfer = page.evaluate_handle(
        """(bytes) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], "dropped.png", { type: "image/png" }));
            return transfer;
        }""",
        list(solid_png((250, 0, 0))),
    )

    page.dispatch_event("#drop-zone", "drop", {"dataTransfer": transfer})

    expect(page.locator("#results > li")).to_contain_text("dropped.png")


def test_lamps_follow_the_alarm(page: Page, bus: MemoryBus) -> None:
    sign_in(page)
    report(bus, blue=True)
    expect(page.get_by_label("blue on")).to_be_visible()
    expect(page.get_by_label("red off")).to_be_visible()

    report(bus, red=True, buzzer=True)

    expect(page.get_by_label("red on")).to_be_visible()
    expect(page.get_by_label("buzzer on")).to_be_visible()
    expect(page.get_by_label("blue off")).to_be_visible()


def test_alarm_that_is_gone_is_shown_so(page: Page, bus: MemoryBus) -> None:
    sign_in(page)

    report(bus, online=False, red=True)

    expect(page.locator(".alarm")).to_contain_text("offline")
    expect(page.get_by_role("button", name="Acknowledge")).to_be_hidden()


def test_finding_is_acknowledged_from_the_page(page: Page, bus: MemoryBus) -> None:
    sign_in(page)
    report(bus, red=True, buzzer=True)

    page.get_by_role("button", name="Acknowledge").click()

    expect(page.get_by_role("button", name="Acknowledge")).to_be_enabled()
    page.wait_for_timeout(200)
    assert [message.topic.rsplit("/", 1)[1] for message in bus.published] == ["alarm-acknowledgements"]


def test_refused_file_is_told_in_words_and_the_others_are_classified(page: Page) -> None:
    sign_in(page)

    choose(page, notes=b"no image", good=solid_png((250, 0, 0)))

    expect(page.locator("#classify-message")).to_contain_text("'notes.png'")
    expect(page.locator("#results > li")).to_have_count(1)


def test_file_name_is_shown_as_text(page: Page) -> None:
    sign_in(page)

    choose(page, **{"<img src=x onerror=alert(1)>": solid_png((250, 0, 0))})

    expect(page.locator("#results .name")).to_have_text(re.compile(r"^<img src=x"))
    assert page.locator("#results .name img").count() == 0


def test_page_stays_signed_in_and_signs_out(page: Page) -> None:
    sign_in(page)
    page.reload()
    expect(page.get_by_role("heading", name="Classify patches")).to_be_visible()

    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_label("Name")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Name")).to_be_visible()


@pytest.mark.parametrize("width_px", [360, 768, 1440])
def test_page_fits_the_screen(page: Page, bus: MemoryBus, width_px: int) -> None:
    page.set_viewport_size({"width": width_px, "height": 800})
    sign_in(page)
    report(bus, amber=True)
    choose(page, **{"8975_idx5_x1001_y1351_class1": solid_png((200, 120, 180))})
    expect(page.locator("#results > li")).to_have_count(1)

    overflow_px = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    assert overflow_px <= 0
    screenshot(page, f"width-{width_px}")


def test_page_is_readable_in_the_dark(page: Page, bus: MemoryBus) -> None:
    page.emulate_media(color_scheme="dark")
    sign_in(page)
    report(bus, blue=True)
    choose(page, finding=solid_png((250, 60, 90)))
    expect(page.locator("#results > li")).to_have_count(1)

    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert sum(map(int, re.findall(r"\d+", ground)[:3])) < 150
    screenshot(page, "dark")


def test_interface_description_works_without_the_internet(page: Page) -> None:
    page.goto(page.url + "docs")

    expect(page.get_by_text("/api/v1/classifications").first).to_be_visible()
    screenshot(page, "docs")
