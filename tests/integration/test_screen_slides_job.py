"""The program of the Job that has many slides screened: shards, a second run, and slides that cannot be screened."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.kustomized import K8S, build, containers, template
from support.pod_programs import load_program, serving_json

program = load_program(K8S / "components/slides/screen_slides.py")
SLIDES = [f"slide-{number}.svs" for number in range(7)]


@dataclass
class SlidesOfGateway:
    """Answers as the gateway's `/api/v1/slides`: a known slide is not queued again."""

    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    queued: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)
    busy: int = 0

    def answer(self, method: str, path: str, sent: dict[str, Any] | None, key: str) -> tuple[int, dict[str, Any]]:
        if key != "Bearer idc_key":
            return 401, {"detail": "no such key"}
        if self.busy:
            self.busy -= 1
            return 503, {}
        if method == "POST":
            assert path == "/api/v1/slides"
            assert sent is not None
            place = sent.get("path") or sent["url"]
            if place.endswith(".missing"):
                return 404, {"detail": f"there is no file {place}"}
            self.asked.append(place)
            if place not in self.known:
                self.queued.append(place)
                self.known[place] = {"id": f"id-{len(self.known)}", "state": "queued", "place": place}
            return 201, self.known[place]
        record = next(item for item in self.known.values() if item["id"] == path.rsplit("/", 1)[1])
        # each question finds it further on
        record["state"] = {"queued": "running"}.get(record["state"], "done")
        if record["place"] in self.unreadable:
            record |= {"state": "failed", "failure": {"code": "unreadable-slide", "detail": "its tiles are damaged"}}
        return 200, record


@pytest.fixture
def gateway() -> SlidesOfGateway:
    return SlidesOfGateway()


@pytest.fixture
def url(gateway: SlidesOfGateway) -> Iterator[str]:
    with serving_json(gateway.answer) as address:
        yield address


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "slides/case").mkdir(parents=True)
    for name in SLIDES:
        (tmp_path / "slides" / name).touch()
    (tmp_path / "slides/case/inner.ndpi").touch()
    (tmp_path / "slides/notes.txt").touch()
    (tmp_path / "key").write_text("idc_key\n")
    monkeypatch.setenv("POLL_S", "0")
    return tmp_path


def run(
    url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, shard: int, shards: int, source: str = "slides"
) -> int:
    monkeypatch.setenv("SHARD", str(shard))
    monkeypatch.setenv("SHARDS", str(shards))
    code: int = program.main([url, str(folder / "key"), str(folder / source)])
    return code


def test_shards_screen_every_slide_of_the_folder_once(
    gateway: SlidesOfGateway, url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [run(url, folder, monkeypatch, shard, 3) for shard in range(3)] == [0, 0, 0]

    assert sorted(gateway.asked) == sorted([*SLIDES, "case/inner.ndpi"])
    assert {item["state"] for item in gateway.known.values()} == {"done"}


def test_shard_that_starts_again_screens_nothing_twice(
    gateway: SlidesOfGateway, url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(url, folder, monkeypatch, 0, 2)
    first = list(gateway.queued)

    assert run(url, folder, monkeypatch, 0, 2) == 0
    assert gateway.queued == first


def test_slide_that_cannot_be_screened_is_named_and_the_others_go_on(
    gateway: SlidesOfGateway,
    url: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    gateway.unreadable = {"slide-3.svs"}
    (folder / "list").write_text("# a list\nslide-3.svs\ns3://bucket/a.svs\ngone.missing\n\n")

    assert run(url, folder, monkeypatch, 0, 1, "list") == 65

    said = capsys.readouterr()
    assert "slide-3.svs: failed: its tiles are damaged" in said.err
    assert "gone.missing: there is no file gone.missing" in said.err
    assert "s3://bucket/a.svs: done" in said.out


def test_gateway_that_is_busy_is_asked_again(
    gateway: SlidesOfGateway, url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.busy = 1
    monkeypatch.setattr(program.time, "sleep", lambda _: None)

    assert run(url, folder, monkeypatch, 0, 1) == 0


def test_refused_key_ends_the_run_at_once(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "key").write_text("another")

    assert run(url, folder, monkeypatch, 0, 1) == 69


@pytest.mark.parametrize("name", ["screen-slides", "features"])
def test_each_index_of_the_job_is_a_shard_of_its_own(name: str) -> None:
    (job,) = build(f"jobs/{name}.yaml")
    (box,) = containers(template(job)["spec"])
    variables = {variable["name"]: variable for variable in box["env"]}

    assert job["spec"]["completionMode"] == "Indexed"
    assert variables["SHARDS"]["value"] == str(job["spec"]["completions"])
    path = variables["SHARD"]["valueFrom"]["fieldRef"]["fieldPath"]
    assert path == "metadata.annotations['batch.kubernetes.io/job-completion-index']"


def test_every_job_is_a_new_run_that_may_work_for_a_week_and_then_ends() -> None:
    for path in (K8S / "jobs").glob("*.yaml"):
        (document,) = build(f"jobs/{path.name}")
        if document["kind"] == "Job":
            assert document["metadata"].keys() & {"name", "generateName"} == {"generateName"}
            assert document["spec"]["activeDeadlineSeconds"] == 7 * 86_400
