"""The tool is killed in the middle of a folder, and run again."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from support import calls
from support.demo_patches import solid_png
from support.gateway_fakes import MemoryBus
from support.live_gateway import KEY, gateway_settings, live_gateway

pytestmark = pytest.mark.e2e

COUNT = 400


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "patches"
    made.mkdir()
    for number in range(COUNT):
        (made / f"{number}.png").write_bytes(solid_png((number % 256, 0, 0)))
    return made


def test_files_of_a_killed_run_are_stored_once(tmp_path: Path, folder: Path) -> None:
    with live_gateway(gateway_settings(tmp_path), bus=MemoryBus()) as url:
        command = [sys.executable, "-m", "idc_client", "classify", str(folder)]
        environment = os.environ | {"IDC_URL": url, "IDC_API_KEY": KEY}

        killed = subprocess.Popen([*command, "--csv"], env=environment, stdout=subprocess.PIPE, text=True)
        assert killed.stdout is not None
        killed.stdout.readline()  # the headings
        killed.stdout.readline()  # the first result: the other forms are on their way
        killed.kill()
        killed.communicate(timeout=60)
        again = subprocess.run([*command, "--json"], env=environment, capture_output=True, timeout=120, check=True)
        stored = calls.get(
            f"{url}/api/v1/classifications/export", headers={"Authorization": f"Bearer {KEY}"}, timeout=60
        ).text

    document = json.loads(again.stdout)
    assert document["already_there"] > 0
    assert document["accepted"] == COUNT
    assert Counter(line.split(",")[2] for line in stored.splitlines()[1:]) == {f"{n}.png": 1 for n in range(COUNT)}
