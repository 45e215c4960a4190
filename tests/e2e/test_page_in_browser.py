"""A person at the page: a real browser, a real gateway, a made-up model and an alarm that the test plays."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from idc_contracts import ALARM_STATE, ALARM_STATUS, AlarmState, Lamps, Reason, ServiceStatus, utc_now
from support.demo_patches import solid_png
from support.gateway_fakes import MemoryBus, RednessInference
from support.live_gateway import gateway_settings, live_gateway
from support.page_browser import new_user, page_at, screenshot, sign_in, wait_for_quiet

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def bus() -> MemoryBus:
    return MemoryBus()


@pytest.fixture(scope="module")
def inference() -> RednessInference:
    return RednessInference()


@pytest.fixture(scope="module")
def address(bus: MemoryBus, inference: RednessInference, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One gateway for all tests: each has a browser of its own, and lets the alarm report what it needs."""
    folder = tmp_path_factory.mktemp("gateway")
    with live_gateway(gateway_settings(folder), inference=inference, bus=bus) as address:
        yield address


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with page_at(browser, address) as page:
        yield page


def choose(page: Page, **images: bytes) -> None:
    page.locator("#files").set_input_files(
        [{"name": f"{name}.png", "mimeType": "image/png", "buffer": data} for name, data in images.items()]
    )


def report(
    bus: MemoryBus,
    *,
    device: str = "alarm",
    online: bool = True,
    buzzer: bool = False,
    says: dict[str, object] | None = None,
    **lamps: bool,
) -> None:
    """Let an alarm report itself; `says` are more fields of its state."""
    state = AlarmState.model_validate(
        {"source": device, "lamps": Lamps(**lamps), "buzzer": buzzer, "changed_at": utc_now(), **(says or {})}
    )
    status = ServiceStatus(source=device, status="online" if online else "offline", version="1")
    bus.deliver(ALARM_STATE.at(site="site", device=device), state.to_payload())
    bus.deliver(ALARM_STATUS.at(site="site", device=device), status.to_payload())


UPLOADS = re.compile(r"/api/v1/classifications\?folder=")
FINDING: dict[str, object] = {"state": "finding", "latched_by": str(UUID(int=7))}


def test_wrong_key_is_reported_in_plain_words(page: Page) -> None:
    page.get_by_text("Use an API key instead").click()
    page.get_by_label("API key", exact=True).fill("wrong")
    page.get_by_role("button", name="Sign in with the key").click()

    expect(page.get_by_role("alert").first).to_contain_text("not known here")
    screenshot(page, "sign-in")


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
    expect(page.get_by_role("heading", name="Work list")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()

    page.get_by_label("Name").fill("eva")
    page.get_by_label("Password", exact=True).fill("correct horse battery")
    screenshot(page, "sign-in")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Work list")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{address}#{fragment}")
    page.reload()
    expect(page.get_by_role("alert").filter(has_text="was used or has expired")).to_be_visible()


def test_password_is_changed_with_the_old_one(page: Page) -> None:
    page.goto(f"{page.url}#{new_user(page, 'mia', 'reviewer')}")
    page.reload()
    expect(page.get_by_label("Old password")).to_be_hidden()
    page.get_by_label("New password").fill("password1234")
    page.get_by_role("button", name="Set the password").click()
    expect(page.locator("#password-message")).to_contain_text("easy to guess")
    page.get_by_label("New password").fill("correct horse battery")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("heading", name="Work list")).to_be_visible()

    page.get_by_role("button", name="Password").click()
    page.get_by_label("New password").fill("another staple of horses")
    page.get_by_label("Old password").fill("not this one")
    page.get_by_role("button", name="Set the password").click()
    expect(page.locator("#password-message")).to_contain_text("old password is wrong")
    screenshot(page, "change-password")
    page.get_by_label("Old password").fill("correct horse battery")
    page.get_by_role("button", name="Set the password").click()

    expect(page.get_by_role("heading", name="Work list")).to_be_visible()


def test_viewer_is_not_offered_what_a_viewer_may_not_do(page: Page, bus: MemoryBus) -> None:
    report(bus, red=True, buzzer=True, says=FINDING)
    page.goto(f"{page.url}#{new_user(page, 'ben', 'viewer')}")
    page.reload()
    page.get_by_label("New password").fill("correct horse battery")
    page.get_by_role("button", name="Set the password").click()

    expect(page.get_by_role("heading", name="Work list")).to_be_visible()
    expect(page.get_by_text("IDC was found")).to_be_visible()
    expect(page.locator("#drop-zone")).to_be_hidden()
    expect(page.get_by_role("button", name="Acknowledge the finding")).to_be_hidden()


def test_research_notice_is_there_before_and_after_signing_in(page: Page) -> None:
    notice = page.get_by_role("note")
    expect(notice).to_contain_text("not a medical device")

    sign_in(page)

    expect(notice).to_be_visible()


def test_dropped_images_show_probability_and_decision(page: Page, bus: MemoryBus) -> None:
    sign_in(page)
    report(bus, red=True, buzzer=True, says=FINDING)

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


def test_card_says_in_words_why_a_patch_is_uncertain_and_that_its_field_was_assumed(
    page: Page, inference: RednessInference, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(page)
    monkeypatch.setattr(inference, "also", (Reason.LITTLE_TISSUE, Reason.UNFAMILIAR, Reason.OUT_OF_FOCUS))

    choose(page, glass=solid_png((128, 60, 90), 120))
    card = page.locator("#results > li")
    expect(card.locator(".decision")).to_have_text("Uncertain")
    expect(card.locator(".reasons")).to_have_text(
        "between the thresholds, little tissue, unlike the training patches, out of focus"
    )
    expect(card.locator(".facts")).to_contain_text("120 \u00d7 120 px; it is assumed to show 200 \u00b5m.")

    monkeypatch.setattr(inference, "also", ())
    choose(page, finding=solid_png((250, 60, 90)))
    expect(card.first.locator(".reasons")).to_be_empty()
    expect(card.first.locator(".facts")).not_to_contain_text("assumed")


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

    report(bus, online=False, red=True, says=FINDING)

    expect(page.locator(".alarm")).to_contain_text("offline")
    expect(page.get_by_role("button", name="Acknowledge")).to_be_hidden()


def test_acknowledgement_names_the_finding_that_the_page_showed(page: Page, bus: MemoryBus) -> None:
    sign_in(page)
    report(bus, red=True, buzzer=True, says=FINDING)

    with page.expect_response("**/acknowledgements") as answer:
        page.get_by_role("button", name="Acknowledge").click()

    assert answer.value.request.post_data_json == {"up_to": FINDING["latched_by"]}
    assert answer.value.status == 202


def test_trouble_is_not_called_an_uncertain_patch(page: Page, bus: MemoryBus) -> None:
    sign_in(page)

    report(bus, amber=True, says={"state": "technical", "technical": ["broker_lost"]})

    expect(page.locator(".words")).to_have_text(
        "The alarm cannot be relied on: the alarm has no connection to the broker."
    )


def test_self_test_is_not_a_finding(page: Page, bus: MemoryBus) -> None:
    sign_in(page)

    report(bus, red=True, says={"state": "self_test"})

    expect(page.locator(".words")).to_have_text("The alarm tests its lamps and buzzer.")
    expect(page.get_by_role("button", name="Acknowledge")).to_be_hidden()


def test_words_follow_the_state_and_not_the_colours(page: Page, bus: MemoryBus) -> None:
    words = {
        "review": "The last result, of a patch or slide, was uncertain.",
        "clear": "The last result, of a patch or slide, is: no IDC.",
        "acknowledged": "A finding was acknowledged. No result came after it.",
        "idle": "Nothing to show. This does not mean that no IDC was found.",
        "finding": "IDC was found and nobody has acknowledged it.",
        None: "This alarm does not report why its lamps are lit.",
    }
    sign_in(page)

    for state, expected in words.items():
        report(bus, amber=True, says={"state": state})

        expect(page.locator(".words")).to_have_text(expected)


def test_silence_names_its_end_beside_the_finding(page: Page, bus: MemoryBus) -> None:
    sign_in(page)

    report(bus, red=True, says=FINDING | {"state": "silenced", "silenced_until": utc_now() + timedelta(minutes=5)})

    expect(page.locator(".words")).to_contain_text("IDC was found and nobody has acknowledged it.")
    expect(page.locator(".words")).to_contain_text("The buzzer is silenced until")
    expect(page.get_by_role("button", name="Acknowledge")).to_be_visible()


def test_lamps_are_shown_as_stale_without_the_broker(page: Page, bus: MemoryBus) -> None:
    sign_in(page)
    report(bus, blue=True, says={"state": "clear"})
    expect(page.get_by_label("blue on")).to_be_visible()

    bus.disconnect()
    try:
        expect(page.locator("#alarms-message")).to_have_text(
            "These reports may be outdated: the broker is not connected. "
            "Until it is, an alarm may not ring for a new finding."
        )
        expect(page.locator("#alarm-list.stale")).to_have_count(1)
    finally:
        bus.reconnect()
    expect(page.locator("#alarm-list.stale")).to_have_count(0)


def classify_205_files_of_which_3_show_idc(page: Page) -> None:
    clear, finding = solid_png((40, 60, 90)), solid_png((250, 60, 90))
    choose(page, **{f"patch-{index:03}": finding if index in (2, 3, 4) else clear for index in range(205)})
    expect(page.locator("#classify-progress")).to_have_text("205 of 205 files were classified.", timeout=60_000)


def test_no_finding_vanishes_among_many_results(page: Page) -> None:
    sign_in(page)

    classify_205_files_of_which_3_show_idc(page)

    expect(page.get_by_role("button", name="All 205")).to_be_visible()
    expect(page.locator("#drawn")).to_have_text("200 of 205 are shown.")
    screenshot(page, "many-results")
    page.get_by_role("button", name=re.compile(r"^\W*IDC 3$")).click()
    expect(page.locator("#results > li")).to_have_count(3)
    page.get_by_role("button", name="All 205").click()
    page.get_by_role("button", name="Show more").click()
    expect(page.locator("#results > li")).to_have_count(205)


def test_many_files_go_in_few_requests(page: Page) -> None:
    sign_in(page)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.method) if "classif" in request.url else None)

    classify_205_files_of_which_3_show_idc(page)

    assert requests == ["POST"] * 4


def test_file_that_is_far_too_large_is_refused_alone(page: Page, tmp_path: Path) -> None:
    sign_in(page)
    slide, patch = tmp_path / "slide.png", tmp_path / "patch.png"
    with slide.open("wb") as file:
        file.truncate(300 * 1024 * 1024)
    patch.write_bytes(solid_png((250, 0, 0)))

    page.locator("#files").set_input_files([slide, patch])

    expect(page.locator(".left-out summary")).to_have_text("1 file was left out")
    expect(page.locator(".left-out li")).to_contain_text("The file has 315 MB.")
    expect(page.locator("#results > li")).to_have_count(1)


def test_files_after_the_end_of_a_session_are_counted(page: Page) -> None:
    sign_in(page)
    expect(page.get_by_text("Waiting for the alarm…")).to_be_hidden()  # nothing else asks from now on
    wait_for_quiet(page)
    page.context.clear_cookies()

    choose(page, finding=solid_png((250, 60, 90)), clear=solid_png((40, 60, 90)))

    expect(page.locator("#sign-in-message")).to_contain_text("0 of 2 files were classified; 2 were not")


def test_files_are_counted_where_the_gateway_is_away(page: Page) -> None:
    sign_in(page)
    page.route(UPLOADS, lambda route: route.abort())
    page.clock.install()

    choose(page, finding=solid_png((250, 60, 90)))
    for _ in range(4):
        page.wait_for_timeout(100)
        page.clock.run_for(6000)

    expect(page.locator(".left-out summary")).to_have_text("1 file was left out")
    expect(page.locator(".left-out li")).to_contain_text("The gateway does not answer.")


def test_image_that_inference_had_no_time_for_is_sent_again(page: Page) -> None:
    sign_in(page)
    answers: list[int] = []

    def answer(route: Route) -> None:
        response = route.fetch()
        body = response.json()
        if not answers:
            problem = {"type": "about:blank", "title": "busy", "status": 503, "detail": "busy"}
            body["items"][0] |= {"classification": None, "error": problem}
        answers.append(len(body["items"]))
        route.fulfill(response=response, json=body)

    page.route(UPLOADS, answer)

    choose(page, first=solid_png((250, 60, 90)), second=solid_png((40, 60, 90)))

    expect(page.locator("#results > li")).to_have_count(2)
    assert answers == [2, 1]


def test_refused_file_is_reported_and_the_others_are_classified(page: Page) -> None:
    sign_in(page)

    choose(page, notes=b"no image", good=solid_png((250, 0, 0)))

    expect(page.locator(".left-out li")).to_contain_text("notes.png")
    expect(page.locator("#results > li")).to_have_count(1)


def test_file_name_is_shown_as_text(page: Page) -> None:
    sign_in(page)

    choose(page, **{"<img src=x onerror=alert(1)>": solid_png((250, 0, 0))})

    expect(page.locator("#results .name")).to_have_text(re.compile(r"^<img src=x"))
    expect(page.locator("#results .name img")).to_have_count(0)


def test_page_stays_signed_in_and_signs_out(page: Page) -> None:
    sign_in(page)
    page.reload()
    expect(page.get_by_role("heading", name="Work list")).to_be_visible()

    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_label("Name")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Name")).to_be_visible()


def test_page_fits_every_screen(page: Page, bus: MemoryBus) -> None:
    sign_in(page)
    report(bus, amber=True)
    choose(page, **{"8975_idx5_x1001_y1351_class1": solid_png((200, 120, 180))})
    expect(page.locator("#results > li")).to_have_count(1)

    for width_px in (360, 768, 1440):
        page.set_viewport_size({"width": width_px, "height": 800})
        overflow_px = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

        assert overflow_px <= 0, width_px
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

    expect(page.get_by_text("/api/v1/classifications").first).to_be_visible(timeout=30_000)
    screenshot(page, "docs")


def test_results_are_still_there_after_a_reload(page: Page) -> None:
    sign_in(page)
    choose(page, kept_class1=solid_png((250, 60, 90)), other_class0=solid_png((40, 60, 90)))
    expect(page.locator("#results > li")).to_have_count(2)

    page.reload()

    expect(page.locator("#results > li")).to_have_count(2)
    expect(page.get_by_alt_text("The patch kept_class1.png")).to_have_js_property("naturalWidth", 50)
    page.get_by_label("Folder", exact=True).select_option("All patches")
    expect(page.locator("#results .name", has_text="kept_class1.png")).to_be_visible()


def test_decisions_are_compared_with_the_classes_that_names_carry(page: Page) -> None:
    sign_in(page)
    finding, clear, unsure = (solid_png((red, 60, 90)) for red in (250, 40, 128))

    choose(page, a_class1=finding, b_class1=clear, c_class0=clear, d_class0=unsure, e=finding)

    table = page.get_by_role("table", name="Compared with the names")
    expect(table.get_by_role("row").nth(1)).to_have_text(re.compile(r"IDC\s*1\s*0\s*1"))
    expect(table.get_by_role("row").nth(2)).to_have_text(re.compile(r"No IDC\s*0\s*1\s*1"))


def test_silence_and_test_reach_the_alarm(page: Page, bus: MemoryBus) -> None:
    sign_in(page)
    report(bus, red=True, buzzer=True, says=FINDING)

    with page.expect_response("**/silences") as silenced:
        page.get_by_role("button", name="Silence for 5 min").click()
    with page.expect_response("**/tests") as tested:
        page.get_by_role("button", name="Test", exact=True).click()

    assert silenced.value.request.post_data_json == {"duration_s": 300}
    assert (silenced.value.status, tested.value.status) == (202, 202)
    expect(page).to_have_title(re.compile("^▲ Finding"))
