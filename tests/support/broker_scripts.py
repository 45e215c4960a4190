"""Runs the scripts of `broker/` as the bootstrap service does."""

import os
import subprocess

from support.mosquitto import REPOSITORY


def run(script: str, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run one of the broker's scripts with nothing in its environment but these variables."""
    command = [REPOSITORY / "broker" / script, *map(str, arguments)]
    environment = {"PATH": os.environ["PATH"] + ":/usr/sbin", **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
