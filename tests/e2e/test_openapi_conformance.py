"""The running gateway does what its description says, and refuses what the description refuses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.gateway_fakes import MemoryBus
from support.live_gateway import KEY, gateway_settings, live_gateway

pytestmark = pytest.mark.e2e

HERE = Path(__file__).parent
# Their answers never end, which is their purpose: tests/unit/gateway/web/test_status_routes.py and live/ read them.
ENDLESS = ("/api/v1/events", "/api/v1/live")


def test_schemathesis_finds_nothing_with_every_check_on(tmp_path: Path) -> None:
    with live_gateway(gateway_settings(tmp_path), bus=MemoryBus()) as address:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"), "run"),
                f"{address}/openapi.json",
                *("--header", f"Authorization: Bearer {KEY}"),
                *(option for path in ENDLESS for option in ("--exclude-path", path)),
                *("--checks", "all", "--max-examples", "10", "--no-color", "--warnings", "off", "--seed", "1"),
                *("--continue-on-failure", "--request-timeout", "20"),
            ],
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "SCHEMATHESIS_HOOKS": "support.schemathesis_hooks", "PYTHONPATH": str(HERE.parent)},
        )

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert "No issues found" in done.stdout
