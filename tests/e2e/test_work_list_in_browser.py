"""The work list, loose patches and alarms: a real browser, a real gateway, and a slides service that a test fills."""

import io
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from idc_contracts import ALARM_STATE, ALARM_STATUS, AlarmState, Lamps, ServiceStatus, utc_now
from idc_contracts.slides import SlideArea, SlideCounts, SlideState
from support.demo_patches import solid_png
from support.eventually import wait_until
from support.gateway_fakes import MemoryBus, RednessInference
from support.live_gateway import KEY, gateway_settings, live_gateway
from support.page_browser import page_at, screenshot, sign_in, wait_for_quiet
from support.slides_fake import FakeSlides, made_slide, problem
from support.slides_page import gateway_before
from support.work_list import START, done_slide, of_each_state, put_folder, put_slides

pytestmark = pytest.mark.e2e

UPLOADS = re.compile(r"/api/v1/classifications\?folder=")
RED, DARK, MID = solid_png((250, 60, 90)), solid_png((40, 60, 90)), solid_png((128, 60, 90))


class OrderedSlides(FakeSlides):
    """Lists page by page, by state and by name, as the real service does."""

    async def _list(self, request: Request) -> Response:
        query = request.query_params
        found = [
            slide
            for slide in self.slides.values()
            if query.get("state") in (None, slide.state) and query.get("search", "").lower() in slide.name.lower()
        ]
        start, limit = int(query.get("cursor", 0)), int(query["limit"])
        page = found[start : start + limit]
        following = str(start + limit) if start + limit < len(found) else None
        items = [slide.model_dump(mode="json") for slide in page]
        return JSONResponse({"items": items, "next_cursor": following, "total": len(found)})


@pytest.fixture
def slides() -> FakeSlides:
    return OrderedSlides()


@pytest.fixture
def bus() -> MemoryBus:
    return MemoryBus()


@pytest.fixture
def address(slides: FakeSlides, bus: MemoryBus, tmp_path: Path) -> Iterator[str]:
    with gateway_before(slides, tmp_path, bus=bus) as address:
        yield address


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with page_at(browser, address, 1280) as page:
        sign_in(page)
        yield page


def names(page: Page) -> Locator:
    return page.locator("table.slides tbody th a")


def row(page: Page, name: str) -> Locator:
    return page.locator("table.slides tbody tr", has_text=name)


def drop(page: Page, folder: str, **files: bytes) -> None:
    """Choose a folder, as its picker gives it."""
    page.evaluate(
        """([folder, files]) => {
            const made = files.map(([name, bytes]) => {
                const file = new File([new Uint8Array(bytes)], name);
                return Object.defineProperty(file, "webkitRelativePath", { value: `${folder}/${name}` });
            });
            const input = document.querySelector("#folder");
            Object.defineProperty(input, "files", { value: made, configurable: true });
            input.dispatchEvent(new Event("change", { bubbles: true }));
        }""",
        [folder, [[name, list(data)] for name, data in files.items()]],
    )


def report(bus: MemoryBus, *, red: bool = False, **says: object) -> None:
    state = AlarmState.model_validate(
        {"source": "alarm", "lamps": Lamps(red=red), "buzzer": red, "changed_at": utc_now(), **says}
    )
    status = ServiceStatus(source="alarm", status="online", version="1")
    bus.deliver(ALARM_STATE.at(site="site", device="alarm"), state.to_payload())
    bus.deliver(ALARM_STATUS.at(site="site", device="alarm"), status.to_payload())


def finding(number: int, findings: int = 1) -> dict[str, object]:
    latest = str(UUID(int=number))
    return {"state": "finding", "latched_by": str(UUID(int=1)), "latest_finding": latest, "findings": findings}


def looks(page: Page, name: str) -> None:
    """Pictures for a person to look at: desk, dark, phone."""
    screenshot(page, f"{name}-1280")
    page.emulate_media(color_scheme="dark")
    screenshot(page, f"{name}-dark")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 375, "height": 800})
    screenshot(page, f"{name}-phone")
    page.set_viewport_size({"width": 1280, "height": 900})


def test_slides_and_folders_are_one_list_with_counts(page: Page, slides: FakeSlides, address: str) -> None:
    put_slides(slides, of_each_state())
    refused = [{"name": "readme.txt", "reason": "it is no image: send PNG, JPEG, TIFF, BMP or WebP"}]
    put_folder(address, "b1", patches=(7, 2, 5), files=15, left_out=1, left_out_files=refused)
    put_folder(address, "gui-set-2, second half", patches=(1, 0, 8), files=9)
    expect(row(page, "b1")).to_be_visible()
    expect(row(page, "scan-17.svs")).to_be_visible()

    expect(row(page, "b1").locator(".patches")).to_contain_text("7 IDC, 2 uncertain, 5 no IDC, 1 left out")
    expect(row(page, "8867-A").locator(".patches")).to_contain_text(
        "300 IDC, 410 uncertain, 2820 no IDC, 2470 left out"
    )
    expect(row(page, "8867-A").locator(".area")).to_contain_text(re.compile(r"12 mm² \(10\W16\)"))
    expect(row(page, "8867-A").locator(".reviewed")).to_contain_text("0.4%")
    expect(row(page, "9077-B").locator(".state")).to_contain_text("62%, 9 sec left")
    expect(row(page, "scan-17.svs").locator(".state")).to_contain_text("copy it again")
    row(page, "b1").get_by_text("1 file was left out").click()
    expect(row(page, "b1")).to_contain_text("readme.txt")
    expect(names(page).first).to_have_text(re.compile("^(gui-set-2, second half|b1)$"))
    looks(page, "list-mixed")


OVERLAPPING = """() => [...document.querySelectorAll("table.slides tbody tr")].flatMap((row) => {
    const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
    const boxes = [];
    while (walker.nextNode()) {
        const { data, parentElement: parent } = walker.currentNode;
        if (!data.trim() || parent.closest(".visually-hidden") || !parent.checkVisibility()) continue;
        const range = document.createRange();
        range.selectNodeContents(walker.currentNode);
        for (const { left, right, top, bottom } of range.getClientRects()) {
            boxes.push({ text: data.trim(), left: left + 1, right: right - 1, top: top + 2, bottom: bottom - 2 });
        }
    }
    const end = row.getBoundingClientRect().right;
    const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    const on = (box, later) => later.filter((other) => meet(box, other)).map(({ text }) => `${box.text} on ${text}`);
    const cut = boxes.filter(({ right }) => right > end).map(({ text }) => `${text} is cut off`);
    return [...cut, ...boxes.flatMap((box, place) => on(box, boxes.slice(place + 1)))];
})"""
"""Texts of a row that lie on each other, or beyond it. Boxes of lines are a little higher than their letters."""


@pytest.mark.parametrize("width_px", [375, 1280, 1400])
@pytest.mark.parametrize("language", ["en", "de"])
def test_large_numbers_of_patches_do_not_run_into_each_other(
    page: Page, slides: FakeSlides, width_px: int, language: str
) -> None:
    counts = {"idc": 15_100, "uncertain": 22_310, "no_idc": 14_190, "left_out": {"glass": 12_345}, "reviewed": 12_400}
    area = SlideArea(mm2=1604, low_mm2=1083, high_mm2=1985)
    large = {"counts": SlideCounts(cells=63_945, tissue=51_600, **counts), "idc": area, "tissue": SlideArea(mm2=2064)}
    small = {
        "counts": SlideCounts(cells=4000, tissue=3970, idc=1510, uncertain=1100, no_idc=1360, left_out={"fat": 30})
    }
    put_slides(slides, [done_slide("large.svs").model_copy(update=large), done_slide("s.svs").model_copy(update=small)])
    page.set_viewport_size({"width": width_px, "height": 900})
    page.get_by_label("Language").select_option(language)
    expect(row(page, "large.svs")).to_be_visible()
    expect(row(page, "s.svs")).to_be_visible()
    wait_for_quiet(page)

    screenshot(page, f"list-large-numbers-{width_px}-{language}")
    assert page.evaluate(OVERLAPPING) == []


def test_list_changes_by_itself_without_asking_again(page: Page, slides: FakeSlides, address: str) -> None:
    running = made_slide("running.svs", SlideState.RUNNING, progress=0.1, time_left_s=100)
    put_slides(slides, [running])
    expect(row(page, "running.svs")).to_contain_text("10%")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    for tenths in range(2, 9):
        slides.slides[running.id] = running.model_copy(update={"progress": tenths / 10})
        expect(row(page, "running.svs")).to_contain_text(f"{tenths}0%")
    slides.slides[running.id] = done_slide("running.svs", id=running.id)
    expect(row(page, "running.svs")).to_contain_text("300 IDC")
    put_folder(address, "elsewhere", patches=(1, 1, 1))
    expect(row(page, "elsewhere")).to_contain_text("1 IDC, 1 uncertain, 1 no IDC")

    assert len(asked) <= 4, "the lists are asked for when the stream begins, and not with each change"


def test_rows_are_searched_filtered_and_sorted_over_both_kinds(page: Page, slides: FakeSlides, address: str) -> None:
    put_slides(slides, [done_slide("b10.svs", idc=5), made_slide("b9.svs", SlideState.FAILED)])
    put_folder(address, "b1", patches=(2, 0, 0))
    expect(row(page, "b1").first).to_be_visible()
    expect(row(page, "b10.svs")).to_be_visible()

    page.get_by_role("button", name="Name", exact=True).click()
    expect(names(page)).to_have_text(["b1", "b9.svs", "b10.svs"])
    page.get_by_role("button", name="Patches", exact=True).click()
    expect(names(page)).to_have_text(["b10.svs", "b1", "b9.svs"])
    page.get_by_label("State").select_option("Needs attention")
    expect(names(page)).to_have_text(["b9.svs"])
    page.get_by_label("State").select_option("All states")
    page.get_by_label("Kind").select_option("Folders of patches")
    expect(page.locator("table.slides tbody tr")).to_have_count(1)
    page.get_by_label("Kind").select_option("Slides and folders")
    page.get_by_label("Search by name").fill("B10")
    expect(page.locator("table.slides tbody tr")).to_have_count(1)
    page.get_by_label("Search by name").fill("nothing of this name")
    expect(page.get_by_text("Nothing fits the search.")).to_be_visible()


def test_thousands_of_rows_are_drawn_in_part_and_say_how_many_they_are(page: Page, slides: FakeSlides) -> None:
    many = [
        done_slide(f"slide {number:04}.svs", idc=number % 50).model_copy(
            update={"received_at": START - timedelta(minutes=number)}
        )
        for number in range(3000)
    ]
    put_slides(slides, many)
    page.reload()
    expect(page.locator("table.slides")).to_have_attribute("aria-rowcount", "3001")
    assert page.locator("table.slides tbody tr").count() < 60

    page.get_by_role("button", name="Received").click()  # the oldest first: all rows are needed
    expect(page.locator("table.slides tbody tr th a").first).to_have_text("slide 2999.svs")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    expect(page.get_by_role("link", name="slide 0000.svs")).to_be_visible()
    assert page.locator("table.slides tbody tr").count() < 60
    last = page.locator("table.slides tbody tr", has_text="slide 0000.svs")
    expect(last).to_have_attribute("aria-rowindex", "3001")
    screenshot(page, "list-thousands")


def test_chosen_folder_becomes_a_row_and_is_still_there_after_a_reload(page: Page) -> None:
    drop(page, "b1", **{"x_class1.png": RED, "y_class0.png": DARK, "z_class1.png": MID, "readme.txt": b"no image"})

    expect(page.get_by_role("heading", name="b1")).to_be_visible()
    expect(page.locator("#classify-progress")).to_have_text("3 of 4 files were classified.")
    expect(page.get_by_text("1 file was left out")).to_be_visible()
    expect(page.locator(".left-out")).to_contain_text("readme.txt")
    expect(page.locator(".confusion")).to_contain_text("3 names carry the class")
    looks(page, "patches")
    page.reload()

    expect(page.get_by_role("heading", name="b1")).to_be_visible()
    expect(page.locator("#results > li")).to_have_count(3)
    expect(page.locator(".left-out")).to_contain_text("readme.txt")
    expect(page.locator(".confusion")).to_contain_text("3 names carry the class")
    page.get_by_role("link", name="Work list").click()
    expect(row(page, "b1")).to_contain_text("1 IDC, 1 uncertain, 1 no IDC, 1 left out")


def test_patches_are_filtered_by_folder(page: Page, address: str) -> None:
    put_folder(address, "one", patches=(1, 0, 0))
    put_folder(address, "other", patches=(0, 0, 2))
    expect(row(page, "other")).to_be_visible()
    page.get_by_role("link", name="Patches", exact=True).click()
    expect(page.locator("#results > li")).to_have_count(3)

    page.get_by_label("Folder", exact=True).select_option("other")

    expect(page.locator("#results > li")).to_have_count(2)
    expect(page.get_by_role("heading", name="other")).to_be_visible()
    page.get_by_label("Folder", exact=True).select_option("All patches")
    expect(page.locator("#results > li")).to_have_count(3)


def test_counts_and_filter_are_of_all_patches_and_not_of_the_newest_ones(page: Page, address: str) -> None:
    put_folder(address, "older", patches=(1, 0, 0))
    put_folder(address, "newer", patches=(0, 0, 205))
    page.get_by_role("link", name="Patches", exact=True).click()
    filters = page.locator("#filters")

    expect(filters.get_by_role("button")).to_have_text(["All 206", "IDC 1", "Uncertain 0", "No IDC 205"])
    expect(page.locator("#drawn")).to_have_text("200 of 206 are shown.")
    expect(page.locator(".confusion")).to_contain_text("Only the newest 200 patches are counted here.")
    screenshot(page, "patches-many")
    filters.locator("button[data-decision=idc]").click()
    expect(page.locator("#results > li")).to_have_count(1)
    expect(page.locator("#results > li")).to_have_attribute("data-decision", "idc")
    filters.locator("button[data-decision=all]").click()
    page.get_by_role("button", name="Show more").click()
    expect(page.locator("#results > li")).to_have_count(206)
    expect(page.locator(".confusion")).not_to_contain_text("Only the newest")


def test_upload_of_patches_is_cancelled(page: Page) -> None:
    held: list[object] = []
    page.route(UPLOADS, lambda route: held.append(route))  # noqa: PLW0108 - the library cannot wrap a bound method
    drop(page, "b1", **{"a.png": RED})
    expect(page.get_by_text("Classified 0 of 1…")).to_be_visible()
    page.get_by_role("link", name="Work list").click()

    row(page, "b1").get_by_role("button", name="Cancel b1").click()

    expect(row(page, "b1")).to_contain_text("Cancelled")
    page.unroute(UPLOADS)


def test_tiff_and_bmp_are_shown(page: Page) -> None:
    files = {}
    for kind in ("tiff", "bmp"):
        data = io.BytesIO()
        Image.open(io.BytesIO(RED)).convert("RGB").save(data, kind)
        files[f"a.{kind}"] = data.getvalue()
    drop(page, "b1", **files)
    expect(page.locator("#results > li")).to_have_count(2)

    for _ in range(2):
        expect(page.locator("#results img")).to_have_count(2)
        for picture in page.locator("#results img").all():
            expect(picture).to_have_js_property("naturalWidth", 50)
        page.reload()


def test_files_are_dropped_on_any_view(page: Page) -> None:
    page.get_by_role("link", name="Administration").click()
    expect(page.get_by_role("heading", name="Status")).to_be_visible()
    transfer = page.evaluate_handle(
        """(bytes) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], "dropped.png", { type: "image/png" }));
            return transfer;
        }""",
        list(RED),
    )
    page.dispatch_event("main", "dragenter", {"dataTransfer": transfer})
    expect(page.get_by_text("Drop it here")).to_be_visible()
    screenshot(page, "drop")

    page.dispatch_event("main", "drop", {"dataTransfer": transfer})

    expect(page.locator("#results > li")).to_contain_text("dropped.png")
    expect(page.get_by_text("Drop it here")).to_be_hidden()


def test_newcomer_sees_made_patches_and_a_made_slide(page: Page, slides: FakeSlides) -> None:
    expect(page.get_by_role("heading", name="Nothing here yet")).to_be_visible()
    expect(page.locator("canvas.slide")).to_have_js_property("width", 500)
    looks(page, "list-empty")
    page.get_by_role("button", name="Try made patches").click()
    expect(page.locator("#results > li")).to_have_count(12)
    wait_for_quiet(page)
    screenshot(page, "patches-made")
    page.get_by_role("link", name="Work list").click()
    expect(row(page, "made patches")).to_be_visible()


def test_without_slides_service_patches_are_offered(browser: Browser, tmp_path: Path) -> None:
    with (
        live_gateway(gateway_settings(tmp_path), inference=RednessInference(), bus=MemoryBus()) as address,
        page_at(browser, address, 1280) as page,
    ):
        sign_in(page)
        expect(page.get_by_text("This gateway has no slides service")).to_be_visible()
        expect(page.get_by_role("button", name="Try a made slide")).to_be_hidden()
        screenshot(page, "list-empty-without-slides")
        page.get_by_role("button", name="Try made patches").click()
        expect(page.locator("#results > li")).to_have_count(12)


def test_alarm_is_told_without_polling(page: Page, bus: MemoryBus) -> None:
    wait_for_quiet(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/alarms" in request.url else None)

    report(bus, red=True, **finding(7))
    expect(page.get_by_label("red on")).to_be_visible()
    report(bus)
    expect(page.get_by_label("red off")).to_be_visible()

    assert asked == []


def test_acknowledgement_says_what_it_acknowledges(page: Page, bus: MemoryBus, address: str) -> None:
    put_folder(address, "b1", patches=(1, 0, 0))
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {KEY}"}) as client:
        patch = client.get("/api/v1/classifications").json()["items"][0]

    report(bus, red=True, **finding(7) | {"latched_by": patch["id"], "latest_finding": patch["id"]})

    expect(page.locator(".newest")).to_contain_text(patch["name"])
    looks(page, "alarm")
    with page.expect_request("**/acknowledgements") as sent:
        page.get_by_role("button", name=f"Acknowledge {patch['name']}").click()
    assert sent.value.post_data_json == {"up_to": patch["id"]}


def test_acknowledgement_of_several_findings_says_how_many(page: Page, bus: MemoryBus) -> None:
    report(bus, red=True, **finding(9, findings=3))

    expect(page.get_by_role("button", name="Acknowledge 3 findings")).to_be_visible()


def test_silence_counts_down(page: Page, bus: MemoryBus) -> None:
    until = utc_now() + timedelta(minutes=5)
    report(bus, red=True, **finding(7) | {"state": "silenced", "silenced_until": until.isoformat()})

    left = page.locator(".silent span")
    expect(left).to_have_text(re.compile(r"^(5:00|[0-4]:\d\d)$"))
    before = left.inner_text()
    expect(left).not_to_have_text(before)
    expect(page.get_by_role("button", name="Silence")).to_be_hidden()
    screenshot(page, "alarm-silenced")


SPIES = """
    window.tones = []; window.spoken = [];
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...at) {
        window.tones.push(this.frequency.value);
        return start.apply(this, at);
    };
    speechSynthesis.speak = (said) => window.spoken.push([said.lang, said.text]);
"""


def announced(page: Page) -> tuple[int, int]:
    """How many tones, and how many spoken sentences."""
    tones, spoken = page.evaluate("[window.tones.length, window.spoken.length]")
    return int(tones), int(spoken)


def test_finding_is_announced_as_chosen_and_the_browser_remembers_it(page: Page, bus: MemoryBus) -> None:
    page.add_init_script(SPIES)
    page.reload()
    report(bus)
    expect(page.get_by_label("red off")).to_be_visible()
    page.get_by_text("Announce new findings").click()
    page.get_by_label("sound").check()
    page.get_by_label("spoken word").check()
    wait_until(lambda: announced(page) == (2, 1), "it is heard when it is switched on")
    page.reload()
    expect(page.get_by_text("A new finding is announced by sound and spoken word")).to_be_visible()
    expect(page.get_by_label("red off")).to_be_visible()
    page.locator("body").click()

    report(bus, red=True, **finding(7))

    wait_until(lambda: announced(page) == (2, 1), "the finding is announced")
    assert page.evaluate("window.spoken") == [["en", "IDC Sentinel: a new finding."]]
    expect(page).to_have_title(re.compile("^▲ Finding"))
    expect(page.locator("link[rel=icon]")).to_have_attribute("href", "/static/icon-finding.svg")
    report(bus, red=True, **finding(7))
    report(bus, red=True, **finding(8, findings=2))
    wait_until(lambda: announced(page) == (4, 2), "a further finding is announced, a repeated report is not")


def test_finding_that_waits_when_the_page_is_opened_is_not_announced(page: Page, bus: MemoryBus) -> None:
    page.add_init_script(SPIES + "localStorage.setItem('announce', 'sound speech');")
    report(bus, red=True, **finding(7))
    page.reload()
    expect(page.get_by_label("red on")).to_be_visible()

    assert page.evaluate("window.spoken") == []


def test_session_that_ended_elsewhere_leads_to_the_sign_in(page: Page, address: str) -> None:
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    httpx.delete(f"{address}/api/v1/session", cookies=cookies, headers={"Sec-Fetch-Site": "same-origin"}, timeout=60)

    expect(page.get_by_text("Your session has ended")).to_be_visible()


def test_german_texts(page: Page, slides: FakeSlides, address: str, bus: MemoryBus) -> None:
    put_slides(slides, of_each_state())
    put_folder(address, "b1", patches=(7, 2, 5), left_out=2)
    page.get_by_label("Language").select_option("de")
    report(bus, red=True, **finding(9, findings=3))
    expect(row(page, "b1")).to_contain_text("7 IDC, 2 unsicher, 5 kein IDC, 2 ausgelassen")
    expect(page.get_by_role("button", name="3 Befunde quittieren")).to_be_visible()
    screenshot(page, "list-german")
    expect(page.locator("html")).to_have_attribute("lang", "de")


def test_german_page_says_reasons_in_german_and_marks_what_stays_english(page: Page, slides: FakeSlides) -> None:
    waiting = made_slide("waits.svs", SlideState.RUNNING, warnings=("Waits for inference: it is away",))
    put_slides(slides, [*of_each_state(), waiting])
    page.get_by_label("Language").select_option("de")

    failed, unscaled = row(page, "scan-17.svs").locator(".reason"), row(page, "unscaled.tiff").locator(".reason")
    expect(failed).to_contain_text("Die Datei lässt sich nicht lesen.")
    expect(failed.locator("[lang=en]")).to_have_text(re.compile("^scan-17.svs ends early"))
    expect(unscaled.locator("[lang=en]")).to_have_text(re.compile("^the file does not say"))  # a code without words
    expect(row(page, "waits.svs").locator(".reason")).to_have_text(
        "Der Schnitt wartet: Der Inferenzdienst ist nicht bereit."
    )
    slides.refusal = problem(503, "busy", "too many questions")
    row(page, "9181.mrxs").get_by_role("button", name="9181.mrxs abbrechen").click()
    expect(page.get_by_role("alert").filter(has_text="Das System ist ausgelastet.")).to_be_visible()
    screenshot(page, "list-german-reasons")


def test_german_page_says_in_german_why_files_are_left_out(page: Page) -> None:
    page.get_by_label("Language").select_option("de")
    drop(page, "b1", **{"x_class1.png": RED, "small.png": solid_png((90, 60, 90), 5), "readme.txt": b"no image"})

    left_out = page.locator(".left-out li")
    expect(left_out.filter(has_text="readme.txt")).to_contain_text("Die Datei ist kein Bild, das sich lesen lässt")
    small = left_out.filter(has_text="small.png")
    expect(small).to_contain_text("Das Bild ist nicht verwendbar: ")
    expect(small.locator("[lang=en]")).to_contain_text("px")
    page.reload()
    expect(small.locator("[lang=en]")).to_contain_text("px")


@pytest.mark.parametrize("width_px", [375, 1280])
def test_list_and_patches_have_no_violation_that_axe_finds_and_fit(
    page: Page, slides: FakeSlides, address: str, bus: MemoryBus, width_px: int
) -> None:
    page.set_viewport_size({"width": width_px, "height": 800})
    put_slides(slides, of_each_state())
    identity = put_folder(address, "b1", patches=(2, 1, 1), left_out=2)
    report(bus, red=True, **finding(9, findings=3))
    axe = Path("services/gateway/page/node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
    for view in ("", f"/patches?folder={identity}"):
        page.goto(f"{address}/#{view}")
        expect(page.locator("main h2").first).to_be_visible()
        expect(page.get_by_role("button", name="Acknowledge 3 findings")).to_be_visible()
        page.wait_for_timeout(300)

        found = page.evaluate(f"() => {{ {axe}; return axe.run(); }}")

        assert [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found["violations"]] == []
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wider) <= 0, view
