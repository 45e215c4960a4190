#!/usr/bin/env python3
"""Plays `kubectl` for k8s/smoke.sh, with a gateway on this machine behind `port-forward`.

The folder in FAKE_CLUSTER holds `address` and `key` of the gateway; `killed` gets a line for each pod that is deleted,
and `on-delete` is a command that runs then.
"""

import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path

WORKLOADS = ("statefulset.apps/broker", "statefulset.apps/gateway", "daemonset.apps/alarm")
PODS = ("pod/broker-0", "pod/gateway-0", "pod/alarm-x1")


def answer(asked: str, folder: Path) -> str | None:
    """What `kubectl` would print; None for what does not exist."""
    key = (folder / "key").read_text()
    known = {
        "get statefulset,deployment,daemonset": "\n".join(WORKLOADS),
        "get daemonset alarm": "1",
        "get pods": "\n".join(PODS),
        "get pod/": "",
        "get secret idc-gateway --output go-template": key,
        "get secret": json.dumps({"data": {"ca.crt": base64.b64encode(key.encode()).decode(), "server.crt": "x"}}),
        "get job": "Complete ",
        "rollout status": "",
        "delete job": "",
        "create job": "",
    }
    return next((said for start, said in known.items() if asked.startswith(start)), None)


def main() -> int:
    folder = Path(os.environ["FAKE_CLUSTER"])
    asked = " ".join(sys.argv[3:])  # after `--namespace idc-sentinel`
    if asked.startswith("port-forward"):
        port = (folder / "address").read_text().rsplit(":", 1)[1]
        print(f"Forwarding from 127.0.0.1:{port} -> 8080", flush=True)
        time.sleep(600)
    if asked.startswith("delete pod"):
        with (folder / "killed").open("a") as killed:
            killed.write(sys.argv[5] + "\n")
        subprocess.run((folder / "on-delete").read_text(), shell=True, check=True, stdout=subprocess.DEVNULL)
        return 0
    said = answer(asked, folder)
    if said is None:
        print(f"fake kubectl: {asked}", file=sys.stderr)
        return 1
    print(said)
    return 0


if __name__ == "__main__":
    sys.exit(main())
