"""The gateway offers the slides service to its callers: scopes, errors, streams, records of who did what."""

import asyncio
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from starlette.responses import Response

from idc_contracts.slides import SlideState
from idc_gateway.slides import connection
from idc_gateway.store import Store
from support.asgi_stream import AsgiStream
from support.eventually import eventually
from support.gateway_accounts import KEY, key_of
from support.slides_fake import FakeSlides, made_slide, problem, screened_slide

URL = "/api/v1/slides"
ID = UUID("5e1ec7ed-0000-4000-8000-000000000001")


@pytest.fixture
def slide(slides: FakeSlides) -> str:
    """The path of a slide that is done."""
    done = screened_slide("idc")
    slides.slides[done.id] = done
    return f"{URL}/{done.id}"


def actions(store: Store) -> list[str]:
    return [record.event.action for record in store.audit.page(20) if record.event.action.startswith("slide")]


@pytest.mark.parametrize(
    ("method", "path", "role"),
    [
        ("GET", URL, "viewer"),
        ("POST", URL, "operator"),
        ("OPTIONS", f"{URL}/uploads", "operator"),
        ("POST", f"{URL}/uploads", "operator"),
        ("HEAD", f"{URL}/uploads/u", "operator"),
        ("PATCH", f"{URL}/uploads/u", "operator"),
        ("DELETE", f"{URL}/uploads/u", "operator"),
        ("GET", f"{URL}/{ID}", "viewer"),
        ("PATCH", f"{URL}/{ID}", "operator"),
        ("POST", f"{URL}/{ID}/cancel", "operator"),
        ("DELETE", f"{URL}/{ID}", "admin"),
        ("GET", f"{URL}/{ID}.dzi", "viewer"),
        ("GET", f"{URL}/{ID}_files/3/0_1.jpeg", "viewer"),
        ("GET", f"{URL}/{ID}/grid", "viewer"),
        ("GET", f"{URL}/{ID}/cells/1/2.png", "viewer"),
        ("GET", f"{URL}/{ID}/cells/1/2/occlusion", "viewer"),
        ("GET", f"{URL}/{ID}/operating-points", "viewer"),
        ("GET", f"{URL}/{ID}/training-folder", "admin"),
        ("GET", f"{URL}/{ID}/training-folder.zip", "admin"),
        ("GET", f"{URL}/{ID}/cells.csv", "viewer"),
        ("GET", f"{URL}/{ID}/map.geojson", "viewer"),
        ("GET", f"{URL}/{ID}/heatmap.ome.tif", "viewer"),
        ("GET", f"{URL}/{ID}/summary.html", "viewer"),
        ("GET", f"{URL}/{ID}/next-reviews", "reviewer"),
        ("GET", f"{URL}/{ID}/reviews", "reviewer"),
        ("POST", f"{URL}/{ID}/reviews", "reviewer"),
        ("PUT", f"{URL}/{ID}/reviews/1/2", "reviewer"),
        ("DELETE", f"{URL}/{ID}/reviews/1/2", "reviewer"),
    ],
)
async def test_each_route_needs_its_scope_and_nothing_reaches_the_service_without(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, slides: FakeSlides, method: str, path: str, role: str
) -> None:
    roles = ["viewer", "operator", "reviewer", "admin"]
    weaker = {"viewer": None, "operator": "viewer", "reviewer": "operator", "admin": "reviewer"}[role]
    await eventually(lambda: ("", "GET", "/screened") in slides.callers)

    assert (await stranger.request(method, path)).status_code == 401
    if weaker is not None:
        refused = await stranger.request(method, path, headers=await key_of(client, "weak", weaker))
        assert refused.status_code == 403
    assert {path for _, _, path in slides.callers} == {"/screened"}
    allowed = await stranger.request(method, path, headers=await key_of(client, "strong", role))
    assert allowed.status_code not in (401, 403, 405)
    assert role in roles


async def test_caller_is_named_to_the_service(client: httpx.AsyncClient, slides: FakeSlides) -> None:
    key = await key_of(client, "eva@lab", "viewer")

    assert (await client.get(URL, headers=key)).status_code == 200

    assert ("eva@lab", "GET", "/slides") in slides.callers


async def test_slide_is_queued_shown_scaled_cancelled_reviewed_and_deleted(
    client: httpx.AsyncClient, slides: FakeSlides, store: Store
) -> None:
    queued = await client.post(URL, json={"path": "sub/a.svs"})
    assert queued.status_code == 201, queued.text
    assert (await client.post(URL, json={"path": "sub/a.svs"})).status_code == 200
    one = f"{URL}/{queued.json()['id']}"

    assert (await client.get(one)).json()["name"] == "sub/a.svs"
    assert (await client.patch(one, json={"um_per_px": 0.25})).status_code == 200
    assert (await client.post(f"{one}/cancel")).status_code == 200
    assert (await client.put(f"{one}/reviews/3/4", json={"verdict": "idc"})).status_code == 200
    assert (await client.delete(f"{one}/reviews/3/4")).status_code == 200
    assert (await client.delete(one)).status_code == 204
    assert (await client.get(one)).status_code == 404

    assert actions(store)[::-1] == [
        "slide.screening-ordered",
        "slide.screening-ordered",
        "slide.viewed",
        "slide.scale-ordered",
        "slide.cancellation-ordered",
        "slide.review-ordered",
        "slide.review-withdrawal-ordered",
        "slide.deletion-ordered",
    ]
    review = next(record for record in store.audit.page(20) if record.event.action == "slide.review-ordered")
    assert review.event.actor == "first"
    assert review.event.details == {"column": 3, "row": 4, "verdict": "idc"}
    assert not slides.slides


async def test_list_is_filtered_by_the_service(client: httpx.AsyncClient, slides: FakeSlides) -> None:
    for state in (SlideState.WAITING, SlideState.FAILED):
        one = made_slide(state=state)
        slides.slides[one.id] = one

    page = (await client.get(URL, params={"state": "failed"})).json()

    assert [item["state"] for item in page["items"]] == ["failed"]
    assert (await client.get(URL, params={"state": "strange"})).status_code == 422


@pytest.mark.parametrize(
    "document", [{}, {"path": "a", "url": "s3://b/c"}, {"path": ""}, {"path": "a.svs", "um_per_px": 0}]
)
async def test_order_that_says_too_little_or_too_much_is_refused(
    client: httpx.AsyncClient, slides: FakeSlides, document: dict[str, object]
) -> None:
    assert (await client.post(URL, json=document)).status_code == 422

    assert ("first", "POST", "/slides") not in slides.callers


async def test_problem_of_the_service_is_passed_on(client: httpx.AsyncClient) -> None:
    answer = await client.post(URL, json={"path": "missing.svs"})

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:idc-sentinel:problem:not-found"
    assert answer.json()["detail"] == "'missing.svs' is not in the watched folder"


@pytest.mark.parametrize(
    ("refusal", "status", "kind"),
    [
        (problem(507, "insufficient-storage", "full"), 507, "insufficient-storage"),
        (problem(503, "busy", "busy"), 503, "busy"),
        (problem(500, "internal-error", "a fault"), 502, "slides-broken"),
        (Response("no", 401), 502, "slides-broken"),
        (Response("<html>", 404), 404, "not-found"),
        (Response("[1]", 409), 409, "conflict"),
    ],
)
async def test_service_that_refuses_or_fails_gives_a_problem(
    client: httpx.AsyncClient, slides: FakeSlides, slide: str, refusal: Response, status: int, kind: str
) -> None:
    slides.refusal = refusal

    answer = await client.get(slide)

    assert answer.status_code == status
    assert answer.json()["type"] == f"urn:idc-sentinel:problem:{kind}"
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_image_may_be_kept_by_its_browser_alone_and_is_asked_for_by_its_tag(
    client: httpx.AsyncClient, slide: str, store: Store
) -> None:
    for path in (f"{slide}_files/3/0_1.jpeg", f"{slide}/cells/1/2.png?around=2"):
        image = await client.get(path)
        assert image.content == b"picture"
        assert image.headers.get_list("cache-control") == ["private, no-cache"]

        again = await client.get(path, headers={"If-None-Match": image.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == image.headers["etag"]
    assert (await client.get(slide)).headers.get_list("cache-control") == ["no-store"]
    assert (await client.get(f"{slide}/cells/1/2.png?around=5")).status_code == 422
    assert actions(store).count("slide-image.viewed") == 1  # a viewer asks for hundreds of tiles


async def test_export_is_recorded_each_time_and_streamed(
    app: FastAPI, client: httpx.AsyncClient, slides: FakeSlides, slide: str, store: Store
) -> None:
    slides.long_body = [bytes(2**18)] * 32
    stream = AsgiStream(app, f"{slide}/heatmap.ome.tif", {"Authorization": f"Bearer {KEY}"})
    stream.may_read.clear()
    await eventually(lambda: stream.status == 200)
    assert actions(store) == ["slide.exported"]  # before the first byte

    stream.may_read.set()
    await eventually(lambda: stream.is_over)

    assert stream.is_whole
    assert len(stream.body) == 8 * 2**20


async def test_readers_of_exports_who_stop_reading_keep_no_viewer_waiting(
    app: FastAPI, client: httpx.AsyncClient, slides: FakeSlides, slide: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MAX_CONNECTIONS", 2)
    slides.long_body = [bytes(2**18)] * 32
    readers = [AsgiStream(app, f"{slide}/cells.csv", {"Authorization": f"Bearer {KEY}"}) for _ in range(2)]
    for reader in readers:
        reader.may_read.clear()
    await eventually(lambda: all(reader.status == 200 for reader in readers))

    assert (await client.get(f"{slide}_files/3/0_1.jpeg")).status_code == 200

    for reader in readers:
        reader.may_read.set()
        await reader.close()


async def test_summary_may_have_its_own_styles_and_pictures_but_runs_nothing(
    client: httpx.AsyncClient, slide: str
) -> None:
    policy = (await client.get(f"{slide}/summary.html")).headers["content-security-policy"]

    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in policy
    assert "script-src" not in policy


async def test_summary_is_in_the_language_that_is_asked_for_else_in_that_of_the_browser(
    client: httpx.AsyncClient, slide: str
) -> None:
    browser = {"Accept-Language": "de-AT,de;q=0.9"}
    chosen = await client.get(f"{slide}/summary.html", params={"language": "en"}, headers=browser)
    of_browser = await client.get(f"{slide}/summary.html", headers=browser)
    unknown = await client.get(f"{slide}/summary.html", params={"language": "fr"})

    assert (chosen.text, chosen.headers["content-language"]) == ("in en", "en")
    assert of_browser.text == "in de-AT,de;q=0.9"
    assert unknown.status_code == 422


async def test_answer_that_the_service_breaks_off_is_not_made_whole(
    app: FastAPI, slides: FakeSlides, slide: str
) -> None:
    class Broken(list[bytes]):
        def __iter__(self) -> "Broken":  # type: ignore[override]
            raise ConnectionError("set to break")

    slides.long_body = Broken()
    stream = AsgiStream(app, f"{slide}/cells.csv", {"Authorization": f"Bearer {KEY}"})

    await eventually(lambda: stream.is_over)

    assert not stream.is_whole
    with pytest.raises(Exception, match=r"stopped in its answer|response already started"):
        await stream.close()


async def test_service_that_hangs_costs_nobody_else_anything(
    client: httpx.AsyncClient, slides: FakeSlides, slide: str
) -> None:
    slides.is_hanging = True
    waiting = [asyncio.create_task(client.get(slide)) for _ in range(5)]

    assert (await client.get("/api/v1/classifications")).status_code == 200

    slides.is_hanging = False
    assert [answer.status_code for answer in await asyncio.gather(*waiting)] == [200] * 5


async def test_unknown_parameter_is_refused(client: httpx.AsyncClient, slide: str) -> None:
    assert (await client.get(slide, params={"x": "1"})).status_code == 422
