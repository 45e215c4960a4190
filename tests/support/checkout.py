"""A clone of the project in a folder of its own, used as its documents say: with `.env` and plain `docker compose`."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from support.compose_stack import IMAGE_TAG, up_until_healthy
from support.free_port import free_port

REPOSITORY: Final = Path(__file__).parents[2]
NOT_TRACKED: Final = shutil.ignore_patterns(
    *(".git", ".venv", ".tools", ".env", "__pycache__", ".*_cache", ".hypothesis", ".schemathesis", "tests"),
    *("data", "alarm-secrets", "inference-secrets", "*.env"),
)


class Checkout:
    """One clone, its settings and the project that `docker compose` makes of it."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        """Copy the project into a new folder, whose name is the compose project's; `settings` are lines of `.env`."""
        shutil.copytree(REPOSITORY, folder, ignore=NOT_TRACKED, symlinks=True)
        folder.chmod(0o755)
        self.folder: Final = folder
        self.settings: Final[dict[str, str]] = {
            "IDC_TAG": IMAGE_TAG,
            "IDC_HTTP_PORT": str(free_port()),
            "IDC_MQTT_PORT": str(free_port()),
            **(settings or {}),
        }
        self.configure()

    @property
    def project(self) -> str:
        return self.settings.get("COMPOSE_PROJECT_NAME", self.folder.name)

    @property
    def url(self) -> str:
        """The gateway's address, without HTTPS."""
        return f"http://127.0.0.1:{self.settings['IDC_HTTP_PORT']}"

    def configure(self, **changes: str) -> None:
        """Write `.env` with these settings changed; an empty one is left out."""
        self.settings.update(changes)
        lines = [f"{name}={value}\n" for name, value in self.settings.items() if value]
        (self.folder / ".env").write_text("".join(lines))

    def run(self, *command: str, timeout_s: float = 600, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the clone, with nothing of this run's own settings in its environment."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("IDC_", "COMPOSE_"))}
        return subprocess.run(
            command,
            cwd=self.folder,
            env=own | variables,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def compose(self, *arguments: str, timeout_s: float = 600) -> str:
        done = self.run("docker", "compose", *arguments, timeout_s=timeout_s)
        if done.returncode:
            raise RuntimeError(f"docker compose {' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-4000:]}")
        return done.stdout

    def up(self, *arguments: str) -> None:
        """`docker compose up --detach --wait`."""
        up_until_healthy(lambda: self.compose("up", "--detach", "--wait", *arguments, timeout_s=1800))

    def rendered(self) -> dict[str, Any]:
        configuration: dict[str, Any] = json.loads(self.compose("config", "--format", "json"))
        return configuration

    def running(self) -> set[str]:
        return set(self.compose("ps", "--services", "--status", "running").split())

    def exec(self, service: str, *command: str) -> str:
        return self.compose("exec", "-T", service, *command)

    def api_key(self) -> str:
        """The first API key, read as the README says."""
        return self.exec("gateway", "cat", "/run/secrets/idc/api-key").strip()

    def remove(self) -> None:
        """Stop and delete everything, volumes too."""
        self.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "3")
