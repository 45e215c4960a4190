"""`idc slide` and `idc slides` against a slides service in memory, over real HTTP; only its pauses are short."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idc_client.__main__ import cli
from idc_client.errors import InputRejected, Unavailable
from idc_client.gateway.connection import Connection
from idc_client.slides.known_uploads import KnownUploads
from idc_client.slides.upload import SMALLEST_PART_BYTES, SlideUpload
from idc_client.terminal import NOTICE
from idc_contracts.slides import SlideState
from support.scripted_gateway import ScriptedGateway
from support.slides_fake import FakeSlides, made_slide, problem, serving


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def slides() -> FakeSlides:
    return FakeSlides()


@pytest.fixture
def address(slides: FakeSlides) -> Iterator[str]:
    with serving(slides, "/api/v1") as address:
        yield address


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "a.svs"
    file.write_bytes(bytes(range(256)) * 1000)
    return file


Run = Callable[..., Result]


@pytest.fixture
def run(address: str) -> Run:
    def run_idc(*arguments: object) -> Result:
        connection = Connection(address, "key", pause=lambda _s: None)
        return CliRunner().invoke(cli, [str(argument) for argument in arguments], obj=connection)

    return run_idc


def sends(slides: FakeSlides) -> list[str]:
    return [method for _, method, path in slides.callers if "/uploads" in path]


def test_slide_is_sent_waited_for_and_shown(run: Run, slides: FakeSlides, file: Path) -> None:
    done = run("slide", file, "--um-per-px", "0.25")

    assert done.exit_code == 0, done.output
    (upload,) = slides.uploads.values()
    assert (bytes(upload.received), upload.name, upload.um_per_px) == (file.read_bytes(), "a.svs", 0.25)
    assert "a.svs" in done.stdout
    assert "done" in done.stdout
    assert "no_idc" in done.stdout
    assert NOTICE in done.stdout


def test_json_has_each_file_with_its_record(run: Run, file: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing.svs"

    done = run("slide", "--json", file, missing)

    document = json.loads(done.stdout)
    assert done.exit_code == 4
    assert [item["file"] for item in document["items"]] == [str(file), str(missing)]
    assert document["items"][0]["slide"]["decision"] == "no_idc"
    assert "is not a file" in document["items"][1]["error"]
    assert document["notice"] == NOTICE


def test_same_command_again_sends_nothing_and_shows_the_result(run: Run, slides: FakeSlides, file: Path) -> None:
    run("slide", file)
    slides.callers.clear()

    again = run("slide", file)

    assert again.exit_code == 0
    assert "no_idc" in again.stdout
    assert sends(slides) == ["HEAD"]


def test_file_that_changed_or_is_wanted_again_is_another_slide(run: Run, slides: FakeSlides, file: Path) -> None:
    run("slide", file)
    run("slide", "--again", file)
    file.write_bytes(b"another")
    run("slide", file)

    assert len(slides.uploads) == len(slides.slides) == 3


def test_upload_goes_on_after_a_break(run: Run, slides: FakeSlides, file: Path) -> None:
    slides.drop_after_bytes = 100_000

    done = run("slide", file)

    assert done.exit_code == 0, done.output
    (upload,) = slides.uploads.values()
    assert bytes(upload.received) == file.read_bytes()
    assert sends(slides) == ["POST", "PATCH", "HEAD", "PATCH"]


def test_upload_that_was_interrupted_goes_on_with_the_next_command(
    run: Run, slides: FakeSlides, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_upload: SlideUpload, *_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SlideUpload, "_send_part", interrupt)
        stopped = run("slide", file)
    assert stopped.exit_code == 1
    assert "resumes where it stopped" in stopped.stderr
    next(iter(slides.uploads.values())).received += file.read_bytes()[:1234]

    assert run("slide", file).exit_code == 0

    (upload,) = slides.uploads.values()
    assert bytes(upload.received) == file.read_bytes()
    assert sends(slides) == ["POST", "HEAD", "PATCH"]


def test_upload_that_has_expired_begins_anew(run: Run, slides: FakeSlides, file: Path) -> None:
    run("slide", file)
    slides.uploads.clear()

    assert run("slide", file).exit_code == 0

    assert len(slides.uploads) == 1


def test_gateway_that_stays_away_ends_with_the_remedy(run: Run, slides: FakeSlides, file: Path) -> None:
    slides.refusal = problem(503, "slides-unavailable", "the slides service does not answer")

    done = run("slide", file)

    assert done.exit_code == 5
    assert "run the same command again: it resumes where it stopped" in done.stderr


@pytest.mark.parametrize(
    ("name", "why"), [("empty.svs", "is empty"), ("a.mrxs", "several files"), ("folder", "`idc slides scan`")]
)
def test_what_is_no_single_slide_is_refused_before_it_is_sent(
    run: Run, slides: FakeSlides, tmp_path: Path, name: str, why: str
) -> None:
    place = tmp_path / name
    if name == "folder":
        place.mkdir()
    else:
        place.write_bytes(b"" if name.startswith("empty") else b"x")

    done = run("slide", place)

    assert (done.exit_code, why in done.stderr) == (4, True)
    assert slides.callers == []


@pytest.mark.parametrize(
    ("state", "said"), [(SlideState.NEEDS_SCALE, "--um-per-px"), (SlideState.CANCELLED, "it is cancelled")]
)
def test_slide_without_a_result_is_named_with_the_reason(
    run: Run, slides: FakeSlides, file: Path, state: SlideState, said: str
) -> None:
    slides.state_after = state

    done = run("slide", file)

    assert done.exit_code == 4
    assert said in done.stderr
    assert "1 of 1 slides were not screened" in done.stderr


def test_map_and_heatmap_are_written_whole(run: Run, slides: FakeSlides, file: Path, tmp_path: Path) -> None:
    slides.long_body = [b"one", b"two"]
    out, heat = tmp_path / "a.geojson", tmp_path / "a.ome.tif"

    assert run("slide", file, "--geojson", out, "--heatmap", heat).exit_code == 0

    assert (out.read_bytes(), heat.read_bytes()) == (b"onetwo", b"onetwo")
    assert not list(tmp_path.glob("*.part"))
    assert run("slide", file, file, "--geojson", out).exit_code == 2


def test_name_with_a_line_break_stays_one_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "a\nb[red].svs"
    file.write_bytes(b"x")

    done = run("slide", file)

    assert done.exit_code == 0
    assert "a\\nb[red].svs" in done.stdout


def test_state_that_cannot_be_kept_costs_only_the_memory(run: Run, state_home: Path, file: Path) -> None:
    state_home.write_text("a file in the place of the folder")

    assert run("slide", file).exit_code == 0


def test_proxy_that_accepts_less_gets_smaller_parts(file: Path) -> None:
    """nginx accepts 1 MB by default."""
    received = bytearray()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(201, headers={"Location": "/api/v1/slides/uploads/u"})
        if int(request.headers["Content-Length"]) > 100_000:
            return httpx.Response(413)
        received.extend(request.content)
        whole = {"X-IDC-Slide": "/api/v1/slides/s"} if len(received) == file.stat().st_size else {}
        return httpx.Response(204, headers={"Upload-Offset": str(len(received)), **whole})

    connection = Connection("http://gateway", "key", transport=ScriptedGateway([answer]), pause=lambda _s: None)
    done: list[int] = []

    assert SlideUpload(connection, KnownUploads("http://gateway"), file, on_progress=done.append).send() == "s"

    assert bytes(received) == file.read_bytes()
    assert done[-1] == file.stat().st_size


def test_proxy_that_accepts_nothing_is_an_error(file: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(201, headers={"Location": "/api/v1/slides/uploads/u"})
        return httpx.Response(413)

    gateway = ScriptedGateway([answer])
    connection = Connection("http://gateway", "key", transport=gateway, pause=lambda _s: None)

    with pytest.raises(InputRejected, match="413"):
        SlideUpload(connection, KnownUploads("http://gateway"), file).send()

    assert int(gateway.requests[-1].headers["Content-Length"]) <= SMALLEST_PART_BYTES


def test_upload_that_never_becomes_a_slide_ends(file: Path) -> None:
    size = str(file.stat().st_size)

    def answer(request: httpx.Request) -> httpx.Response:
        created = {"Location": "/api/v1/slides/uploads/u"} if request.method == "POST" else {}
        return httpx.Response(200, headers={"Upload-Offset": size, **created})

    connection = Connection("http://gateway", "key", transport=ScriptedGateway([answer]), pause=lambda _s: None)

    with pytest.raises(Unavailable, match="took nothing more"):
        SlideUpload(connection, KnownUploads("http://gateway"), file).send()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(taken=st.lists(st.integers(0, 300_000), max_size=12), part_bytes=st.integers(1, 400_000))
def test_whatever_arrives_of_each_request_the_file_arrives_whole(file: Path, taken: list[int], part_bytes: int) -> None:
    """Each request is cut off after some bytes; at most three in a row bring nothing."""
    received = bytearray()
    cuts = [count for place, count in enumerate(taken) if count or place % 3]

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(201, headers={"Location": "/slides/uploads/u"})
        if request.method == "PATCH":
            if int(request.headers["Upload-Offset"]) != len(received):
                return httpx.Response(409)
            received.extend(request.content[: cuts[-1]] if cuts else request.content)
            if cuts and cuts.pop() < len(request.content):
                raise httpx.ReadError("cut off")
        whole = {"X-IDC-Slide": "/slides/s"} if len(received) == file.stat().st_size else {}
        return httpx.Response(204, headers={"Upload-Offset": str(len(received)), **whole})

    connection = Connection("http://gateway", "key", transport=ScriptedGateway([answer]), pause=lambda _s: None)
    known = KnownUploads(f"http://{id(answer)}")
    upload = SlideUpload(connection, known, file, part_bytes=max(part_bytes, 20_000))

    try:
        assert upload.send() == "s"
    except Unavailable:
        assert upload.send() == "s"  # as the same command does
    assert bytes(received) == file.read_bytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A watched folder with five slides."""
    root = tmp_path / "watched"
    for name in (
        *("b.svs", "sub/a.ndpi", "c.mrxs", "c/Slidedat.ini", "c/Data0001.dat", "notes.txt"),
        *("dicom/1.dcm", "dicom/2.dcm", "sub/missing.tif"),
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def test_scan_queues_each_slide_once_and_lists_what_failed(run: Run, slides: FakeSlides, folder: Path) -> None:
    done = run("slides", "scan", folder)

    assert done.exit_code == 4
    assert sorted(slide.name for slide in slides.slides.values()) == ["b.svs", "c.mrxs", "dicom", "sub/a.ndpi"]
    assert "sub/missing.tif" in done.stdout
    assert "is not in the watched folder" in done.stdout
    assert "4 of 5 slides are queued or known; 1 failed" in done.stdout

    run("slides", "scan", folder)
    assert len(slides.slides) == 4


def test_scan_of_a_part_names_paths_from_the_watched_folder(run: Run, slides: FakeSlides, folder: Path) -> None:
    (folder / "sub/missing.tif").unlink()

    assert run("slides", "scan", folder / "sub", "--root", folder).exit_code == 0

    assert [slide.name for slide in slides.slides.values()] == ["sub/a.ndpi"]
    assert run("slides", "scan", folder, "--root", folder / "sub").exit_code == 4


def test_scan_waits_and_counts_those_without_a_result(run: Run, slides: FakeSlides, folder: Path) -> None:
    (folder / "sub/missing.tif").unlink()
    slides.state_after = SlideState.FAILED

    done = run("slides", "scan", folder, "--wait")

    assert done.exit_code == 4
    assert done.stdout.count("the file is cut off") == 4


@pytest.mark.parametrize(
    "states",
    [
        [SlideState.WAITING, SlideState.RUNNING, SlideState.RUNNING, SlideState.RUNNING],
        [SlideState.RUNNING, SlideState.WAITING, SlideState.WAITING, SlideState.WAITING],
    ],
    ids=["taken", "given back"],
)
def test_scan_waits_for_a_slide_that_moves_between_two_looks(
    run: Run, slides: FakeSlides, folder: Path, states: list[SlideState]
) -> None:
    one = made_slide("sub/a.ndpi")
    slides.slides[one.id] = one
    (folder / "sub/missing.tif").unlink()
    slides.states = {one.id: [*states, SlideState.DONE]}

    done = run("slides", "scan", folder / "sub", "--root", folder, "--wait")

    assert done.exit_code == 0, done.output
    assert slides.slides[one.id].state is SlideState.DONE


def test_scan_names_a_slide_that_was_deleted_while_it_waited(run: Run, slides: FakeSlides, folder: Path) -> None:
    one = made_slide("sub/a.ndpi")
    slides.slides[one.id] = one
    (folder / "sub/missing.tif").unlink()
    slides.states = {one.id: [SlideState.WAITING, None]}

    done = run("slides", "scan", folder / "sub", "--root", folder, "--wait")

    assert done.exit_code == 4
    assert "it was deleted" in done.stdout


def test_scan_names_a_file_whose_name_is_no_text_and_sends_the_others(
    run: Run, slides: FakeSlides, folder: Path
) -> None:
    (folder / "sub/missing.tif").rename(folder / "sub" / os.fsdecode(b"caf\xe9.svs"))

    done = run("slides", "scan", folder / "sub", "--root", folder)

    assert done.exit_code == 4, done.output
    assert [slide.name for slide in slides.slides.values()] == ["sub/a.ndpi"]
    assert "sub/caf\\udce9.svs" in done.stdout
    assert "not UTF-8" in done.stdout
    assert "1 of 2 slides are queued or known; 1 failed" in done.stdout


def test_scan_of_a_dicom_folder_queues_it(run: Run, slides: FakeSlides, folder: Path) -> None:
    assert run("slides", "scan", folder / "dicom", "--root", folder).exit_code == 0

    assert [slide.name for slide in slides.slides.values()] == ["dicom"]


def test_folder_without_a_slide_is_an_error(run: Run, tmp_path: Path) -> None:
    assert run("slides", "scan", tmp_path).exit_code == 4


def test_list_shows_slides_of_a_state(run: Run, slides: FakeSlides) -> None:
    for state in (SlideState.FAILED, SlideState.RUNNING):
        one = made_slide(f"{state}.svs", state, progress=0.25)
        slides.slides[one.id] = one

    everything = run("slides", "list")
    failed = run("slides", "list", "--state", "failed", "--json")

    assert "running, 25%" in everything.stdout
    assert [item["name"] for item in json.loads(failed.stdout)["items"]] == ["failed.svs"]


def test_training_folder_is_written_whole_and_counted(run: Run, slides: FakeSlides, tmp_path: Path) -> None:
    slides.long_body = [b"PK", b"zip"]
    out = tmp_path / "8867.zip"

    done = run("slides", "training", made_slide().id, "--patient", "8867", "--out", out)

    assert done.exit_code == 0, done.output
    assert out.read_bytes() == b"PKzip"
    assert "0 patches with IDC, 0 without; left out: 0 unsure, 0 disagreements" in done.stderr


def test_training_folder_that_cannot_be_made_leaves_no_file(run: Run, slides: FakeSlides, tmp_path: Path) -> None:
    slides.refusal = problem(409, "wrong-state", "the slide is running")

    done = run("slides", "training", made_slide().id, "--out", tmp_path / "8867.zip")

    assert done.exit_code != 0
    assert "the slide is running" in done.stderr
    assert list(tmp_path.glob("*.zip*")) == []
