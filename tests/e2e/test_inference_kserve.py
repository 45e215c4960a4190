"""KServe's own client, which is not ours, understands the service."""

import json
import subprocess
from pathlib import Path

import httpx
import numpy as np
import pytest

from support.inference_process import inference_process

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]


def test_kserve_reads_readiness_and_both_forms_of_tensors(tiny_models_dir: Path) -> None:
    python = ROOT / ".tools" / "peers" / "kserve" / "bin" / "python"
    script = ROOT / "tests" / "support" / "other_client" / "kserve_client.py"
    with inference_process(tiny_models_dir) as address:
        done = subprocess.run([python, script, address, "idc"], capture_output=True, text=True, timeout=60, check=False)
        patches = np.random.default_rng(1).integers(0, 256, (3, 50, 50, 3), dtype=np.uint8)
        tensor = {"name": "patch", "shape": [3, 50, 50, 3], "datatype": "UINT8", "data": patches.ravel().tolist()}
        own = httpx.post(f"{address}/v2/models/idc/infer", json={"inputs": [tensor]}, timeout=60).json()["outputs"]

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["live"], found["ready"], found["model_ready"]) == (True, True, True)
    expected = {output["name"]: output["data"] for output in own}
    for kind in ("binary", "json"):
        assert found[kind]["probability"] == pytest.approx(expected["probability"], abs=1e-6)
        assert found[kind]["decision"] == expected["decision"]
