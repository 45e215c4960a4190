"""The tool's commands against a scripted gateway: what they send, print and exit with."""

import csv
import errno
import io
import json
import re
from collections import Counter
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from idc_client.__main__ import cli
from idc_client.classifying.confusion import Confusion
from idc_client.classifying.forms import FORM_FILES, Form, forms
from idc_client.classifying.image_files import LeftOut
from idc_client.errors import ClientError, OutputFailed
from idc_client.gateway.connection import Connection
from idc_client.terminal import NOTICE, REASONS
from idc_contracts import Reason
from support.scripted_gateway import Answer, ScriptedGateway, decides, files_of, problem, result, run_idc


def gateway(*answers: Answer) -> ScriptedGateway:
    return ScriptedGateway(list(answers))


def ok(document: object) -> httpx.Response:
    return httpx.Response(200, json=document)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five labelled patches whose content is what the gateway will decide."""
    for name, decision in {
        "10_idx5_x1_y1_class1.png": "idc",
        "10_idx5_x2_y1_class1.png": "no_idc",
        "10_idx5_x3_y1_class0.png": "no_idc",
        "10_idx5_x4_y1_class0.png": "uncertain",
        "deeper/10_idx5_x5_y1_class1.PNG": "idc",
    }.items():
        path = tmp_path / "patches" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(decision)
    (tmp_path / "patches" / "notes.txt").write_text("no image")
    return tmp_path / "patches"


def test_folder_is_classified_with_all_below_it(folder: Path) -> None:
    done = run_idc(gateway(decides), "classify", folder)

    assert done.exit_code == 0, done.output
    assert done.stdout.count(".png") + done.stdout.count(".PNG") == 5
    assert NOTICE in done.stdout


def test_names_with_classes_give_a_confusion_matrix_that_leaves_the_uncertain_out(folder: Path) -> None:
    done = run_idc(gateway(decides), "classify", "--json", folder)

    confusion = json.loads(done.stdout)["confusion"]
    assert confusion == {
        "true_positives": 2,
        "false_negatives": 1,
        "uncertain_positives": 0,
        "true_negatives": 1,
        "false_positives": 0,
        "uncertain_negatives": 1,
        "sensitivity": pytest.approx(2 / 3),
        "specificity": 1.0,
    }
    table = run_idc(gateway(decides), "classify", folder).stdout
    assert "sensitivity  0.667: 2 of 3 decided IDC patches" in table
    assert "uncertain    1 of 5 patches" in table


def test_one_name_without_a_class_gives_no_matrix(folder: Path) -> None:
    (folder / "unknown.png").write_text("idc")

    assert json.loads(run_idc(gateway(decides), "classify", "--json", folder).stdout)["confusion"] is None


def test_csv_has_a_line_for_each_file(folder: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run_idc(gateway(decides), "classify", "--csv", folder).stdout)))

    assert len(rows) == 5
    assert {row["decision"] for row in rows} == {"idc", "no_idc", "uncertain"}
    assert rows[0]["truth"] == "idc"


def why(name: str, *reasons: str, field: str = "native", um_per_px: float | None = None) -> Answer:
    """One uncertain result, as a gateway answers that gives reasons."""
    found = result(name, "uncertain") | {"reasons": list(reasons), "field": field, "um_per_px": um_per_px}
    item = {"index": 0, "name": name, "classification": found, "error": None, "stored_before": False}
    return httpx.Response(201, json={"items": [item], "accepted": 1, "refused": 0})


@pytest.fixture
def patch(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    path.write_text("uncertain")
    return path


def test_reasons_are_told_in_words_and_those_of_a_newer_gateway_by_name(patch: Path) -> None:
    said = why("a.png", "little_tissue", "out_of_focus", "wrong_organ")

    line = next(line for line in run_idc(gateway(said), "classify", patch).stdout.splitlines() if "a.png" in line)

    assert line.endswith("a.png  (little tissue, out of focus, wrong_organ)")


def test_every_reason_of_the_gateway_has_words() -> None:
    assert list(REASONS) == list(Reason)


def test_reasons_and_field_are_columns_and_the_reasons_are_counted(patch: Path) -> None:
    said = why("a.png", "little_tissue", "unfamiliar", field="stated", um_per_px=0.5)

    (row,) = csv.DictReader(io.StringIO(run_idc(gateway(said), "classify", "--csv", patch).stdout))
    document = json.loads(run_idc(gateway(said), "classify", "--json", patch).stdout)

    assert (row["reasons"], row["field"], row["um_per_px"]) == ("little_tissue unfamiliar", "stated", "0.5")
    assert document["reasons"] == {"little_tissue": 1, "unfamiliar": 1}
    assert document["items"][0]["classification"]["field"] == "stated"


def test_stated_scale_is_sent_with_every_form_and_no_other_is(patch: Path) -> None:
    server = gateway(decides)

    run_idc(server, "classify", "--um-per-px", "0.5", patch)
    run_idc(server, "classify", patch)

    assert [request.url.params.get("um_per_px") for request in server.requests] == ["0.5", None]


@pytest.mark.parametrize("scale", ["0", "0.04", "51", "four"])
def test_what_is_no_scale_is_wrong_usage(patch: Path, scale: str) -> None:
    server = gateway(decides)

    done = run_idc(server, "classify", "--um-per-px", scale, patch)

    assert (done.exit_code, server.requests) == (2, [])
    assert "--um-per-px" in done.stderr


def test_assumed_fields_are_counted_with_the_remedy(patch: Path) -> None:
    done = run_idc(gateway(why("a.png", "unfamiliar", field="assumed")), "classify", patch)

    assert "idc: 1 of 1 images are not 50 x 50 px and were assumed to show 200 µm" in done.stderr
    assert "--um-per-px" in done.stderr


def test_refused_file_is_named_and_the_others_stand(folder: Path) -> None:
    (folder / "broken_class1.png").write_text("bad")

    done = run_idc(gateway(decides), "classify", folder)

    assert done.exit_code == 4
    assert "rejected: is no image" in done.stdout
    assert "idc: 1 of 6 files were rejected" in done.stderr


def test_folder_of_nothing_but_refused_files_is_listed_too(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("bad")

    done = run_idc(gateway(decides), "classify", "--json", tmp_path)

    assert (done.exit_code, json.loads(done.stdout)["refused"]) == (4, 1)


def test_many_files_go_in_several_requests_of_one_series(tmp_path: Path) -> None:
    for number in range(2 * FORM_FILES + 1):
        (tmp_path / f"{number:04}.png").write_text("idc")
    server = gateway(decides)

    done = run_idc(server, "classify", "--json", tmp_path)

    assert [len(files_of(request)) for request in server.requests] == [FORM_FILES, FORM_FILES, 1]
    assert {request.url.params["once"] for request in server.requests} == {"idc"}
    assert json.loads(done.stdout)["accepted"] == 2 * FORM_FILES + 1


def test_results_so_far_are_shown_where_a_later_request_fails(tmp_path: Path) -> None:
    for number in range(FORM_FILES + 1):
        (tmp_path / f"{number:04}.png").write_text("idc")

    done = run_idc(gateway(decides, problem(401, "the key was revoked")), "classify", "--json", tmp_path)

    assert done.exit_code == 3
    assert json.loads(done.stdout)["accepted"] == FORM_FILES
    assert f"{FORM_FILES} classified, 1 not sent, of {FORM_FILES + 1} files" in done.stderr


@pytest.mark.parametrize("place", ["missing", "empty"])
def test_place_without_images_is_reported_in_one_line(tmp_path: Path, place: str) -> None:
    (tmp_path / "empty").mkdir()
    server = gateway(decides)

    done = run_idc(server, "classify", tmp_path / place)

    assert (done.exit_code, server.requests, done.stderr.count("\n")) == (4, [], 1)
    assert place in done.stderr


def test_name_from_a_file_is_not_markup_and_breaks_no_form(tmp_path: Path) -> None:
    (tmp_path / '[red]"a\r\nX: y".png').write_text("idc")
    server = gateway(decides)

    done = run_idc(server, "classify", tmp_path)

    assert done.exit_code == 0, done.output
    assert "[red]" in done.stdout
    ((name, content),) = files_of(server.requests[0])
    assert "\n" not in name
    assert content == b"idc"


@given(st.lists(st.tuples(st.sampled_from("abc"), st.binary(max_size=3)), max_size=150))
def test_forms_hold_every_file_once_and_no_file_beside_its_equal(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[str, bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("forms")
    paths = [folder / str(number) / f"{name}.png" for number, (name, _) in enumerate(files)]
    for path, (_, content) in zip(paths, files, strict=True):
        path.parent.mkdir()
        path.write_bytes(content)

    groups = list(forms(paths, max_bytes=2))

    sent = [patch.path for group in groups if isinstance(group, Form) for patch in group.patches]
    left_out = [group.path for group in groups if isinstance(group, LeftOut)]
    assert sorted(sent + left_out) == sorted(paths)
    assert set(left_out) == {path for path, (_, content) in zip(paths, files, strict=True) if len(content) in (0, 3)}
    for group in groups:
        if isinstance(group, Form):
            assert 0 < len(group.patches) <= FORM_FILES
            assert len({patch.id for patch in group.patches}) == len(group.patches)


@given(st.lists(st.tuples(st.sampled_from(["idc", "no_idc"]), st.sampled_from(["idc", "no_idc", "uncertain"]))))
def test_confusion_counts_every_patch_in_one_place(pairs: list[tuple[str, str]]) -> None:
    confusion = Confusion(Counter(pairs))
    document = confusion.as_document()

    assert sum(value for name, value in document.items() if name.endswith("tives")) == len(pairs)
    for share in (confusion.sensitivity, confusion.specificity):
        assert share is None or 0 <= share <= 1


def stream(text: str) -> httpx.Response:
    return httpx.Response(200, text=text, headers={"Content-Type": "text/event-stream"})


def test_watch_resumes_where_the_connection_broke() -> None:
    texts = [f"event: classification\nid: {n}\ndata: {json.dumps(result(f'{n}.png'))}\n\n" for n in (1, 2)]
    server = gateway(*(stream(text) for text in texts))

    done = run_idc(server, "watch", "--json", "--count", "2")

    assert [json.loads(line)["name"] for line in done.stdout.splitlines()] == ["1.png", "2.png"]
    assert [request.headers.get("Last-Event-ID") for request in server.requests] == [None, "1"]


def test_watch_says_what_it_lost_and_found_again() -> None:
    first = "id: 4\n\n"
    gap = "event: gap\ndata: the database was restored\n\n"
    second = f"event: classification\nid: 5\ndata: {json.dumps(result('5.png'))}\n\n"
    server = gateway(stream(first), httpx.ConnectError("refused"), stream(gap + second))

    done = run_idc(server, "watch", "--json", "--count", "1")

    assert [request.headers.get("Last-Event-ID") for request in server.requests] == [None, "4", "4"]
    assert json.loads(done.stdout)["name"] == "5.png"
    for text in ("closed the connection", "cannot reach", "reconnected", "gap: the database was restored"):
        assert text in done.stderr


def test_key_that_ends_ends_the_watch() -> None:
    server = gateway(stream("id: 4\n\n"), problem(401, "this key was revoked"))

    done = run_idc(server, "watch")

    assert (done.exit_code, "was revoked" in done.stderr) == (3, True)


class Full(io.TextIOBase):
    """A file on a disk without room."""

    def write(self, _text: str) -> int:
        """No."""
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("arguments", [["classify", "--csv"], ["classify", "--json"], ["classify"]])
def test_output_that_finds_no_room_is_reported_in_one_line(
    folder: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = gateway(decides)
    monkeypatch.setattr("sys.stdout", Full())
    with pytest.raises(OutputFailed, match="No space left"):
        cli.main(
            [*arguments, str(folder)],
            standalone_mode=False,
            obj=Connection("http://gateway", "key", transport=server, pause=server.waits_s.append),
        )


def test_lost_answer_to_a_new_key_names_the_way_out() -> None:
    done = run_idc(gateway(httpx.ReadError("reset")), "keys", "create", "ward", "--role", "viewer")

    assert (done.exit_code, "if `idc keys list` shows ward, revoke it" in done.stderr) == (6, True)


def test_made_key_stands_alone_on_standard_output() -> None:
    made = {"name": "ward", "scopes": ["read", "classify", "alarm"], "key": "idc_made", "expires_at": None}

    done = run_idc(gateway(httpx.Response(201, json=made)), "keys", "create", "ward", "--role", "operator")

    assert done.stdout == "idc_made\n"


@pytest.mark.parametrize("arguments", [[], ["--role", "viewer", "--scope", "read"]])
def test_key_needs_a_role_or_scopes(arguments: list[str]) -> None:
    assert run_idc(gateway(ok({})), "keys", "create", "ward", *arguments).exit_code == 2


def test_broken_chain_has_its_exit_code() -> None:
    found = {"intact": False, "records": 9, "head": "0" * 64, "first_wrong": 4, "reason": "its hash does not fit"}

    done = run_idc(gateway(ok(found)), "audit", "verify")

    assert done.exit_code == 7
    assert "record 4" in done.stderr


def test_chain_without_an_earlier_head_is_broken() -> None:
    found = {"intact": True, "records": 1, "head": "a" * 64, "first_wrong": None, "reason": None}
    page = {"items": [{"sha256": "a" * 64}], "next_cursor": None}

    assert run_idc(gateway(ok(found), ok(page)), "audit", "verify", "--head", "b" * 64).exit_code == 7
    assert run_idc(gateway(ok(found)), "audit", "verify", "--head", "a" * 64).exit_code == 0


def test_status_of_a_degraded_gateway_fails() -> None:
    found = {
        "version": "1",
        "site": "site",
        "broker_connected": False,
        "inference_ready": True,
        "inference_servers": [{"url": "http://inference", "ready": True, "breaker": "closed", "in_progress": 0}],
        "outbox": {"waiting": 3, "oldest_age_s": 4.0, "degraded": False, "expired": 0},
        "images": {"stored": True, "count": 1, "bytes": 5},
        "degraded": ["the broker is not connected"],
    }

    done = run_idc(gateway(ok(found)), "status")

    assert (done.exit_code, "not connected" in done.stdout) == (5, True)


def test_every_exit_code_stands_in_the_help() -> None:
    codes = {0, 2} | {error.exit_code for error in ClientError.__subclasses__()}
    help_text = " ".join(CliRunner().invoke(cli, ["--help"]).stdout.split())

    assert set(map(int, re.findall(r"(?:Exit codes: |, )(\d) [a-z]", help_text))) == codes


def test_missing_key_file_is_reported_in_one_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["--api-key-file", str(tmp_path / "none"), "status"])

    assert (done.exit_code, done.stderr.count("\n")) == (4, 1)
