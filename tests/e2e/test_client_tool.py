"""The installed tool against a real gateway, inference service, broker and alarm."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.alarm_process import AlarmProcess
from support.demo_patches import solid_png
from support.eventually import eventually
from support.gateway_process import gateway_process
from support.inference_process import inference_process
from support.mosquitto import MosquittoBroker

pytestmark = pytest.mark.e2e

RED, DARK = solid_png((250, 20, 20)), solid_png((10, 20, 20))


class Tool:
    """Runs `idc` as a user does, with the key in a file."""

    def __init__(self, url: str, key_file: Path) -> None:
        self.environment = os.environ | {"IDC_URL": url, "IDC_API_KEY_FILE": str(key_file), "NO_COLOR": "1"}

    def __call__(self, *arguments: str, code: int = 0, **environment: str) -> str:
        """Run it, check its exit code, and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "idc_client", *arguments],
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def site_tool(
    shared_broker: MosquittoBroker, tiny_models_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tool]:
    """The tool in front of a whole site."""
    folder, site = tmp_path_factory.mktemp("client"), "client-tool"
    alarm = AlarmProcess(folder, shared_broker.settings("alarm"), site=site)
    alarm.start()
    with (
        inference_process(tiny_models_dir) as inference,
        gateway_process(folder, shared_broker, inference, GATEWAY_SITE=site) as gateway,
    ):
        try:
            yield Tool(gateway, shared_broker.api_key_file)
        finally:
            alarm.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(150):
        is_idc = number % 3 == 0
        name = f"77_idx5_x{number}_y1_class{int(is_idc)}.png"
        (tmp_path / name).write_bytes(RED if is_idc else DARK)
    return tmp_path


def test_folder_is_classified_reviewed_exported_and_audited(site_tool: Tool, folder: Path) -> None:
    document = json.loads(site_tool("classify", "--json", str(folder)))
    assert (document["accepted"], document["confusion"]["sensitivity"]) == (150, 1.0)

    first = document["items"][0]["classification"]
    assert (first["patient"], first["slide"]) == ("77", "77_idx5")
    assert "idc" in site_tool("review", first["id"], "idc", "--comment", "agreed")
    assert len(site_tool("export", "csv", "--patient", "77").splitlines()) == 151
    told = site_tool("export", "geojson", "--slide", "77_idx5", "--out", str(folder / "slide.geojson"))
    assert "150 tiles; left out: 0 results without a position" in told
    assert len(json.loads((folder / "slide.geojson").read_text())["features"]) == 150
    assert site_tool("audit", "verify").startswith("intact: ")
    assert "review" in site_tool("audit", "list", "--limit", "200")
    assert "0 classified, 150 already there, of 150 files" in site_tool("classify", str(folder))
    assert "no result of slide" in site_tool("export", "geojson", "--slide", "77", code=4)


def test_finding_is_acknowledged_and_status_is_fine(site_tool: Tool, folder: Path) -> None:
    site_tool("classify", "--again", str(folder / "77_idx5_x0_y1_class1.png"))

    assert "alarm" in site_tool("alarm", "list")
    asyncio.run(eventually(lambda: "sent to" in site_tool("alarm", "ack", "--note", "seen"), timeout_s=60))
    assert "connected" in site_tool("status")


def test_key_is_made_used_and_revoked(site_tool: Tool) -> None:
    key = site_tool("keys", "create", "ward-3", "--role", "viewer", "--expires-in-days", "1").splitlines()[0]
    assert "ward-3" in site_tool("keys", "list")

    as_ward = {"IDC_API_KEY": key, "IDC_API_KEY_FILE": ""}
    assert "scope" in site_tool("keys", "list", code=3, **as_ward)
    site_tool("keys", "revoke", "ward-3")

    assert "IDC_API_KEY" in site_tool("status", code=3, **as_ward)


def test_watch_shows_results_as_they_come(site_tool: Tool, folder: Path) -> None:
    watching = subprocess.Popen(
        [sys.executable, "-m", "idc_client", "watch", "--json", "--count", "1"],
        env=site_tool.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        while watching.poll() is None:  # whenever it is connected, the next result is its first
            site_tool("classify", "--again", str(folder / "77_idx5_x1_y1_class0.png"))
        shown = json.loads(watching.communicate(timeout=60)[0])
    finally:
        watching.kill()

    assert shown["decision"] == "no_idc"


def test_wrong_address_and_wrong_file_are_reported_in_one_line(site_tool: Tool, folder: Path) -> None:
    (folder / "broken.png").write_bytes(b"no image")

    assert "cannot reach" in site_tool("--url", "http://127.0.0.1:1", "status", code=5)
    assert "1 of 1 files were rejected" in site_tool("classify", str(folder / "broken.png"), code=4)
