"""Runs k8s/smoke.sh with `kubectl` played by fake_kubectl.py."""

import os
import subprocess
import sys
from pathlib import Path

from support.kustomized import K8S, REPOSITORY


class FakeCluster:
    """What the script sees of a cluster: a folder with names, answers and commands."""

    def __init__(self, folder: Path, pods: list[str]) -> None:
        """Make a cluster whose pods belong to a broker, a gateway and an alarm."""
        self.folder = folder
        kubectl = folder / "kubectl"
        kubectl.write_text(f'#!/bin/sh\nexec {sys.executable} {REPOSITORY}/tests/support/fake_kubectl.py "$@"\n')
        kubectl.chmod(0o755)
        (folder / "workloads").write_text("statefulset.apps/broker\nstatefulset.apps/gateway\ndaemonset.apps/alarm\n")
        (folder / "pods").write_text("\n".join(pods) + "\n")
        self.on_delete("true")
        self.on_job("true")
        self.on_forward("true")

    def open_gateway(self, address: str, key: str) -> None:
        """Have `port-forward` lead to `address`, whose API key is `key`."""
        self.address = address
        (self.folder / "address").write_text(address)
        (self.folder / "key").write_text(key)

    def add_pod(self, pod: str, workload: str) -> None:
        for file, name in (("pods", pod), ("workloads", workload)):
            with (self.folder / file).open("a") as names:
                names.write(name + "\n")

    def on_delete(self, command: str) -> None:
        """Have the shell run this when a pod is deleted, with its name in POD."""
        (self.folder / "on-delete").write_text(command)

    def on_job(self, command: str) -> None:
        """Have the shell run this when a Job is made."""
        (self.folder / "on-job").write_text(command)

    def on_forward(self, command: str) -> None:
        """Have the shell run this, in the cluster's folder, before a port is forwarded; if it fails, none is."""
        (self.folder / "on-forward").write_text(command)

    def kubectl(self, *arguments: str) -> str:
        """What the player of `kubectl` prints."""
        command = [self.folder / "kubectl", "--namespace", "idc-sentinel", *arguments]
        environment = os.environ | {"FAKE_CLUSTER": str(self.folder)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    def smoke(self, *arguments: str, timeout_s: int = 60) -> subprocess.CompletedProcess[str]:
        """Run the script; no wait of it lasts longer than `timeout_s`."""
        environment = {
            **os.environ,
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "FAKE_CLUSTER": str(self.folder),
            "TIMEOUT_S": str(timeout_s),
            "IDC_POLL_S": "0",
        }
        command = [K8S / "smoke.sh", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=1200)

    def killed(self) -> list[str]:
        """The pods that were deleted, in order."""
        file = self.folder / "killed"
        return file.read_text().split() if file.exists() else []
