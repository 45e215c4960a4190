"""`idc classify` run again after any failure ends with each file classified once."""

import json
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import httpx
import pytest
from click.testing import Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idc_client.classifying import forms as patches
from idc_client.gateway.connection import TRIES
from support.scripted_gateway import ScriptedGateway, decides, run_idc
from support.series_gateway import SeriesGateway, Trouble, then_fine

FORM_FILES = 8
PASSING: list[Trouble] = ["away", "lost before", "lost after", "busy", "inference away", "half", "proxy"]


def run(gateway: SeriesGateway, *arguments: object, waits_s: list[float] | None = None) -> Result:
    return run_idc(gateway, "classify", *arguments, pause=(waits_s if waits_s is not None else []).append)


def fill(folder: Path, count: int) -> list[str]:
    """Files of `count` names; every fourth stands in a second folder too, as another file."""
    for number in range(count):
        (folder / f"{number:04}.png").write_text(f"idc {number % 7}")
    (folder / "twins").mkdir(exist_ok=True)
    for number in range(0, count, 4):
        (folder / "twins" / f"{number:04}.png").write_text(f"idc {number % 7}")
    return sorted(path.name for path in folder.rglob("*.png"))


def names(gateway: SeriesGateway) -> list[str]:
    return sorted(name for _, name, _ in gateway.stored)


@pytest.fixture(autouse=True)
def small_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several forms of few files, which are read and parsed in no time."""
    monkeypatch.setattr(patches, "FORM_FILES", FORM_FILES)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(troubles=st.lists(st.sampled_from([*PASSING, "key over", "fine"]), max_size=15))
def test_each_file_is_stored_once_whatever_fails(
    tmp_path_factory: pytest.TempPathFactory, troubles: list[Trouble]
) -> None:
    folder = tmp_path_factory.mktemp("run")
    wanted = fill(folder, 2 * FORM_FILES)
    gateway = SeriesGateway(then_fine(troubles))

    codes = [run(gateway, folder).exit_code]
    while codes[-1] and len(codes) <= len(troubles):
        codes.append(run(gateway, folder).exit_code)
    gateway.troubles = repeat("fine")
    last = json.loads(run(gateway, "--json", folder).stdout)

    assert codes[-1] == 0
    assert set(codes) <= {0, 3, 5, 6}
    assert names(gateway) == wanted
    assert (last["already_there"], last["classified"]) == (len(wanted), 0)


def test_folder_that_changed_between_the_runs_stores_the_new_files_alone(tmp_path: Path) -> None:
    fill(tmp_path, 2 * FORM_FILES)
    gateway = SeriesGateway(then_fine(["fine", "key over"]))
    assert run(gateway, tmp_path).exit_code == 3

    (tmp_path / "0000 new.png").write_text("idc")
    (tmp_path / "0001.png").rename(tmp_path / "moved")
    (tmp_path / "moved").rename(tmp_path / "twins" / "0001.png")
    assert run(gateway, tmp_path).exit_code == 0

    assert names(gateway) == sorted(path.name for path in tmp_path.rglob("*.png"))


@pytest.mark.parametrize("trouble", ["inference away", "half"])
def test_files_without_a_result_are_sent_again_three_times(tmp_path: Path, trouble: Trouble) -> None:
    wanted = fill(tmp_path, 8)
    gateway, waits_s = SeriesGateway(then_fine([trouble] * (TRIES - 1))), list[float]()

    done = run(gateway, tmp_path, waits_s=waits_s)

    assert done.exit_code == 0, done.output
    assert names(gateway) == wanted
    assert len(waits_s) == TRIES - 1
    assert waits_s[0] < waits_s[-1]


@pytest.mark.parametrize(("trouble", "code"), [("busy", 5), ("inference away", 5), ("lost after", 6)])
def test_lasting_trouble_ends_the_run_with_its_code_and_the_counts(tmp_path: Path, trouble: Trouble, code: int) -> None:
    fill(tmp_path, 8 * FORM_FILES)
    requests: list[Trouble] = []

    def endless() -> Iterator[Trouble]:
        for each in repeat(trouble):
            requests.append(each)
            yield each

    done = run(SeriesGateway(endless()), tmp_path)

    assert done.exit_code == code
    assert len(requests) <= 2 * TRIES, "no form after the one that failed"
    assert "run the same command again" in done.stderr
    assert "not sent" in done.stderr


def test_only_what_failed_is_sent_again(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"{number}.png").write_text("idc")
    gateway = SeriesGateway(then_fine(["half"]))

    document = json.loads(run(gateway, "--json", tmp_path).stdout)

    assert (document["classified"], document["already_there"]) == (10, 0)


def test_again_classifies_anew_and_can_be_finished(tmp_path: Path) -> None:
    wanted = fill(tmp_path, 8)
    gateway = SeriesGateway()
    run(gateway, tmp_path)

    gateway.troubles = then_fine(["lost after"] * TRIES)
    broken = run(gateway, "--again", tmp_path)
    name = broken.stderr.split("--run ")[-1].split()[0]
    finished = run(gateway, "--run", name, tmp_path)

    assert (broken.exit_code, finished.exit_code) == (6, 0)
    assert names(gateway) == sorted(wanted * 2)


def test_form_that_a_proxy_finds_too_large_is_sent_in_halves(tmp_path: Path) -> None:
    wanted = fill(tmp_path, 20)
    gateway = SeriesGateway(most_images=3)

    assert run(gateway, tmp_path).exit_code == 0
    assert names(gateway) == wanted


def test_single_file_that_is_too_large_for_a_proxy_is_refused_alone(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("idc")

    done = run(SeriesGateway(most_images=0), tmp_path)

    assert (done.exit_code, "1 of 1 files were rejected" in done.stderr) == (4, True)


def test_matrix_names_its_missing_files(tmp_path: Path) -> None:
    for name, content in {"a_class1.png": "idc", "b_class1.png": "bad", "c_class0.png": "bad"}.items():
        (tmp_path / name).write_text(content)

    told = run(SeriesGateway(), tmp_path).stdout
    document = json.loads(run(SeriesGateway(), "--json", tmp_path).stdout)

    assert "no result    2 patches (1 idc, 1 no_idc by name): not in the metrics" in told
    assert document["without_result"] == {"idc": 1, "no_idc": 1}


def test_results_of_an_earlier_model_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_text("idc")
    (tmp_path / "b.png").write_text("idc")
    gateway = SeriesGateway()
    whole = gateway._item

    def item(index: int, image: tuple[str, str, bytes], *, is_missed: bool) -> dict[str, object]:
        made = whole(index, image, is_missed=is_missed)
        made["classification"]["model"]["version"] = str(index + 1)
        return made

    monkeypatch.setattr(gateway, "_item", item)

    assert "idc 1: 1, idc 2: 1" in run(gateway, tmp_path).stderr


def test_key_that_ends_within_a_form_ends_the_run_and_keeps_what_was_stored(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.png").write_text("idc")

    def answer(request: httpx.Request) -> httpx.Response:
        (first, *_) = decides(request).json()["items"]
        return httpx.Response(401, json={"detail": "this key was revoked", "items": [first]})

    done = run_idc(ScriptedGateway([answer]), "classify", tmp_path)

    assert done.exit_code == 3
    assert "this key was revoked" in done.stderr
    assert "1 classified, 2 not sent, of 3 files" in done.stderr
