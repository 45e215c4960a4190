"""ResultsStore of a slide as tiles: each at its place, the newest of a place, and a count of the rest."""

from typing import Any

import httpx
import pytest

from idc_gateway.classifying.origins import MAX_SLIDE_LENGTH, origin_of
from idc_gateway.results.classifications import PatchOrigin
from idc_gateway.results.results_store import ResultsStore
from idc_gateway.store import Store
from support.demo_patches import solid_png

RED, DARK = solid_png((250, 0, 0)), solid_png((10, 0, 0))
URL = "/api/v1/classifications"


async def post(client: httpx.AsyncClient, image: bytes = RED, **labels: Any) -> None:
    answer = await client.post(URL, content=image, params=labels)
    assert answer.status_code == 201, answer.text


async def collection(client: httpx.AsyncClient, slide: str, **query: Any) -> Any:
    answer = await client.get(f"{URL}/export", params={"format": "geojson", "slide": slide, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


def boxes(document: Any) -> list[tuple[float, float, float, float]]:
    """Left, top, width and height of each tile."""
    rings = [tile["geometry"]["coordinates"][0] for tile in document["features"]]
    assert all(len(ring) == 5 and ring[0] == ring[4] for ring in rings)
    return [(ring[0][0], ring[0][1], ring[2][0] - ring[0][0], ring[2][1] - ring[0][1]) for ring in rings]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("S 1 [x=123,y=456,w=512,h=256].png", PatchOrigin(None, "S 1", 123, 456, 512, 256)),
        ("S 1 [d=16,x=4096,y=0,w=800,h=800].tif", PatchOrigin(None, "S 1", 4096, 0, 800, 800)),
        ("S [a] [d=1.98413,x=0,y=0,w=99,h=99].ome.tif", PatchOrigin(None, "S [a]", 0, 0, 99, 99)),
        ("S [d=1,024,x=-8,y=0,w=9,h=9].jpg", PatchOrigin(None, "S", -8, 0, 9, 9)),
        ("8863_idx5_x51_y1251_class0.png", PatchOrigin("8863", "8863_idx5", 51, 1251)),
        ("S [x=1,y=2,w=3,h=4,z=1].png", PatchOrigin()),
        ("S [x=1,y=2,w=3,h=4]-labelled.png", PatchOrigin()),
        ("S [x=1,y=2,w=0,h=4].png", PatchOrigin()),
        (f"{'S' * (MAX_SLIDE_LENGTH + 1)} [x=1,y=2,w=3,h=4].png", PatchOrigin()),
        ("[x=1,y=2,w=3,h=4].png", PatchOrigin()),
    ],
)
def test_place_is_read_from_names_of_qupath_and_the_public_set(name: str, expected: PatchOrigin) -> None:
    assert origin_of(name) == expected


def test_what_the_sender_says_stands_above_the_name() -> None:
    said = PatchOrigin(patient="p", slide="other", x=7, y=8)

    assert origin_of("S [x=123,y=456,w=512,h=256].png", said) == said


async def test_tiles_of_qupath_lie_where_it_cut_them(client: httpx.AsyncClient) -> None:
    for x in (0, 800):
        for y in (0, 800):
            await post(client, name=f"CMU-1 (2), a [d=16,x={x},y={y},w=800,h=800].png")

    document = await collection(client, "CMU-1 (2), a")

    assert sorted(boxes(document)) == [(x, y, 800, 800) for x in (0, 800) for y in (0, 800)]
    assert document["idc_sentinel"] == {"tiles": 4, "without_place": 0, "superseded": 0}
    assert document["type"] == "FeatureCollection"
    for tile in document["features"]:
        assert (tile["properties"]["objectType"], tile["properties"]["classification"]["name"]) == ("tile", "IDC")
        assert "not a medical device" in tile["properties"]["metadata"]["notice"]


async def test_place_and_size_have_factors_of_their_own(client: httpx.AsyncClient) -> None:
    await post(client, slide="s", x=4096, y=8192)

    assert boxes(await collection(client, "s", downsample=16)) == [(4096, 8192, 800, 800)]
    assert boxes(await collection(client, "s", scale=2, downsample=16)) == [(8192, 16384, 800, 800)]
    assert boxes(await collection(client, "s", scale=0.5)) == [(2048, 4096, 25, 25)]


async def test_extents_that_were_said_need_no_factor(client: httpx.AsyncClient) -> None:
    await post(client, slide="s", x=4096, y=8192, w=800, h=400)

    assert boxes(await collection(client, "s", downsample=3)) == [(4096, 8192, 800, 400)]


async def test_slide_that_was_classified_twice_has_the_newest_tile_of_each_place(client: httpx.AsyncClient) -> None:
    for image in (RED, DARK):
        for x in (1, 51):
            await post(client, image, name=f"77_idx5_x{x}_y1_class1.png")

    document = await collection(client, "77_idx5", scale=16)

    assert len(set(boxes(document))) == len(boxes(document)) == 2
    assert {tile["properties"]["classification"]["name"] for tile in document["features"]} == {"no IDC"}
    assert document["idc_sentinel"] == {"tiles": 2, "without_place": 0, "superseded": 2}


async def test_filter_never_brings_back_what_a_newer_result_replaced(client: httpx.AsyncClient) -> None:
    await post(client, RED, slide="s", x=1, y=1)
    await post(client, DARK, slide="s", x=1, y=1)

    assert boxes(await collection(client, "s", decision="idc")) == []
    assert len(boxes(await collection(client, "s", decision="no_idc"))) == 1


async def test_results_without_a_place_are_counted(client: httpx.AsyncClient) -> None:
    await post(client, slide="s", x=1, y=1)
    await post(client, slide="s", name="no place.png")
    await post(client, slide="s", x=1)
    await post(client, slide="other", x=1, y=1)

    assert (await collection(client, "s"))["idc_sentinel"] == {"tiles": 1, "without_place": 2, "superseded": 0}


@pytest.mark.parametrize("query", [{"slide": "t"}, {"slide": "s", "patient": "9"}])
@pytest.mark.parametrize("kind", ["csv", "geojson"])
async def test_unknown_slide_or_patient_is_not_found(
    client: httpx.AsyncClient, kind: str, query: dict[str, str]
) -> None:
    await post(client, slide="s", patient="1", x=1, y=1)

    answer = await client.get(f"{URL}/export", params={"format": kind, **query})

    assert answer.status_code == 404
    assert query["slide"] in answer.json()["detail"]


@pytest.mark.parametrize("kind", ["csv", "geojson"])
async def test_export_that_fails_on_the_way_does_not_end_like_a_whole_one(
    client: httpx.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    for x in range(3):
        await post(client, slide="s", x=x, y=1)
    _break_after_the_first_page(store.results, monkeypatch)

    with pytest.raises(RuntimeError, match="lost"):
        await _followed(client, kind)


def _break_after_the_first_page(results: ResultsStore, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = results.page

    def page(wanted: Any, limit: int, after: Any) -> Any:
        if after is not None:
            raise RuntimeError("the database is lost")
        return whole(wanted, min(limit, 2), after)

    monkeypatch.setattr(results, "page", page)


async def _followed(client: httpx.AsyncClient, kind: str) -> None:
    """What a server sees of the export: it breaks the connection off where the application raises."""
    transport = httpx.ASGITransport(client._transport.app)  # type: ignore[attr-defined]
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=client.headers) as server:
        await server.get(f"{URL}/export", params={"format": kind, "slide": "s"})
