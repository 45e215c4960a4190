"""Every `idc` command of docs/reference/command-line.md runs as it stands there."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import calls
from support.demo_patches import solid_png
from support.documents import REPOSITORY, commands
from support.gateway_fakes import MemoryBus
from support.live_gateway import KEY, gateway_settings, live_gateway
from support.slides_fake import FakeSlides, serving

pytestmark = pytest.mark.e2e

RED = solid_png((250, 20, 20))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files that the page speaks of."""
    made = tmp_path / "work"
    for name in (
        "patch.png",
        "slides/8975/8975_idx5_x801_y1001_class1.png",
        "slides/8975/8975_idx5_x851_y1001_class1.png",
        "tiles/CMU-1 [d=16,x=4096,y=8192,w=800,h=800].png",
        "tiles/a.png",
        "17a.svs",
        "17b.svs",
        "watched/today/18a.svs",
    ):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_bytes(RED)
    return made


def boxes(path: Path) -> list[list[float]]:
    """First and third corner of each tile."""
    features = json.loads(path.read_text())["features"]
    rings = [tile["geometry"]["coordinates"][0] for tile in features]
    return sorted([*ring[0], *ring[2]] for ring in rings)


def test_every_command_of_the_clients_page_works(tmp_path: Path, folder: Path) -> None:
    with (
        serving(FakeSlides()) as slides_url,
        live_gateway(gateway_settings(tmp_path, slides_url=slides_url), bus=MemoryBus()) as url,
    ):
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = os.environ | {"IDC_URL": url, "IDC_API_KEY": KEY, "PATH": path}
        place = {"slide": "17a", "x": 4096, "y": 8192}
        send = {"content": RED, "headers": {"Authorization": f"Bearer {KEY}"}}
        calls.post(f"{url}/api/v1/classifications", params=place, **send).raise_for_status()  # type: ignore[arg-type]
        for command in ["idc classify tiles", *commands(REPOSITORY / "docs/reference/command-line.md")]:
            if command.startswith("idc "):
                runs = command if shutil.which("jq") else command.partition(" | jq")[0]
                done = subprocess.run(
                    runs,
                    shell=True,
                    cwd=folder,
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=120,
                    check=False,
                )
                assert done.returncode == 0, f"{command}: {done.stderr}"

    assert boxes(folder / "CMU-1.geojson") == [[4096, 8192, 4896, 8992]]
    assert boxes(folder / "17a.geojson") == [[4096, 8192, 4896, 8992]]
    assert boxes(folder / "8975.geojson") == [[12816, 16016, 13616, 16816], [13616, 16016, 14416, 16816]]
