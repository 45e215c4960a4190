"""Models are exchanged under a running service, and nobody's request is lost."""

import asyncio
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import tritonclient.http as triton

from support.demo_patches import solid_png
from support.eventually import wait_until
from support.infer_requests import body_of
from support.inference_process import inference_process
from support.tiny_bundle import write_tiny_bundle

pytestmark = pytest.mark.e2e

REQUESTS = 1000
RELOADS = 5
DAMAGED = 4
"""The version that arrives damaged."""


def put(models: Path, staging: Path, version: str, *, damaged: bool = False) -> None:
    """Move a version into its place at once, as the trainer does."""
    bundle = write_tiny_bundle(staging, version=version)
    if damaged:
        with (bundle / "model.bin").open("r+b") as file:
            file.truncate(1)
    bundle.rename(models / "idc" / version)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    write_tiny_bundle(tmp_path / "models")
    return tmp_path / "models"


@pytest.fixture
def address(models: Path) -> Iterator[str]:
    with inference_process(models, INFERENCE_POLL_INTERVAL_S="0.1", INFERENCE_MAX_VERSIONS="2") as address:
        yield address


def metadata(address: str) -> dict[str, object]:
    answer: dict[str, object] = httpx.get(f"{address}/v2/models/idc", timeout=60).json()
    return answer


async def test_no_request_is_lost_across_reloads(address: str, models: Path, tmp_path: Path) -> None:
    content, headers = body_of([solid_png((250, 0, 0))])
    answers: list[httpx.Response] = []
    reloads_are_over = asyncio.Event()

    async def ask(client: httpx.AsyncClient) -> None:
        while len(answers) < REQUESTS or not reloads_are_over.is_set():
            answers.append(await client.post(f"{address}/v2/models/idc/infer", content=content, headers=headers))

    def reload_again_and_again() -> None:
        for reload in range(RELOADS):
            wait_until(lambda at=reload * REQUESTS // RELOADS: len(answers) >= at, "a part of the requests is answered")  # type: ignore[misc]
            version = str(reload + 2)
            put(models, tmp_path / "staging", version, damaged=int(version) == DAMAGED)
            marker = f"refused_version_{version}" if int(version) == DAMAGED else f'"{version}"'
            wait_until(lambda marker=marker: marker in json.dumps(metadata(address)), marker)  # type: ignore[misc]

    async with httpx.AsyncClient(timeout=30) as client:
        askers = [asyncio.create_task(ask(client)) for _ in range(8)]
        await asyncio.to_thread(reload_again_and_again)
        reloads_are_over.set()
        await asyncio.gather(*askers)

    assert Counter(answer.status_code for answer in answers) == {200: len(answers)}
    assert len(answers) >= REQUESTS
    assert {answer.json()["outputs"][1]["data"][0] for answer in answers} == {"idc"}
    by_version = Counter(answer.json()["model_version"] for answer in answers)
    assert set(by_version) == {"1", "2", "3", "5", "6"}


def test_refused_version_is_logged_counted_and_shown(address: str, models: Path, tmp_path: Path) -> None:
    put(models, tmp_path / "staging", "2", damaged=True)
    wait_until(lambda: "refused_version_2" in json.dumps(metadata(address)), "version 2 is refused")

    with triton.InferenceServerClient(address.removeprefix("http://")) as client:
        index = client.get_model_repository_index()
    metrics = httpx.get(f"{address}/metrics", timeout=60).text

    assert [(entry["version"], entry["state"]) for entry in index] == [("1", "READY"), ("2", "UNAVAILABLE")]
    assert "model.bin is not the file that the manifest lists" in index[1]["reason"]
    assert 'idc_inference_model_changes_total{outcome="refused"} 1.0' in metrics
    assert "idc_inference_refused_versions 1.0" in metrics


def test_removing_the_newest_version_rolls_back_and_explicit_versions_follow(
    address: str, models: Path, tmp_path: Path
) -> None:
    put(models, tmp_path / "staging", "2")
    wait_until(lambda: metadata(address)["versions"] == ["1", "2"], "both are served")
    content, headers = body_of([solid_png((250, 0, 0))])

    def ask(path: str) -> httpx.Response:
        return httpx.post(f"{address}/v2/models/idc{path}/infer", content=content, headers=headers, timeout=60)

    explicit, newest = ask("/versions/1"), ask("")
    shutil.rmtree(models / "idc" / "2")
    wait_until(lambda: metadata(address)["versions"] == ["1"], "version 1 is served")

    assert (explicit.json()["model_version"], newest.json()["model_version"]) == ("1", "2")
    assert ask("").json()["model_version"] == "1"
    assert ask("/versions/2").status_code == 404


def test_graph_that_is_overwritten_in_place_does_not_end_the_service(address: str, models: Path) -> None:
    """A mapped file that becomes shorter would end the process with SIGBUS."""
    os.truncate(models / "idc" / "1" / "model.bin", 0)
    wait_until(lambda: "refused_version_1" in json.dumps(metadata(address)), "version 1 is refused")
    content, headers = body_of([solid_png((250, 0, 0))])

    answer = httpx.post(f"{address}/v2/models/idc/infer", content=content, headers=headers, timeout=60)

    assert answer.json()["outputs"][1]["data"] == ["idc"]


def test_pinned_version_is_served(models: Path, tmp_path: Path) -> None:
    put(models, tmp_path / "staging", "2")

    with inference_process(models, INFERENCE_MODEL_VERSION="1") as address:
        assert metadata(address)["versions"] == ["1"]
