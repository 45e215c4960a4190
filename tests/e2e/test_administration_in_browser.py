"""An administrator at the page: model, drift, status, users, keys and the audit log, in a real browser."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from idc_contracts import BundleManifest
from idc_contracts.bundle import Estimate
from idc_contracts.decision import DecisionCounts
from idc_contracts.promotion import ComparedMeasure, ModelDecisions
from support import calls
from support.checkout import REPOSITORY
from support.demo_patches import png_of
from support.gateway_fakes import MemoryBus, RednessInference
from support.live_gateway import KEY, gateway_settings, live_gateway
from support.made_comparison import made_comparison
from support.page_browser import new_user, page_at, screenshot, sign_in
from support.shipped_model import SHIPPED_BUNDLE
from support.stained_patches import made_reference, stained_patches

pytestmark = pytest.mark.e2e

BEARER = {"Authorization": f"Bearer {KEY}"}
AXE = REPOSITORY / "services/gateway/page/node_modules/axe-core/axe.min.js"
WIDTHS_PX = {"desk": 1280, "phone": 390}


@dataclass
class Site:
    """A gateway with what the tests change behind it."""

    address: str
    inference: RednessInference
    bus: MemoryBus

    def classify(self, patient: str, seed: int, count: int = 20, **changes: float) -> None:
        """Send patches of one patient."""
        patches = stained_patches(seed, count, **changes)  # type: ignore[arg-type] - a flag is a number, too
        files = [("images", (f"{patient}-{n}.png", png_of(patch), "image/png")) for n, patch in enumerate(patches)]
        answer = calls.post(
            f"{self.address}/api/v1/classifications",
            files=files,
            params={"patient": patient},
            headers=BEARER,
            timeout=60,
        )
        assert answer.is_success, answer.text


@pytest.fixture
def inference() -> RednessInference:
    inference = RednessInference()
    reference = made_reference(stained_patches(seed, 30) for seed in range(40))
    point = {"validation_misses": 0.0533, "validation_false_alarms": 0.1176, "validation_uncertain": 0.1352}
    shipped = BundleManifest.model_validate_json((SHIPPED_BUNDLE / "manifest.json").read_bytes())
    assert shipped.reference is not None
    reference = reference.model_copy(update={"patients": shipped.reference.patients})
    inference.figures = {"operating_point": point, "reference": reference.model_dump(mode="json")}
    inference.card = (SHIPPED_BUNDLE / "MODEL_CARD.md").read_text(encoding="utf-8")
    decisions = ModelDecisions(
        positives=DecisionCounts(idc=760, uncertain=90, no_idc=50),
        negatives=DecisionCounts(idc=150, uncertain=210, no_idc=1740),
    )
    measure = ComparedMeasure(candidate=0.951, serving=0.938, difference=Estimate(value=0.013, low=0.002, high=0.025))
    inference.comparisons["1000"] = made_comparison("1000").model_copy(
        update={"auc": measure, "candidate_decisions": decisions, "serving_decisions": decisions}
    )
    return inference


@pytest.fixture
def site(inference: RednessInference, tmp_path: Path) -> Iterator[Site]:
    bus = MemoryBus()
    with live_gateway(gateway_settings(tmp_path), inference=inference, bus=bus) as address:
        yield Site(address, inference, bus)


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    with page_at(browser, site.address, WIDTHS_PX["desk"]) as page:
        sign_in(page)
        yield page


def open_view(page: Page, path: str, heading: str) -> None:
    page.goto(f"{page.url.split('#')[0]}#/{path}")
    expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()


def pictures(page: Page, name: str) -> None:
    """The view at a desk and on a phone, and dark."""
    for at, width_px in WIDTHS_PX.items():
        page.set_viewport_size({"width": width_px, "height": 900})
        screenshot(page, f"{name}-{at}")
    page.set_viewport_size({"width": WIDTHS_PX["desk"], "height": 900})
    page.emulate_media(color_scheme="dark")
    screenshot(page, f"{name}-dark")
    page.emulate_media(color_scheme="light")


def test_latest_patches_that_are_like_the_training_have_not_moved(page: Page, site: Site) -> None:
    for number in range(8):
        site.classify(f"patient-{number}", 100 + number)
    open_view(page, "model", "Model idc, version 1")

    expect(page.get_by_text("Nothing has moved")).to_be_visible()
    expect(page.get_by_role("row", name="Stain: density")).to_contain_text("as expected")
    page.locator("summary", has_text="The whole model card").click()
    expect(page.get_by_role("heading", name="Limits")).to_be_visible()
    page.locator("summary", has_text="The whole model card").click()
    pictures(page, "model")


def test_patches_of_another_stain_out_of_focus_are_told_with_what_to_do(page: Page, site: Site) -> None:
    for number in range(8):
        site.classify(f"patient-{number}", 100 + number, density=1.6, haematoxylin=0.8, is_blurred=True)
    open_view(page, "model", "Model idc, version 1")

    moved = page.locator(".moved")
    expect(moved).to_contain_text("In the latest 160 patches of 8 patients, the stain is darker than in training")
    expect(moved).to_contain_text("the stain is bluer than in training")
    expect(moved).to_contain_text("the images are more blurred than in training")
    expect(moved).to_contain_text("Check the scanner's focus")
    pictures(page, "drift-moved")


def test_admin_lets_a_version_serve_and_goes_back(page: Page, site: Site) -> None:
    open_view(page, "model", "Versions")

    versions = page.locator("section", has=page.get_by_role("heading", name="Versions"))
    expect(versions.get_by_role("row", name="AUC")).to_contain_text("0.951")
    expect(versions).to_contain_text("Gate: passed.")
    versions.get_by_role("button", name="Let version 1000 serve").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("version 1000 instead of 1 decides every new patch")
    screenshot(page, "promote")
    dialog.get_by_role("button", name="Cancel").click()
    assert site.inference.chosen == []
    versions.get_by_role("button", name="Let version 1000 serve").click()
    dialog.get_by_role("button", name="Let version 1000 serve").click()

    expect(page.locator("#versions-said")).to_have_text("Version 1000 serves now.")
    pictures(page, "versions")
    versions.get_by_role("button", name="Go back to version 1").click()
    dialog.get_by_role("button", name="Go back to version 1").click()
    expect(page.locator("#versions-said")).to_have_text("Version 1 serves now.")
    assert [(version, serves) for version, _, serves in site.inference.chosen] == [("1000", True), ("1000", False)]


def test_model_without_a_reference_says_so(page: Page, site: Site) -> None:
    site.inference.figures = {}
    site.classify("patient", 1)
    open_view(page, "model", "Model idc, version 1")

    expect(page.get_by_text("has no training reference")).to_be_visible()


def test_status_tells_what_works(page: Page) -> None:
    open_view(page, "administration", "Status")

    expect(page.get_by_role("row", name="Broker fine")).to_contain_text("fine")
    expect(page.get_by_role("row", name="Disk")).to_contain_text("free")
    expect(page.get_by_role("row", name="Model and device")).to_contain_text("Model version 1 on CPU.")
    pictures(page, "status")


def test_status_names_each_trouble(page: Page, site: Site) -> None:
    site.bus.disconnect()
    site.inference.ready = False
    site.inference.device_fallback_reason = "GPU: no such device"
    open_view(page, "administration", "Status")

    summary = page.locator(".summary")
    expect(summary).to_contain_text("Not connected: alarms do not ring for new findings until it is back.")
    expect(summary).to_contain_text("New patches and slides are not decided")
    expect(summary).to_contain_text("Not the wanted device: GPU: no such device")
    pictures(page, "status-trouble")


def test_admin_invites_a_user_whose_link_works(page: Page, browser: Browser) -> None:
    open_view(page, "administration/users", "Users")
    page.get_by_label("Name of a new user").fill("ina")
    page.get_by_role("button", name="Invite", exact=True).click()

    link = page.locator("section code.link").inner_text()
    expect(page.get_by_label("Role of ina", exact=True)).to_have_value("reviewer")
    page.get_by_label("Role of ina", exact=True).select_option("viewer")
    page.get_by_role("button", name="Change the role of ina").click()
    expect(page.get_by_text("ina is now: Viewer.")).to_be_visible()
    pictures(page, "users")
    with page_at(browser, f"{page.url.split('#')[0]}#{link.split('#')[1]}") as invited:
        expect(invited.get_by_role("heading", name="Set your password")).to_be_visible()


def test_role_is_changed_by_its_button_and_not_by_each_key_on_the_way(page: Page) -> None:
    new_user(page, "ina", "viewer")
    open_view(page, "administration/users", "Users")
    role = page.get_by_label("Role of ina", exact=True)
    changes: list[str | None] = []
    page.on("request", lambda request: changes.append(request.post_data) if request.method == "PUT" else None)

    role.focus()
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    expect(role).to_have_value("reviewer")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_text("ina is now: Reviewer.")).to_be_visible()
    expect(role).to_be_focused()
    assert changes == ['{"role":"reviewer"}']


def test_role_that_was_refused_is_not_shown(page: Page) -> None:
    new_user(page, "ina", "viewer")
    open_view(page, "administration/users", "Users")
    page.route("**/role", lambda route: route.fulfill(status=409, json={"detail": "refused here"}))

    page.get_by_label("Role of ina", exact=True).select_option("admin")
    page.get_by_role("button", name="Change the role of ina").click()

    expect(page.get_by_role("alert").filter(has_text="refused here")).to_be_visible()
    expect(page.get_by_label("Role of ina", exact=True)).to_have_value("viewer")
    expect(page.get_by_role("button", name="Change the role of ina")).to_be_hidden()


def test_admin_makes_a_key_that_is_shown_once_and_revokes_it(page: Page, site: Site) -> None:
    open_view(page, "administration/keys", "API keys")
    page.get_by_label("Name of a new key").fill("scanner")
    page.get_by_label("read results").check()
    page.get_by_role("button", name="Create the key").click()

    secret = page.locator(".made code").inner_text()
    status = f"{site.address}/api/v1/status"
    headers = {"Authorization": f"Bearer {secret}"}
    assert calls.get(status, headers=headers, timeout=60).status_code == 200
    expect(page.get_by_role("row", name="scanner")).to_contain_text("send patches and slides")
    pictures(page, "keys")
    page.reload()
    expect(page.get_by_role("row", name="scanner")).to_be_visible()
    assert secret not in page.content()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Revoke scanner").click()
    expect(page.get_by_text("The key scanner is revoked.")).to_be_visible()
    assert calls.get(status, headers=headers, timeout=60).status_code == 401


def test_admin_finds_a_record_and_verifies_the_chain(page: Page) -> None:
    new_user(page, "ina", "viewer")
    open_view(page, "administration/audit", "Audit log")

    page.get_by_role("button", name="Verify the chain").click()
    expect(page.locator("#verification")).to_have_text(re.compile(r"✓ The chain is intact: [\d,]+ records\."))
    page.get_by_label("Action", exact=True).select_option("user")
    page.get_by_label("Subject", exact=True).fill("ina")
    page.get_by_role("button", name="Search").click()
    rows = page.locator("tbody tr")
    expect(rows.filter(has_not_text="ina")).to_have_count(0)
    expect(rows.last).to_contain_text("user.created")
    page.get_by_label("To", exact=True).fill("2020-01-01")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("No record fits.")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(page.get_by_text("records shown, the newest first.")).to_be_visible()
    pictures(page, "audit")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("users", "Only administrators see and invite users."),
        ("keys", "Only administrators make and revoke API keys."),
        ("audit", "Your role does not include the audit log."),
    ],
)
def test_view_without_permission_says_whom_to_ask(browser: Browser, site: Site, path: str, words: str) -> None:
    with page_at(browser, site.address, WIDTHS_PX["desk"]) as page:
        enter_as(page, "ben", "viewer")
        page.goto(f"{site.address}/#/administration/{path}")

        expect(page.get_by_text(words)).to_be_visible()
        screenshot(page, f"no-permission-{path}")


def enter_as(page: Page, name: str, role: str) -> None:
    """Sign in by a new link, and set a password."""
    page.goto(f"{page.url}#{new_user(page, name, role)}")
    page.reload()
    page.get_by_label("New password").fill("correct horse battery")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("heading", name="Work list")).to_be_visible()


def test_viewer_sees_the_model_and_no_way_to_change_it(browser: Browser, site: Site) -> None:
    with page_at(browser, site.address, WIDTHS_PX["desk"]) as page:
        enter_as(page, "ben", "viewer")
        page.get_by_role("link", name="Model").click()

        expect(page.get_by_text("Administrators see the other versions here")).to_be_visible()
        expect(page.get_by_role("heading", name="How much patients differ")).to_be_visible()
        expect(page.get_by_role("heading", name="Versions")).to_have_count(0)


def test_user_whom_an_administrator_removed_is_told_that_the_session_ended(browser: Browser, site: Site) -> None:
    with page_at(browser, site.address, WIDTHS_PX["desk"]) as page:
        enter_as(page, "ben", "viewer")
        assert calls.delete(f"{site.address}/api/v1/users/ben", headers=BEARER, timeout=60).status_code == 204
        page.get_by_role("link", name="Model").click()

        expect(page.get_by_role("alert").filter(has_text="Your session has ended")).to_be_visible()
        page.reload()
        expect(page.get_by_role("alert").filter(has_text="an administrator ended it")).to_be_visible()
        screenshot(page, "session-ended")


def test_used_link_is_explained(browser: Browser, site: Site) -> None:
    with page_at(browser, site.address, WIDTHS_PX["desk"]) as page:
        fragment = new_user(page, "eva", "reviewer")
        page.goto(f"{site.address}/#{fragment}")
        page.reload()
        expect(page.get_by_role("heading", name="Set your password")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        page.goto(f"{site.address}/#{fragment}")
        page.reload()

        expect(page.get_by_role("alert").filter(has_text="was used or has expired: it works once")).to_be_visible()


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        ("model", "Modell idc, Version 1"),
        ("administration", "Status"),
        ("administration/users", "Benutzer"),
        ("administration/keys", "API-Schlüssel"),
        ("administration/audit", "Protokoll"),
    ],
)
def test_view_is_german_in_german_and_axe_finds_no_violation(page: Page, site: Site, path: str, heading: str) -> None:
    site.classify("patient", 1, density=1.6)
    page.get_by_label("Language").select_option("de")
    open_view(page, path, heading)
    expect(page.get_by_text("Wird geladen")).to_have_count(0)

    found = page.evaluate(f"() => {{ {AXE.read_text(encoding='utf-8')}; return axe.run(); }}")

    screenshot(page, f"german-{path.replace('/', '-')}")
    assert [(item["id"], item["nodes"][0]["html"]) for item in found["violations"]] == []
