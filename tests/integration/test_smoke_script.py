"""k8s/smoke.sh against a real gateway, broker and alarm on this machine; `kubectl` is played by a script."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.alarm_process import AlarmProcess
from support.kustomized import K8S, REPOSITORY
from support.live_gateway import KEY, gateway_settings, live_gateway
from support.mosquitto import MosquittoBroker

pytestmark = pytest.mark.integration


@dataclass
class Installation:
    """What the script sees of a cluster."""

    folder: Path
    alarm: AlarmProcess

    def smoke(self, *arguments: str, timeout_s: int = 60) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "FAKE_CLUSTER": str(self.folder),
            "TIMEOUT_S": str(timeout_s),
            "IDC_POLL_S": "0",
        }
        return subprocess.run(
            [K8S / "smoke.sh", *arguments], env=environment, capture_output=True, text=True, check=False, timeout=110
        )

    def killed(self) -> list[str]:
        file = self.folder / "killed"
        return file.read_text().split() if file.exists() else []


@pytest.fixture
def installation(tmp_path: Path, broker: MosquittoBroker) -> Iterator[Installation]:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f'#!/bin/sh\nexec {sys.executable} {REPOSITORY}/tests/support/fake_kubectl.py "$@"\n')
    kubectl.chmod(0o755)
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "on-delete").write_text("true")
    (tmp_path / "gateway").mkdir()
    alarm = AlarmProcess(tmp_path / "gateway", broker.settings("alarm"), site="site")
    with live_gateway(gateway_settings(tmp_path / "gateway", broker.settings("gateway"))) as address:
        (tmp_path / "address").write_text(address)
        alarm.start()
        yield Installation(tmp_path, alarm)
        alarm.stop()


def test_installation_that_keeps_everything_passes(installation: Installation) -> None:
    done = installation.smoke("--ring")

    assert done.returncode == 0, done.stdout + done.stderr
    assert installation.killed() == ["broker-0", "gateway-0", "alarm-x1"]
    assert "nothing was lost: 4 results" in done.stdout


def test_result_that_is_lost_with_a_pod_is_found(installation: Installation) -> None:
    address = (installation.folder / "address").read_text()
    authority = f"Authorization: Bearer {KEY}"
    results = f"curl -s -H '{authority}' '{address}/api/v1/classifications?limit=1' | jq -r '.items[0].id'"
    (installation.folder / "on-delete").write_text(
        f"curl -sf -X DELETE -H '{authority}' {address}/api/v1/classifications/$({results})"
    )

    done = installation.smoke()

    assert done.returncode == 1
    assert "is lost" in done.stderr


def test_alarm_that_does_not_come_back_is_found(installation: Installation) -> None:
    assert installation.alarm.process is not None
    (installation.folder / "on-delete").write_text(f"kill {installation.alarm.process.pid} || true")

    done = installation.smoke(timeout_s=5)

    assert done.returncode == 1
    assert "1 alarms are online" in done.stderr


def test_nothing_is_killed_where_that_is_not_wanted(installation: Installation) -> None:
    done = installation.smoke("--keep-pods")

    assert done.returncode == 0, done.stdout + done.stderr
    assert installation.killed() == []


def test_unknown_option_prints_how_it_is_used() -> None:
    done = subprocess.run([K8S / "smoke.sh", "--fast"], capture_output=True, text=True, check=False)

    assert done.returncode == 64
    assert "--keep-pods" in done.stderr
