"""MLServer, from PyPI and with a small runtime, in the place of the project's own inference service."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from idc_gateway.inference.oip_inference import OipInference
from support.compose_stack import answers
from support.demo_patches import real_patches, solid_png
from support.eventually import wait_until
from support.free_port import free_port
from support.inference_process import inference_process
from support.live_gateway import gateway_settings, live_client
from support.process_tree import process_tree
from support.shipped_model import SHIPPED_BUNDLE

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
PATCHES = [solid_png((190, 120, 170)), solid_png((235, 225, 232)), solid_png((90, 40, 110))]


@contextmanager
def mlserver(folder: Path, bundle: Path) -> Iterator[str]:
    """Serve a bundle while the block runs; gives the address."""
    ports = {name: free_port() for name in ("http_port", "grpc_port", "metrics_port")}
    (folder / "settings.json").write_text(json.dumps({**ports, "host": "127.0.0.1", "parallel_workers": 0}))
    runtime = {"name": "idc", "implementation": "bundle_runtime.BundleRuntime"}
    (folder / "model-settings.json").write_text(json.dumps(runtime))
    environment = os.environ | {"BUNDLE": str(bundle), "PYTHONPATH": str(ROOT / "tests" / "support" / "other_server")}
    program = ROOT / ".tools" / "peers" / "mlserver" / "bin" / "mlserver"
    with (
        (folder / "mlserver.log").open("wb") as log,
        process_tree([program, "start", str(folder)], environment=environment, log=log),
    ):
        address = f"http://127.0.0.1:{ports['http_port']}"
        wait_until(lambda: answers(f"{address}/v2/models/idc/ready"), "MLServer is ready", 180)
        yield address


def classified(folder: Path, server_url: str, patches: list[bytes]) -> tuple[list[dict[str, Any]], list[Any]]:
    """What a gateway in front of that server says of the patches and of the model."""
    folder.mkdir()
    server = OipInference(server_url, "idc")
    with live_client(gateway_settings(folder), inference=server) as client:
        files = [("images", (f"{number}.png", patch, "image/png")) for number, patch in enumerate(patches)]
        answer = client.post("/api/v1/classifications", files=files).raise_for_status().json()
        return [item["classification"] for item in answer["items"]], client.get("/api/v1/models").json()["items"]


def test_gateway_works_unchanged_with_another_server_of_the_protocol(tmp_path: Path) -> None:
    data = os.environ.get("IDC_DATA")
    patches = PATCHES + ([real_patches(Path(data)).positive, real_patches(Path(data)).negative] if data else [])
    (tmp_path / "mlserver").mkdir()
    with mlserver(tmp_path / "mlserver", SHIPPED_BUNDLE) as other, inference_process(ROOT / "models") as own:
        from_other, other_models = classified(tmp_path / "with-other", other, patches)
        from_own, own_models = classified(tmp_path / "with-own", own, patches)

    for theirs, ours in zip(from_other, from_own, strict=True):
        assert theirs["probability"] == pytest.approx(ours["probability"], abs=1e-3)
        assert (theirs["decision"], theirs["model"]) == (ours["decision"], ours["model"])
        assert theirs["reasons"] == ours["reasons"]
        assert theirs["thresholds"] == ours["thresholds"]
    assert [model["thresholds"] for model in other_models] == [model["thresholds"] for model in own_models]
    assert [model["checks"] for model in other_models] == [model["checks"] for model in own_models]
    assert own_models[0]["card"].startswith("#")
    assert own_models[0]["figures"]["operating_point"]["target_sensitivity"] > 0
