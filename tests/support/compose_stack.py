"""Drives one `docker compose` stack of the project: start, break, look inside, remove."""

import contextlib
import json
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import uuid4

import httpx

from idc_contracts import ALARM_ACKNOWLEDGEMENTS, ALARM_STATE, AcknowledgeAlarm, AlarmState
from idc_servicekit.mqtt import MqttSettings
from support.eventually import wait_until
from support.free_port import free_port
from support.mqtt_peer import MqttPeer

IMAGE_TAG: Final = os.environ.get("IDC_TAG", "0.1.0")
RECOVERY_S: Final = 90.0
"""How long a service may need until it is healthy again after a fault."""
SERVICES: Final = ("broker", "inference", "slides", "gateway", "alarm")


class ComposeStack:
    """A stack under a project name of its own, beside any that a developer runs."""

    def __init__(
        self,
        repository: Path,
        models: Path,
        *,
        overrides: tuple[Path, ...] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Choose names and ports; start nothing. `overrides` are compose files that are laid over the project's."""
        self.project: Final = f"idc-e2e-{uuid4().hex[:8]}"
        self.http_port: Final = free_port()
        self.mqtt_port: Final = free_port()
        self._files = [f"--file={path}" for path in (repository / "docker-compose.yml", *overrides)]
        self._repository = repository
        self._environment = os.environ | {
            "IDC_TAG": IMAGE_TAG,
            "IDC_HTTP_BIND": "127.0.0.1",
            "IDC_HTTP_PORT": str(self.http_port),
            "IDC_MQTT_PORT": str(self.mqtt_port),
            "IDC_MODELS": str(models),
            "IDC_PROMETHEUS_PORT": str(free_port()),
            "IDC_SITE": "site",
            **(environment or {}),
        }
        self._api_key: str | None = None
        self._secrets: Final = TemporaryDirectory(prefix=self.project)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def api_key(self) -> str:
        """The first API key, read as the README says."""
        if self._api_key is None:
            self._api_key = self.exec("gateway", "cat", "/run/secrets/idc/api-key").strip()
        return self._api_key

    def client(self, **options: Any) -> httpx.Client:
        """An HTTP client that signs in with the first API key."""
        return httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self.api_key}"}, timeout=30, **options
        )

    def command(self) -> str:
        """`docker compose` for this stack, as a shell takes it, with its settings before it."""
        own = [f"{name}={value}" for name, value in self._environment.items() if name.startswith("IDC_")]
        files = [f"--file={self._repository / file.removeprefix('--file=')}" for file in self._files]
        command = ["env", *own, "docker", "compose", "--project-directory", str(self._repository), *files]
        return shlex.join([*command, "--project-name", self.project])

    def compose(self, *arguments: str, timeout_s: float = 300, check: bool = True) -> str:
        done = subprocess.run(
            ["docker", "compose", *self._files, "--project-name", self.project, *arguments],
            cwd=self._repository,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(f"docker compose {' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-4000:]}")
        return done.stdout

    def start(self, *, build: bool = True) -> None:
        """Start what does not run and wait until all is healthy."""
        mode = "--build" if build else "--no-recreate"
        up_until_healthy(lambda: self.compose("up", "--detach", "--wait", mode, timeout_s=1800))

    def remove(self) -> None:
        self.compose("--profile", "*", "down", "--volumes", "--timeout", "5")
        self._secrets.cleanup()

    def kill(self, service: str) -> None:
        """End a service at once, as a power cut would; nothing starts it again but `restart`."""
        self.compose("kill", "--signal", "KILL", service)

    def restart(self, service: str) -> None:
        """Start a killed service again, as the engine does: alone, without waiting for its health."""
        subprocess.run(["docker", "start", self.container(service)], check=True, capture_output=True, timeout=60)

    def exec(self, service: str, *command: str) -> str:
        return self.compose("exec", "-T", service, *command)

    def logs(self, service: str) -> str:
        """All that a service has logged, across its restarts."""
        return self.compose("logs", "--no-log-prefix", "--no-color", service)

    def container(self, service: str) -> str:
        return self.compose("ps", "--all", "--quiet", service).strip()

    def cut_network(self, service: str, network: str) -> None:
        """Take a service's container off a network of the stack."""
        self._network("disconnect", network, self.container(service))

    def mend_network(self, service: str, network: str) -> None:
        """Put it back, under the name by which the others know it."""
        self._network("connect", "--alias", service, network, self.container(service))

    def _network(self, verb: str, *arguments: str) -> None:
        *options, network, container = arguments
        command = ["docker", "network", verb, *options, f"{self.project}_{network}", container]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    def secret(self, folder: str, name: str) -> str:
        """One file of the bootstrap's, read in a container of its own: `operator`, `mqtt-password`."""
        return self.compose("run", "--rm", "--no-deps", "-T", "bootstrap", "cat", f"/secrets/{folder}/{name}")

    def container_logs(self, name: str) -> str:
        """What a container that is no service of the stack has logged."""
        done = subprocess.run(["docker", "logs", name], check=True, capture_output=True, text=True, timeout=60)
        return done.stdout

    def remove_container(self, name: str) -> None:
        """End and delete a container that is no service of the stack."""
        subprocess.run(["docker", "rm", "--force", "--volumes", name], check=True, capture_output=True, timeout=60)

    def inspect(self, service: str) -> dict[str, Any]:
        command = ["docker", "inspect", self.container(service)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        description: dict[str, Any] = json.loads(done.stdout)[0]
        return description

    def mqtt_settings(self, account: str) -> MqttSettings:
        """How a program on this machine connects to the stack's broker with one of its accounts."""
        folder = Path(self._secrets.name) / account
        if not folder.exists():
            folder.mkdir()
            for name in ("ca.crt", "mqtt-password"):
                (folder / name).write_text(self.secret(account, name))
        return MqttSettings(
            host="localhost",
            port=self.mqtt_port,
            username=account,
            password_file=folder / "mqtt-password",
            ca_file=folder / "ca.crt",
            keepalive_s=10,
        )

    def alarm_state(self) -> AlarmState:
        """The alarm's state that the broker retains now."""
        operator = MqttPeer(self.mqtt_settings("operator"), ALARM_STATE.at(site="site", device="alarm"))
        try:
            wait_until(lambda: bool(operator.received), "the alarm has reported its state")
            return AlarmState.from_payload(operator.payloads[0])
        finally:
            operator.close()

    def acknowledge(self) -> None:
        """Acknowledge the alarm by an MQTT command and wait until its red lamp is dark."""
        operator = MqttPeer(self.mqtt_settings("operator"), ALARM_STATE.at(site="site", device="alarm"))
        try:
            message = AcknowledgeAlarm(source="operator", by="end-to-end test")
            operator.deliver(ALARM_ACKNOWLEDGEMENTS.at(site="site", device="alarm"), message.to_payload())
            operator.wait_for(lambda state: not AlarmState.from_payload(state).lamps.red, "the alarm is acknowledged")
        finally:
            operator.close()

    def settle(self) -> None:
        """Start what is not healthy, let the alarm catch up with the newest result, and acknowledge its findings."""
        if not self._is_healthy():
            self.start(build=False)
        with self.client() as client:
            newest = client.get("/api/v1/classifications", params={"limit": 1}).raise_for_status().json()["items"]
        # A result that was deleted, or that came before the alarm's memory was lost, is never reported.
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: self._has_acted_on(newest), "the alarm has acted on the newest result", 10)
        if self.alarm_state().lamps.red:
            self.acknowledge()

    def _has_acted_on(self, results: list[dict[str, Any]]) -> bool:
        return not results or str(self.alarm_state().last_classification) == results[0]["id"]

    def _is_healthy(self) -> bool:
        filters = [f"--filter=label=com.docker.compose.project={self.project}", "--filter=health=healthy"]
        command = ["docker", "ps", *filters, '--format={{.Label "com.docker.compose.service"}}']
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
        return set(SERVICES) <= set(done.stdout.split())


def up_until_healthy(up: Callable[[], object]) -> None:
    """Repeat `docker compose up --wait`: it gives up at the first unhealthy container, which may be recovering."""
    deadline = time.monotonic() + RECOVERY_S
    while True:
        try:
            up()
        except RuntimeError as exc:
            if "is unhealthy" not in str(exc) or time.monotonic() > deadline:
                raise
            time.sleep(2)
        else:
            return


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False
