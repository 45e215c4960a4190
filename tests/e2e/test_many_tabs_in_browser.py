"""Many tabs of one browser: over HTTP/1.1 it has six connections to the gateway, and all tabs share one stream."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from idc_contracts import ALARM_STATE, ALARM_STATUS, AlarmState, Lamps, ServiceStatus, utc_now
from support.gateway_fakes import MemoryBus, RednessInference
from support.live_gateway import gateway_settings, live_gateway
from support.page_browser import page_at, sign_in, watch
from support.work_list import put_folder

pytestmark = pytest.mark.e2e

TABS = 7
WITHOUT_SHARED_WORKERS = "delete globalThis.SharedWorker;"


@pytest.fixture
def bus() -> MemoryBus:
    return MemoryBus()


@pytest.fixture
def address(bus: MemoryBus, tmp_path: Path) -> Iterator[str]:
    with live_gateway(gateway_settings(tmp_path), inference=RednessInference(), bus=bus) as address:
        yield address


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with page_at(browser, address, 1280) as page:
        sign_in(page)
        yield page


def open_tabs(page: Page, address: str) -> tuple[list[Page], list[str]]:
    """All tabs, the given one among them, each at its work list; and what goes wrong in them from now on."""
    tabs, problems = [page], []
    for _ in range(TABS - 1):
        tab = page.context.new_page()
        problems.append(watch(tab))
        tab.goto(address)
        expect(tab.get_by_role("heading", name="Work list")).to_be_visible()
        tabs.append(tab)
    return tabs, problems  # type: ignore[return-value]


def report(bus: MemoryBus, *, red: bool) -> None:
    state = {"state": "finding"} if red else {}
    says = AlarmState.model_validate(
        {"source": "alarm", "lamps": Lamps(red=red), "buzzer": red, "changed_at": utc_now(), **state}
    )
    bus.deliver(ALARM_STATE.at(site="site", device="alarm"), says.to_payload())
    status = ServiceStatus(source="alarm", status="online", version="1")
    bus.deliver(ALARM_STATUS.at(site="site", device="alarm"), status.to_payload())


def test_seven_tabs_work_and_each_shows_a_finding_and_a_new_folder(page: Page, address: str, bus: MemoryBus) -> None:
    report(bus, red=False)
    tabs, problems = open_tabs(page, address)
    for tab in tabs:
        expect(tab.get_by_label("red off")).to_be_visible()

    report(bus, red=True)
    put_folder(address, "told", patches=(1, 0, 0))

    for tab in tabs:
        expect(tab).to_have_title(re.compile("^▲ Finding"))
        expect(tab.get_by_role("main").get_by_role("link", name="told")).to_be_visible()
    assert not any(problems), problems


def test_tabs_go_on_when_the_one_that_began_is_closed(page: Page, address: str, bus: MemoryBus) -> None:
    report(bus, red=False)
    second, third = page.context.new_page(), page.context.new_page()
    for tab in (second, third):
        tab.goto(address)
        expect(tab.get_by_label("red off")).to_be_visible()
    page.goto("about:blank")
    second.close()

    report(bus, red=True)

    expect(third).to_have_title(re.compile("^▲ Finding"))


def test_all_tabs_end_with_the_session_and_go_on_with_the_next_one(page: Page, address: str, bus: MemoryBus) -> None:
    report(bus, red=False)
    other = page.context.new_page()
    other.goto(address)
    expect(other.get_by_label("red off")).to_be_visible()

    page.get_by_role("button", name="Sign out").click()
    expect(other.get_by_role("alert").filter(has_text="session has ended")).to_be_visible()
    sign_in(page)
    report(bus, red=True)

    expect(page).to_have_title(re.compile("^▲ Finding"))
    other.reload()
    expect(other).to_have_title(re.compile("^▲ Finding"))


def test_browser_without_shared_workers_follows_with_a_stream_of_each_tab(
    page: Page, address: str, bus: MemoryBus
) -> None:
    tab = page.context.new_page()
    tab.add_init_script(WITHOUT_SHARED_WORKERS)
    tab.goto(address)
    expect(tab.get_by_role("heading", name="Work list")).to_be_visible()

    report(bus, red=True)

    expect(tab).to_have_title(re.compile("^▲ Finding"))
