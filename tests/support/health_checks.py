"""The health checks that the images bring, run on this machine."""

import os
import subprocess
from pathlib import Path
from typing import Final

HEALTH: Final = Path(__file__).parents[2] / "health"


def check(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run one of the checks to its end."""
    command = [HEALTH / script, *map(str, arguments)]
    environment = os.environ | {"LC_ALL": "C"}  # the shell says in the user's language why it cannot connect
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
