"""Each view and state of the page: accessible, of use by keyboard alone, and whole at every size and in every colour.

A view is a line in `STATES`. The browser, the gateway and the slides service with its drawn slide are real or fakes of
`tests/support`; any error in the console or breach of the policy fails the test.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, expect

from idc_contracts import ALARM_STATE, ALARM_STATUS, AlarmState, Lamps, ServiceStatus, utc_now
from idc_contracts.slides import SlideFailure, SlideState
from support.demo_patches import solid_png
from support.drawn_slide import DrawnSlides
from support.gateway_fakes import MemoryBus, RednessInference
from support.live_gateway import KEY
from support.page_browser import new_user, page_at, screenshot, sign_in
from support.page_quality import overflow_px, press, tab_to, violations
from support.slides_fake import made_slide, problem
from support.slides_page import gateway_before

pytestmark = pytest.mark.e2e

PASSWORD = "correct horse battery"
LATCHED_BY = "00000000-0000-0000-0000-000000000007"


@dataclass
class Scene:
    """A gateway with everything around it that a test may change."""

    address: str
    bus: MemoryBus
    inference: RednessInference
    service: DrawnSlides
    people: list[str] = field(default_factory=list)

    @property
    def slide(self) -> str:
        return f"/slides/{self.service.drawn.identity}"

    def person(self, page: Page, role: str) -> tuple[str, str]:
        """A new user with a role: their name and the token of their link."""
        name = f"{role}{len(self.people)}"
        self.people.append(name)
        return name, new_user(page, name, role)


@pytest.fixture(scope="module")
def shared_scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    bus, inference, service = MemoryBus(), RednessInference(), DrawnSlides()
    with gateway_before(service, tmp_path_factory.mktemp("gateway"), inference=inference, bus=bus) as address:
        yield Scene(f"{address}/", bus, inference, service)


@pytest.fixture
def scene(shared_scene: Scene) -> Scene:
    """The shared scene as a test finds it: one drawn slide without reviews, and an alarm that reports a finding."""
    shared_scene.service.refusal = None
    shared_scene.service.drawn.reviews.clear()
    shared_scene.service.slides.clear()
    drawn = shared_scene.service.drawn.record()
    shared_scene.service.slides[drawn.id] = drawn
    report_finding(shared_scene.bus)
    return shared_scene


@pytest.fixture
def page(browser: Browser, scene: Scene) -> Iterator[Page]:
    with page_at(browser, scene.address, 1280) as page:
        yield page


def report_finding(bus: MemoryBus, device: str = "alarm") -> None:
    state = AlarmState.model_validate(
        {
            "source": device,
            "lamps": Lamps(red=True),
            "buzzer": True,
            "changed_at": utc_now(),
            "state": "finding",
            "latched_by": LATCHED_BY,
        }
    )
    bus.deliver(ALARM_STATE.at(site="site", device=device), state.to_payload())
    status = ServiceStatus(source=device, status="online", version="1")
    bus.deliver(ALARM_STATUS.at(site="site", device=device), status.to_payload())


def at(view: str) -> Callable[[Page, Scene], None]:
    """Signed in with the first key, at a view of which ID is the drawn slide's."""

    def enter(page: Page, scene: Scene) -> None:
        sign_in(page)
        page.goto(scene.address + "#" + view.replace("ID", str(scene.service.drawn.identity)))

    return enter


def sign_in_failed(page: Page, scene: Scene) -> None:
    page.get_by_label("Name").fill("nobody")
    page.get_by_label("Password", exact=True).fill("nothing that is known")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator("#sign-in-message")).not_to_be_empty()


def set_password(page: Page, scene: Scene) -> None:
    page.goto(f"{scene.address}#{scene.person(page, 'reviewer')[1]}")
    page.reload()
    expect(page.get_by_role("heading", name="Set your password")).to_be_visible()


def no_permission(page: Page, scene: Scene) -> None:
    set_password_of(page, scene, "viewer")
    page.goto(f"{scene.address}#{scene.slide}/review")
    expect(page.get_by_role("heading", name="You have no permission for this view")).to_be_visible()


def set_password_of(page: Page, scene: Scene, role: str) -> str:
    """Sign in as a new user with a role; gives their name."""
    name, link = scene.person(page, role)
    page.goto(f"{scene.address}#{link}")
    page.reload()
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("heading", name="Work list")).to_be_visible()
    return name


def delete_folders(page: Page, scene: Scene) -> None:
    """Delete the folders of patches that other states have left."""
    folders = f"{scene.address}api/v1/folders"
    for folder in page.context.request.get(f"{folders}?limit=200").json()["items"]:
        own = {"Sec-Fetch-Site": "same-origin"}
        assert page.context.request.delete(f"{folders}/{folder['id']}", headers=own).status == 204


def no_slide(page: Page, scene: Scene) -> None:
    scene.service.slides.clear()
    sign_in(page)
    delete_folders(page, scene)
    expect(page.get_by_role("button", name="Try a made slide")).to_be_visible()


def slide_of_each_state(page: Page, scene: Scene) -> None:
    failure = SlideFailure(code="unreadable-slide", detail="scan-17.svs ends early: copy it again")
    for slide in (
        made_slide("a-long-name-of-a-scanner-2026-11-28T01-27-34-0042.svs", SlideState.RUNNING, progress=0.6),
        made_slide("unscaled.tiff", SlideState.NEEDS_SCALE),
        made_slide("scan-17.svs", SlideState.FAILED, failure=failure),
        made_slide("stopped.svs", SlideState.CANCELLED),
    ):
        scene.service.slides[slide.id] = slide
    sign_in(page)
    expect(page.get_by_text("scan-17.svs ends early")).to_be_visible()


def slides_refused(page: Page, scene: Scene) -> None:
    scene.service.refusal = problem(503, "busy", "the slides service is starting")
    sign_in(page)
    expect(page.get_by_role("alert").filter(has_text="starting")).to_be_visible()


def results(page: Page, scene: Scene) -> None:
    sign_in(page)
    page.locator("#files").set_input_files(
        [
            {"name": name, "mimeType": "image/png", "buffer": solid_png(colour)}
            for name, colour in (
                ("8867_idx5_x1001_y1351_class1.png", (250, 60, 90)),
                ("8867_idx5_x1051_y1351_class0.png", (40, 60, 90)),
                ("8867_idx5_x1101_y1351_class0.png", (128, 60, 90)),
            )
        ]
    )
    expect(page.locator("#results > li")).to_have_count(3)


def hot_spot(page: Page, scene: Scene) -> None:
    at("/slides/ID")(page, scene)
    expect(page.get_by_role("heading", name=re.compile("Hot spots"))).to_be_visible()
    page.keyboard.press("j")
    expect(page.get_by_role("heading", name=re.compile(r"Patch \d+, \d+"))).to_be_visible()


def answered(page: Page, scene: Scene) -> None:
    at("/slides/ID/review")(page, scene)
    expect(page.get_by_text("Patch 1 of 20")).to_be_visible()
    page.keyboard.press("1")
    expect(page.get_by_text("1 answered.")).to_be_visible()


def running_slide(page: Page, scene: Scene) -> None:
    running = {"state": SlideState.RUNNING, "progress": 0.62, "time_left_s": 9}
    drawn = scene.service.drawn
    scene.service.slides[drawn.identity] = drawn.record().model_copy(update=running)
    at("/slides/ID")(page, scene)
    expect(page.get_by_text("is being screened")).to_be_visible()


def failed_slide(page: Page, scene: Scene) -> None:
    failure = SlideFailure(code="unreadable-slide", detail="scan-17.svs ends early: copy it again")
    slide = made_slide("scan-17.svs", SlideState.FAILED, failure=failure)
    scene.service.slides[slide.id] = slide
    at(f"/slides/{slide.id}")(page, scene)
    expect(page.get_by_text("ends early")).to_be_visible()


def invited(page: Page, scene: Scene) -> None:
    at("/administration/users")(page, scene)
    page.get_by_label("Name of a new user").fill(f"invited{len(scene.people)}")
    scene.people.append("invited")
    page.get_by_role("button", name="Invite", exact=True).click()
    expect(page.locator("code").filter(has_text="#sign-in=")).to_be_visible()


def verified(page: Page, scene: Scene) -> None:
    at("/administration/audit")(page, scene)
    page.get_by_role("button", name="Verify the chain").click()
    expect(page.get_by_text("The chain is intact")).to_be_visible()


def promotion(page: Page, scene: Scene) -> None:
    at("/model")(page, scene)
    page.get_by_role("button", name=re.compile("^Let version")).first.click()
    expect(page.get_by_role("dialog")).to_be_visible()


def second_reading(page: Page, scene: Scene) -> None:
    answered(page, scene)
    page.get_by_role("button", name="Compare readers").click()
    expect(page.get_by_role("heading", name="Agreement")).to_be_visible()


def gateway_gone(page: Page, scene: Scene) -> None:
    sign_in(page)
    page.context.set_offline(True)
    expect(page.get_by_role("alert").filter(has_text="The gateway does not answer")).to_be_visible()


def end_session(page: Page, scene: Scene) -> None:
    """End it at the gateway, as from another window."""
    ended = page.context.request.delete(f"{scene.address}api/v1/session", headers={"Sec-Fetch-Site": "same-origin"})
    assert ended.ok
    expect(page.get_by_role("alert").filter(has_text="session has ended")).to_be_visible()


def session_ended(page: Page, scene: Scene) -> None:
    sign_in(page)
    end_session(page, scene)


STATES: dict[str, Callable[[Page, Scene], None]] = {
    "sign-in": lambda _page, _scene: None,
    "sign-in-failed": sign_in_failed,
    "set-password": set_password,
    "session-ended": session_ended,
    "work-list": slide_of_each_state,
    "work-list-empty": no_slide,
    "work-list-refused": slides_refused,
    "offline": gateway_gone,
    "patches": results,
    "slide": at("/slides/ID"),
    "slide-hot-spot": hot_spot,
    "slide-running": running_slide,
    "slide-failed": failed_slide,
    "slide-unknown": at("/slides/00000000-0000-0000-0000-000000000000"),
    "review": at("/slides/ID/review"),
    "review-answered": answered,
    "review-compare": second_reading,
    "model": at("/model"),
    "model-promotion": promotion,
    "status": at("/administration/status"),
    "users": invited,
    "keys": at("/administration/keys"),
    "audit": verified,
    "no-permission": no_permission,
    "unknown-address": at("/nothing/here"),
}


def settle(page: Page) -> None:
    """Wait until a view is there; the network is never quiet while a gateway is away."""
    expect(page.locator("main")).to_be_visible()
    expect(page.get_by_text("Loading…")).to_be_hidden()


@pytest.mark.parametrize("state", STATES)
def test_axe_finds_no_violation_in_light_and_dark(page: Page, scene: Scene, state: str) -> None:
    STATES[state](page, scene)
    settle(page)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        screenshot(page, f"{state}-{scheme}")

        assert violations(page) == [], scheme


@pytest.mark.parametrize("state", STATES)
def test_view_is_whole_from_320_px_to_4k_in_both_languages(page: Page, scene: Scene, state: str) -> None:
    """320 px is a window of 1280 px at 400 %, 640 px one at 200 %."""
    STATES[state](page, scene)
    settle(page)
    for language in ("en", "de"):
        page.locator("header select").select_option(language)
        for width_px in (320, 640, 1280, 3840):
            overflow = overflow_px(page, width_px)
            screenshot(page, f"{state}-{language}-{width_px}")

            assert overflow <= 0, (language, width_px)


def hash_of(page: Page) -> str:
    return page.url.partition("#")[2]


def test_every_task_is_done_by_keyboard_alone(page: Page, scene: Scene) -> None:
    press(page, page.get_by_text("Use an API key instead"))
    tab_to(page, page.get_by_label("API key", exact=True))
    page.keyboard.type(KEY)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Work list")).to_be_visible()

    with page.expect_response("**/acknowledgements") as acknowledged:
        press(page, page.get_by_role("button", name=re.compile("^Acknowledge")))
    assert acknowledged.value.status == 202

    press(page, page.get_by_role("main").get_by_role("link", name="drawn.svs"))
    expect(page.get_by_role("heading", name="Cut")).to_be_visible()
    tab_to(page, page.get_by_label("Try another cut"))
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(page.get_by_text("from the fitted cut. This changes the view only")).to_be_visible()
    page.keyboard.press("Tab")
    press(page, page.get_by_role("button", name=re.compile("^1: .* P ")))
    expect(page.get_by_role("heading", name=re.compile(r"Patch \d+, \d+"))).to_be_visible()

    press(page, page.get_by_role("link", name="Review patches"))
    expect(page.get_by_text("Patch 1 of 20; 0 answered.")).to_be_visible()
    page.keyboard.press("2")
    expect(page.get_by_text("; 1 answered.")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("1")
    expect(page.get_by_text("; 2 answered.")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_text("; 1 answered.")).to_be_visible()

    press(page, page.get_by_role("link", name="Administration"))
    press(page, page.get_by_role("link", name="Users"))
    tab_to(page, page.get_by_label("Name of a new user"))
    page.keyboard.type(f"keyboard{len(scene.people)}")
    scene.people.append("keyboard")
    page.keyboard.press("Enter")
    expect(page.locator("code").filter(has_text="#sign-in=")).to_be_visible()

    press(page, page.get_by_role("button", name="Sign out"))
    expect(page.get_by_label("Name")).to_be_focused()


def test_files_are_chosen_by_keyboard_alone(page: Page) -> None:
    sign_in(page)
    tab_to(page, page.locator("input[type=file]").first)

    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files({"name": "patch.png", "mimeType": "image/png", "buffer": solid_png((250, 60, 90))})

    expect(page.get_by_text("1 of 1 files were classified.")).to_be_visible()


def test_first_tab_leads_past_the_header_to_the_view(page: Page) -> None:
    sign_in(page)
    page.reload()
    expect(page.get_by_role("heading", name="Work list")).to_be_visible()

    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.get_by_role("main")).to_be_focused()


def test_view_that_is_opened_takes_the_focus_and_names_the_window(page: Page) -> None:
    sign_in(page)
    page.get_by_role("main").get_by_role("link", name="drawn.svs").click()

    expect(page).to_have_title("▲ Finding \N{EN DASH} Slide: drawn.svs \N{EN DASH} IDC Sentinel")
    expect(page.get_by_role("main", name="Slide: drawn.svs")).to_be_focused()
    page.go_back()
    expect(page).to_have_title("▲ Finding \N{EN DASH} Work list \N{EN DASH} IDC Sentinel")
    page.get_by_label("Language").select_option("de")
    expect(page).to_have_title("▲ Befund \N{EN DASH} Arbeitsliste \N{EN DASH} IDC Sentinel")
    expect(page.locator("html")).to_have_attribute("lang", "de")


def test_forced_colours_show_focus_choice_and_decisions(browser: Browser, scene: Scene) -> None:
    with page_at(browser, scene.address, forced_colors="active") as page:
        hot_spot(page, scene)
        screenshot(page, "forced-colours-slide")
        assert page.evaluate("matchMedia('(forced-colors: active)').matches")
        border = "(element) => parseFloat(getComputedStyle(element).borderTopWidth)"
        assert page.get_by_role("button", name=re.compile("^1: .* P "), pressed=True).evaluate(border) >= 3
        page.get_by_role("link", name="Work list", exact=True).click()
        assert page.locator("nav [aria-current]").evaluate(border) >= 2
        tab_to(page, page.get_by_role("main").get_by_role("link", name="drawn.svs"))
        expect(page.locator("main .decision-mark").filter(has_text="IDC")).to_be_visible()
        screenshot(page, "forced-colours-work-list")


def test_nothing_moves_where_motion_is_reduced(browser: Browser, scene: Scene) -> None:
    with page_at(browser, scene.address, reduced_motion="reduce") as page:
        hot_spot(page, scene)

        assert page.evaluate("document.getAnimations().length") == 0


def test_gateway_that_was_away_is_asked_again_and_nothing_is_lost(page: Page, scene: Scene) -> None:
    sign_in(page)
    page.get_by_label("Search by name").fill("drawn")
    page.context.set_offline(True)
    page.get_by_label("Search by name").fill("drawn.svs")
    expect(page.locator("#offline")).to_be_visible()

    page.context.set_offline(False)

    expect(page.get_by_role("status").filter(has_text="The gateway answers again.")).to_be_visible()
    expect(page.locator("#offline")).to_be_hidden()
    expect(page.get_by_label("Search by name")).to_have_value("drawn.svs")
    expect(page.get_by_role("main").get_by_role("link", name="drawn.svs")).to_be_visible()


def test_view_whose_code_does_not_arrive_says_so(page: Page) -> None:
    sign_in(page)
    page.route("**/page/assets/Administration-*.js", lambda route: route.abort())

    page.get_by_role("link", name="Administration").click()

    expect(page.get_by_role("heading", name="This view could not be shown")).to_be_visible()
    page.unroute_all()
    page.get_by_role("button", name="Load the page again").click()
    expect(page.get_by_role("link", name="Audit log")).to_be_visible()


def test_person_who_signs_in_again_is_back_at_the_view(page: Page, scene: Scene) -> None:
    at("/slides/ID")(page, scene)
    expect(page.get_by_role("heading", name="Cut")).to_be_visible()
    end_session(page, scene)

    page.get_by_text("Use an API key instead").click()
    page.get_by_label("API key", exact=True).fill(KEY)
    page.get_by_role("button", name="Sign in with the key").click()

    expect(page.get_by_role("heading", name="Cut")).to_be_visible()
    assert hash_of(page) == scene.slide
