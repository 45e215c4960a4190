"""A browser before the gateway's page."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from idc_gateway.web.routes.page import BUILT
from support.live_gateway import KEY

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE_MS = 30_000
"""How long a test waits for what it expects to see: enough for a busy machine."""
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, while the block runs; without one, or without a built page, the test is skipped."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: `make tools` installs it")
    if not BUILT.is_dir():
        pytest.skip("the page is not built: `make page` builds it")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


POLICY_WATCH = """
addEventListener("securitypolicyviolation", (event) =>
    console.error(`policy: ${event.effectiveDirective} blocks ${event.blockedURI || "inline"} in ${event.sourceFile}`));
"""
# Chromium writes a line for each answer from 400 on and for each request without one, and the viewer for each tile and
# each slide that did not arrive; the page says those itself.
EXPECTED_LINES = ("Failed to load resource", "Tile %s failed to load", "HTTP 0 attempting to load TileSource")


@contextmanager
def page_at(
    browser: Browser, address: str, width_px: int = 1200, height_px: int = 900, **context_options: Any
) -> Iterator[Page]:
    """The page in a browser of its own; ends with a check that no script failed and the policy was kept."""
    context = browser.new_context(viewport={"width": width_px, "height": height_px}, **context_options)
    page = context.new_page()
    problems = watch(page)
    page.goto(address)
    yield page
    context.close()
    assert problems == [], problems


def watch(page: Page) -> list[str]:
    """Collect what goes wrong in a page from now on: failed scripts, errors in the console, breaches of the policy."""
    problems: list[str] = []
    page.add_init_script(POLICY_WATCH)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if _is_problem(line) else None)
    return problems


def _is_problem(line: ConsoleMessage) -> bool:
    return line.type == "error" and not line.text.startswith(EXPECTED_LINES)


def sign_in(page: Page) -> None:
    page.get_by_text("Use an API key instead").click()
    page.get_by_label("API key", exact=True).fill(KEY)
    page.get_by_role("button", name="Sign in with the key").click()
    expect(page.get_by_role("heading", name="Work list")).to_be_visible()


def reviews_saved(page: Page) -> None:
    """Wait until the slides service has all answers that the reader gave."""
    expect(page.locator(".saving")).to_be_empty()


def new_user(page: Page, name: str, role: str) -> str:
    """Make a user with the first key; gives their link's token."""
    answer = httpx.post(
        f"{page.url.rstrip('/')}/api/v1/users",
        json={"name": name, "role": role},
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=60,
    )
    return str(answer.json()["sign_in_link"].split("#")[1])


def drop(page: Page, *files: Path) -> None:
    """Drop files in the middle of the page, as from a file manager."""
    size = page.viewport_size
    assert size is not None
    at = {"x": size["width"] / 2, "y": size["height"] / 2}
    data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
    devtools = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        devtools.send("Input.dispatchDragEvent", {"type": kind, **at, "data": data})
    devtools.detach()


def wait_for_pictures(page: Page) -> None:
    """Wait until every picture of the window has arrived."""
    page.wait_for_function(
        """() => [...document.images].every((image) =>
            image.complete || image.getBoundingClientRect().top > innerHeight || !image.checkVisibility())"""
    )


QUIET = """() => new Promise((quiet) => {
    let timer = setTimeout(quiet, 500);
    const again = () => { clearTimeout(timer); timer = setTimeout(quiet, 500); };
    new PerformanceObserver(again).observe({ type: "resource" });
})"""


def wait_for_quiet(page: Page) -> None:
    """Wait until no answer has come for half a second, tiles of a slide among them, and every picture is there.

    Playwright's `networkidle` never comes: it takes the script of the shared worker for a request without an end.
    """
    page.evaluate(QUIET)
    wait_for_pictures(page)


def screenshot(page: Page, name: str) -> None:
    """Keep a picture for a person to look at, where SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
