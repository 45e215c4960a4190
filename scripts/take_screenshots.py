"""Takes pictures of each view of the page from a running stack, for the documents: `make screenshots`.

The address and the key come from IDC_URL and IDC_API_KEY, as for the client. The pictures show a slide that
`--slide` names (it is uploaded where the stack has none of that name) or else the made slide of the first try, and the
patches of `--patches` or else the made ones. Never a patient's files: the pictures are published.
"""

import argparse
import io
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Error, Locator, Page, ViewportSize, expect, sync_playwright

IMAGES: Final = Path(__file__).parents[1] / "docs" / "images"
SIZE: Final = ViewportSize(width=1280, height=1000)
TALL: Final = ViewportSize(width=1280, height=1700)
"""Shows a slide's evidence down to the hot spots, beside its tissue with scale bar and legend."""
WEBP_QUALITY: Final = 85
PATIENCE_MS: Final = 60_000
SCREENING_MS: Final = 900_000
CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMIUM_ARGUMENTS: Final = ["--no-sandbox", "--disable-gpu"]
MADE_SLIDE: Final = "made-slide.tif"
MOST_PATCHES: Final = 100
LOOK_MS: Final = 500
SENDING_MS: Final = 3000
"""Until a made file is on its way."""
SETTLING_MS: Final = 4000
"""Until tiles and curves are drawn."""


ALL_DRAWN: Final = """() => [...document.images].every(
    (image) => image.naturalWidth > 0 || image.getBoundingClientRect().top > innerHeight)"""
"""Whether each image in the window is there; others may load when they are scrolled to."""


@dataclass(frozen=True)
class Stack:
    """What is photographed."""

    url: str
    slide: str
    slide_file: Path | None
    patches: list[Path]


def main() -> int:
    """Take all pictures; a view that fails is named, and the others are taken."""
    options = _options()
    key = os.environ.get("IDC_API_KEY")
    if not key:
        print("set IDC_API_KEY: `make api-key` prints the first one", file=sys.stderr)
        return 2
    patches = sorted(options.patches.rglob("*.png"))[:MOST_PATCHES] if options.patches else []
    stack = Stack(options.url.rstrip("/"), options.slide.name if options.slide else MADE_SLIDE, options.slide, patches)
    options.out.mkdir(parents=True, exist_ok=True)
    failed = []
    with _signed_in(stack, key) as page:
        _provide(page, stack)
        for name in options.only or VIEWS:
            try:
                page.set_viewport_size(SIZE)
                VIEWS[name](page, stack)
                _acknowledge(page)
                _take(page, options.out / f"{name}.webp")
            except (Error, AssertionError) as exc:
                failed.append(name)
                print(f"{name}: {str(exc).splitlines()[0]}", file=sys.stderr)
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default=os.environ.get("IDC_URL", "http://localhost:8080"), help="default: IDC_URL")
    parser.add_argument("--out", type=Path, default=IMAGES, help="folder of the pictures; default: docs/images")
    parser.add_argument("--slide", type=Path, help="a composed slide; default: the made one")
    parser.add_argument("--patches", type=Path, help="a folder of public patches; default: the made ones")
    parser.add_argument("--only", nargs="+", choices=VIEWS, metavar="VIEW", help=f"of {', '.join(VIEWS)}")
    return parser.parse_args()


@contextmanager
def _signed_in(stack: Stack, key: str) -> Iterator[Page]:
    """The page, light, in English, signed in with the key."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(args=CHROMIUM_ARGUMENTS, executable_path=CHROMIUM)
        context = browser.new_context(
            base_url=stack.url, viewport=SIZE, color_scheme="light", locale="en-GB", reduced_motion="reduce"
        )
        expect.set_options(timeout=PATIENCE_MS)
        context.set_default_timeout(PATIENCE_MS)
        answer = context.request.post("/api/v1/session", data={"key": key}, headers={"Sec-Fetch-Site": "same-origin"})
        if not answer.ok:
            raise SystemExit(f"{stack.url} refuses the key: {answer.status} {answer.text()}")
        page = context.new_page()
        page.goto("/")
        expect(page.get_by_role("heading", name="Work list")).to_be_visible()
        yield page
        browser.close()


def _provide(page: Page, stack: Stack) -> None:
    """Send slide and patches where the stack has none, and wait until the slide is screened."""
    if not _items(page, "slides", search=stack.slide):
        if stack.slide_file is None:
            _try(page, "Try a made slide")
        else:
            page.locator("#files").set_input_files(stack.slide_file)
            # the list is loaded again below, which would end an upload that still runs
            while not _items(page, "slides", search=stack.slide):
                page.wait_for_timeout(LOOK_MS)
    expect(_row_of(page, stack).locator(".decision-mark").last).to_be_visible(timeout=SCREENING_MS)
    if not _items(page, "classifications", limit=1):
        if stack.patches:
            page.locator("#files").set_input_files(stack.patches)
        else:
            _try(page, "Try made patches")
        expect(page.get_by_text(re.compile(r"\d+ of \d+ files were classified"))).to_be_visible(timeout=SCREENING_MS)


def _acknowledge(page: Page) -> None:
    """Acknowledge what the alarms have found since: a sounding alarm would take a quarter of the picture."""
    expect(page.get_by_text("Waiting for the alarm…")).to_be_hidden()
    buttons = page.get_by_role("button", name=re.compile("^Acknowledge"))
    buttons.evaluate_all("(buttons) => buttons.forEach((button) => button.click())")
    expect(buttons).to_have_count(0)


def _items(page: Page, kind: str, **query: str | int) -> list[dict[str, object]]:
    items: list[dict[str, object]] = page.request.get(f"/api/v1/{kind}", params=query).json()["items"]
    return items


def _try(page: Page, button: str) -> None:
    """Send what the page itself makes: it offers that on an empty list, so the list is shown as empty."""
    lists = re.compile(r"/api/v1/(slides|folders)\?")
    page.route(lists, lambda route: route.fulfill(json={"items": [], "total": 0, "next_cursor": None}))
    page.goto("/")
    page.get_by_role("button", name=button).click()
    page.wait_for_timeout(SENDING_MS)
    page.unroute(lists)


def _row_of(page: Page, stack: Stack) -> Locator:
    page.goto("/#/")
    page.reload()
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=stack.slide, exact=True)).first


def _open_slide(page: Page, stack: Stack, rest: str = "") -> None:
    slide_id = _items(page, "slides", search=stack.slide)[0]["id"]
    page.goto(f"/#/slides/{slide_id}{rest}")


def _work_list(page: Page, stack: Stack) -> None:
    expect(_row_of(page, stack)).to_be_visible()


def _slide(page: Page, stack: Stack) -> None:
    """The whole slide under its map, with the first hot spot and the cut beside it."""
    page.set_viewport_size(TALL)
    _open_slide(page, stack)
    expect(page.get_by_role("heading", name=re.compile("^Hot spots"))).to_be_visible()
    page.keyboard.press("j")
    page.wait_for_timeout(SETTLING_MS)
    page.get_by_role("button", name="Whole slide").click()
    page.evaluate("scrollTo(0, 0)")


def _review(page: Page, stack: Stack) -> None:
    _open_slide(page, stack, "/review")
    expect(page.get_by_text(re.compile(r"Patch \d+ of \d+"))).to_be_visible()


def _why(page: Page, _stack: Stack) -> None:
    """What the answer to a patch rests on; to one with IDC, where there is one."""
    page.goto("/#/patches")
    card = page.locator("#results > li").first
    expect(card).to_be_visible()
    page.locator("#filters [data-decision=idc]").first.click()
    if not card.count():
        page.locator("#filters [data-decision=all]").first.click()
    card.get_by_role("button", name="Why this answer?").click()
    expect(card.get_by_role("heading", name="What the answer rests on")).to_be_visible()
    card.evaluate("(card) => card.scrollIntoView()")


def _sign_in(page: Page, _stack: Stack) -> None:
    """As the gateway shows it to somebody without a session; the pictures' own stays."""
    session = re.compile(r"/api/v1/session$")
    nobody = {"type": "urn:idc-sentinel:problem:unauthenticated"}
    page.route(session, lambda route: route.fulfill(status=401, json=nobody, content_type="application/problem+json"))
    page.goto("/")
    page.reload()
    page.unroute(session)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def _at(address: str, heading: str) -> Callable[[Page, Stack], None]:
    def show(page: Page, _stack: Stack) -> None:
        page.goto(f"/#{address}")
        expect(page.get_by_role("heading", name=re.compile(heading)).first).to_be_visible()

    return show


# A new view is a line here. Slides come late: the alarm reacts to a new one some seconds after the work list shows it.
VIEWS: Final[dict[str, Callable[[Page, Stack], None]]] = {
    "model": _at("/model", "^Model "),
    "status": _at("/administration/status", "Status"),
    "users": _at("/administration/users", "Users"),
    "keys": _at("/administration/keys", "API keys"),
    "audit": _at("/administration/audit", "Audit log"),
    "patches": _at("/patches", "Patches"),
    "why": _why,
    "work-list": _work_list,
    "slide": _slide,
    "review": _review,
    "sign-in": _sign_in,
}


def _take(page: Page, path: Path) -> None:
    """The window as it is, as WebP."""
    expect(page.get_by_text("Loading…")).to_be_hidden()
    page.wait_for_function(ALL_DRAWN)
    page.wait_for_timeout(SETTLING_MS)
    with Image.open(io.BytesIO(page.screenshot())) as picture:
        picture.save(path, quality=WEBP_QUALITY, method=6)
    print(f"{path} {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    sys.exit(main())
