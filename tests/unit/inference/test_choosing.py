"""An administrator chooses, through the gateway, which version serves."""

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from idc_contracts.promotion import Verdict
from idc_inference.app import create_app, open_repository
from idc_inference.metrics import Metrics
from idc_inference.models.choices import Choices
from idc_inference.settings import InferenceSettings
from idc_modelio.serving import candidates, comparison_path, promotion_path, withdrawal_path
from support.infer_requests import asked
from support.inference_fakes import RednessEngine, serve_fake
from support.made_comparison import made_comparison, made_promotion
from support.tiny_bundle import write_tiny_bundle

BASE = "/v2/repository/models/idc"


def _record(path: Path, text: str = "{}", at_s: float | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if at_s is not None:
        os.utime(path, (at_s, at_s))


@pytest.fixture
def settings(tmp_path: Path) -> InferenceSettings:
    """Version 2 serves, 1000 is held, 1001 is a candidate that was compared."""
    models = tmp_path / "models"
    for version in ("2", "1000"):
        write_tiny_bundle(models, version=version)
    write_tiny_bundle(candidates(models), version="1001")
    _record(promotion_path(models, "idc", "1000"), made_promotion("1000").model_dump_json())
    _record(withdrawal_path(models, "idc", "1000"))
    _record(comparison_path(models, "idc", "1001"), made_comparison("1001", Verdict.WORSE).model_dump_json())
    return InferenceSettings(models_dir=models, state_dir=tmp_path / "state")


def _client(settings: InferenceSettings) -> httpx.AsyncClient:
    metrics = Metrics()
    repository = open_repository(settings, metrics, serve_fake(RednessEngine()))
    return asked(create_app(settings, repository, metrics))


@pytest.fixture
async def client(settings: InferenceSettings) -> AsyncIterator[httpx.AsyncClient]:
    async with _client(settings) as client:
        yield client


async def _choose(client: httpx.AsyncClient, what: str, version: object) -> httpx.Response:
    return await client.post(f"{BASE}/{what}", json={"parameters": {"version": version, "by": "Ada"}})


async def _states(client: httpx.AsyncClient) -> dict[str, str]:
    return {item["version"]: item["state"] for item in (await client.get(f"{BASE}/versions")).json()}


async def test_versions_and_candidates_are_listed_with_their_comparisons(client: httpx.AsyncClient) -> None:
    listed = (await client.get(f"{BASE}/versions")).json()

    assert [(item["version"], item["state"]) for item in listed] == [
        ("1001", "candidate"),
        ("1000", "withdrawn"),
        ("2", "serving"),
    ]
    assert [item["comparison"] and item["comparison"]["verdict"] for item in listed] == ["worse", "no_worse", None]


async def test_a_record_that_cannot_be_read_leaves_its_version_without_figures(
    client: httpx.AsyncClient, settings: InferenceSettings
) -> None:
    _record(comparison_path(settings.models_dir, "idc", "1001"), '{"verdict": ')

    listed = (await client.get(f"{BASE}/versions")).json()

    assert (listed[0]["version"], listed[0]["comparison"]) == ("1001", None)


async def test_a_held_version_serves_when_it_is_chosen_and_the_one_before_when_it_is_withdrawn(
    client: httpx.AsyncClient,
) -> None:
    assert (await _choose(client, "load", "1000")).status_code == 200
    assert await _states(client) == {"1001": "candidate", "1000": "serving", "2": "earlier"}
    assert (await client.get("/v2/models/idc")).json()["versions"] == ["1000"]

    assert (await _choose(client, "unload", "1000")).status_code == 200
    assert await _states(client) == {"1001": "candidate", "1000": "withdrawn", "2": "serving"}


async def test_an_earlier_version_serves_when_it_is_chosen_and_the_newer_ones_are_withdrawn(
    client: httpx.AsyncClient,
) -> None:
    await _choose(client, "load", "1000")

    assert (await _choose(client, "load", "2")).status_code == 200
    assert await _states(client) == {"1001": "candidate", "1000": "withdrawn", "2": "serving"}


async def test_a_choice_survives_a_restart(client: httpx.AsyncClient, settings: InferenceSettings) -> None:
    await _choose(client, "load", "1000")

    async with _client(settings) as again:
        assert (await _states(again))["1000"] == "serving"


@pytest.mark.parametrize(
    ("what", "version", "status", "text"),
    [
        ("load", "1001", 404, "not in its place"),
        ("load", "7", 404, "not in its place"),
        ("load", "../idc", 400, "name the version"),
        ("load", "9" * 30, 400, "name the version"),
        ("load", None, 400, "name the version"),
        ("unload", "1000", 400, "version 1000 does not serve: version 2 does"),
        ("unload", "2", 400, "no version before 2"),
    ],
)
async def test_what_cannot_be_chosen_is_told_and_changes_nothing(
    client: httpx.AsyncClient, what: str, version: object, status: int, text: str
) -> None:
    answer = await _choose(client, what, version)

    assert (answer.status_code, text in answer.json()["error"]) == (status, True), answer.text
    assert (await _states(client))["2"] == "serving"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"parameters": 1}'])
async def test_a_body_without_a_version_is_told(client: httpx.AsyncClient, body: bytes) -> None:
    assert (await client.post(f"{BASE}/load", content=body)).status_code == 400


async def test_a_long_body_and_another_model_are_refused(client: httpx.AsyncClient) -> None:
    assert (await client.post(f"{BASE}/load", content=b" " * 5000)).status_code == 413
    assert (await client.get("/v2/repository/models/other/versions")).status_code == 404


async def test_a_version_that_does_not_load_changes_nothing(
    client: httpx.AsyncClient, settings: InferenceSettings
) -> None:
    (settings.models_dir / "idc" / "1000" / "model.bin").write_bytes(b"damaged")

    answer = await _choose(client, "load", "1000")

    assert answer.status_code == 400
    assert "nothing was changed" in answer.json()["error"]
    assert "model.bin" in answer.json()["error"]
    assert await _states(client) == {"1001": "candidate", "1000": "withdrawn", "2": "serving"}


async def test_without_a_folder_for_choices_none_is_made(settings: InferenceSettings) -> None:
    async with _client(settings.model_copy(update={"state_dir": None})) as client:
        answer = await _choose(client, "load", "1000")

        assert (answer.status_code, answer.json()["error"]) == (
            400,
            "versions cannot be chosen here: set INFERENCE_STATE_DIR",
        )


async def test_a_pinned_version_is_not_chosen_away(settings: InferenceSettings) -> None:
    async with _client(settings.model_copy(update={"model_version": 2})) as client:
        answer = await _choose(client, "load", "1000")

        assert (answer.status_code, "INFERENCE_MODEL_VERSION" in answer.text) == (400, True)


async def test_a_choice_that_cannot_be_kept_is_not_made(settings: InferenceSettings, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file, so that not even root can write below it")

    async with _client(settings) as client:
        answer = await _choose(client, "load", "1000")

        assert (answer.status_code, "cannot be kept" in answer.text) == (500, True)
        assert (await _states(client))["2"] == "serving"


def test_the_latest_decision_counts_whoever_made_it(settings: InferenceSettings, tmp_path: Path) -> None:
    now_s = time.time()
    choices = Choices(settings.models_dir, "idc", tmp_path / "state")
    assert choices.servable() == [2]

    choices.choose({1000: True}, "Ada")
    assert choices.servable() == [1000, 2]

    _record(withdrawal_path(settings.models_dir, "idc", "1000"), at_s=now_s + 100)  # rolled back by the trainer
    assert choices.servable() == [2]

    choices = Choices(settings.models_dir, "idc", tmp_path / "state", clock=lambda: now_s + 200)
    choices.choose({1000: True}, "Ada")
    choices.choose({1000: False}, "Ada")
    assert choices.servable() == [2]

    withdrawal_path(settings.models_dir, "idc", "1000").unlink()
    _record(promotion_path(settings.models_dir, "idc", "1000"), at_s=now_s + 300)  # promoted again by the trainer
    assert choices.servable() == [1000, 2]


def test_damaged_choices_are_logged_and_the_trainers_records_count(
    settings: InferenceSettings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _record(tmp_path / "state" / "idc.choices.json", "{damaged")

    assert Choices(settings.models_dir, "idc", tmp_path / "state").servable() == [2]
    assert "are lost" in caplog.text
