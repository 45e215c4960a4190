"""`idc export`: whole files, what they lack, and where they lie."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
from click.testing import Result

from support.scripted_gateway import Answer, ScriptedGateway, problem, run_idc


def run(answer: Answer, *arguments: str) -> Result:
    return run_idc(ScriptedGateway([answer]), "export", *arguments)


def collection(tiles: int, without_place: int = 0, superseded: int = 0) -> httpx.Response:
    features = [{"type": "Feature", "properties": {"name": "x" * 400}}] * tiles
    tally = {"tiles": tiles, "without_place": without_place, "superseded": superseded}
    return httpx.Response(200, json={"type": "FeatureCollection", "features": features, "idc_sentinel": tally})


class Broken(httpx.SyncByteStream):
    """A body that breaks off."""

    def __iter__(self) -> Iterator[bytes]:
        yield b"id,name\n1,a\n"
        raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")


def test_file_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "all.csv"
    out.write_text("the last one")

    assert run(problem(422, "slide is missing"), "geojson", "--out", str(out)).exit_code == 4
    assert run(httpx.Response(200, stream=Broken()), "csv", "--out", str(out)).exit_code == 5
    cut_off = httpx.Response(200, text='{"type":"FeatureCollection","features":[')
    assert run(cut_off, "geojson", "--slide", "s", "--out", str(out)).exit_code == 5
    assert [path.read_text() for path in tmp_path.iterdir()] == ["the last one"]

    assert run(httpx.Response(200, text="id\n1\n"), "csv", "--out", str(out)).exit_code == 0
    assert [path.read_text() for path in tmp_path.iterdir()] == ["id\n1\n"]


def test_broken_export_on_standard_output_fails() -> None:
    done = run(httpx.Response(200, stream=Broken()), "csv")

    assert (done.exit_code, "broke" in done.stderr) == (5, True)


def test_unknown_slide_fails() -> None:
    done = run(problem(404, "there is no result of slide 'S'"), "geojson", "--slide", "S")

    assert (done.exit_code, done.stdout, "slide 'S'" in done.stderr) == (4, "", True)


def test_counts_of_what_is_missing_are_reported_beside_the_file() -> None:
    done = run(collection(3, without_place=2, superseded=1), "geojson", "--slide", "s")

    assert done.exit_code == 0
    assert len(json.loads(done.stdout)["features"]) == 3
    assert "3 tiles; left out: 2 results without a position in the slide, 1 with a newer one" in done.stderr


def test_collection_without_any_place_fails() -> None:
    done = run(collection(0, without_place=7), "geojson", "--slide", "s")

    assert (done.exit_code, "none of the 7 results has a position" in done.stderr) == (4, True)


def test_export_waits_until_the_gateway_is_there() -> None:
    gateway = ScriptedGateway([problem(503, "busy"), httpx.Response(200, text="id\n")])

    assert run_idc(gateway, "export", "csv").stdout == "id\n"


def test_folder_that_is_not_there_is_reported(tmp_path: Path) -> None:
    done = run(httpx.Response(200, text="id\n"), "csv", "--out", str(tmp_path / "no" / "all.csv"))

    assert (done.exit_code, "No such file" in done.stderr) == (4, True)
