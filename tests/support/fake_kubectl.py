#!/usr/bin/env python3
"""Plays `kubectl` for k8s/smoke.sh, with a gateway on this machine behind `port-forward`.

The folder in FAKE_CLUSTER holds `address` and `key` of the gateway, and `workloads` and `pods`, a name in each line.
`killed` gets a line for each pod that is deleted. Three commands are run by the shell: `on-delete` when a pod is
deleted, with its name in POD, `on-job` when a Job is made, and `on-forward` before a port is forwarded. `secrets`, if
it is there, is a fourth, whose output is a Secret's data as JSON, with its name in SECRET.
"""

import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path


def run(folder: Path, command: str, **variables: str) -> str:
    done = subprocess.run(
        (folder / command).read_text(),
        shell=True,
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | variables,
    )
    return done.stdout


def pods(folder: Path) -> str:
    owned = [("StatefulSet", name) for name in (folder / "pods").read_text().split()]
    # a person's, and a Job's: they are to be left alone
    owned += [("", "load-data"), ("Job", "train-x1")]
    items = [
        {"metadata": {"name": name} | ({"ownerReferences": [{"kind": kind}]} if kind else {})} for kind, name in owned
    ]
    return json.dumps({"items": items})


def secret(folder: Path, name: str) -> str:
    if (folder / "secrets").exists():
        return json.dumps({"data": json.loads(run(folder, "secrets", SECRET=name))})
    return json.dumps({"data": {"ca.crt": base64.b64encode(b"ca").decode(), "server.crt": "x"}})


def answer(asked: str, folder: Path) -> str | None:
    """What `kubectl` would print; None for what does not exist."""
    workloads = (folder / "workloads").read_text()
    said: str | None = None
    match asked.split():
        case ["get", "statefulset,deployment,daemonset", *_]:
            said = workloads
        case ["get", "statefulset", name]:
            said = "" if f"statefulset.apps/{name}" in workloads.split() else None
        case ["get", "daemonset", "alarm", *_]:
            said = "1"
        case ["get", "pods", *_]:
            said = pods(folder)
        case ["get", "secret", "idc-gateway", "--output", template, *_] if template.startswith("go-template"):
            said = (folder / "key").read_text()
        case ["get", "secret", name, *_]:
            said = secret(folder, name)
        case ["get", "job", *_]:
            said = "Complete "
        case ["create", "job", *_]:
            said = run(folder, "on-job")
        case ["get", "pod", _] | [("rollout" | "delete"), *_]:
            said = ""
    return said


def main() -> int:
    folder = Path(os.environ["FAKE_CLUSTER"])
    asked = " ".join(sys.argv[3:])  # after `--namespace idc-sentinel`
    if asked.startswith("port-forward"):
        if code := subprocess.run((folder / "on-forward").read_text(), shell=True, check=False, cwd=folder).returncode:
            return code
        port = (folder / "address").read_text().rsplit(":", 1)[1]
        print(f"Forwarding from 127.0.0.1:{port} -> 8080", flush=True)
        time.sleep(600)
    if asked.startswith("delete pod"):
        with (folder / "killed").open("a") as killed:
            killed.write(sys.argv[5] + "\n")
        run(folder, "on-delete", POD=sys.argv[5])
        return 0
    said = answer(asked, folder)
    if said is None:
        print(f"fake kubectl: {asked}", file=sys.stderr)
        return 1
    print(said)
    return 0


if __name__ == "__main__":
    sys.exit(main())
