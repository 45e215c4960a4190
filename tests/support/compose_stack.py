"""Drives one `docker compose` stack of the project: start, break, look inside, remove."""

import json
import os
import ssl
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx

from idc_contracts import ALARM_ACKNOWLEDGEMENTS, ALARM_STATE, AcknowledgeAlarm, AlarmState
from support.mosquitto import free_port

IMAGE_TAG: Final = os.environ.get("IDC_TAG", "0.1.0")
RECOVERY_S: Final = 90.0
"""How long a service may need until it is healthy again after a fault."""
SERVICES: Final = ("broker", "inference", "gateway", "alarm")


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
        """Choose names and ports; start nothing.

        Args:
            repository: The folder of docker-compose.yml.
            models: The folder of model bundles that inference serves.
            overrides: More compose files, laid over the project's.
            environment: More settings of the compose files.
        """
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

    @property
    def url(self) -> str:
        """The gateway's address."""
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

    def compose(self, *arguments: str, timeout_s: float = 300, check: bool = True) -> str:
        """Run `docker compose` on this stack and return its standard output.

        Raises:
            RuntimeError: It failed; the message ends with what it said.
        """
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
        deadline = time.monotonic() + RECOVERY_S
        while True:
            try:
                self.compose("up", "--detach", "--wait", *(["--build"] if build else []), timeout_s=1800)
            except RuntimeError as exc:
                # Compose gives up at the first unhealthy container; what was just broken may still be recovering.
                if "is unhealthy" not in str(exc) or time.monotonic() > deadline:
                    raise
                time.sleep(2)
            else:
                return

    def remove(self) -> None:
        """Stop and delete everything, volumes too."""
        self.compose("--profile", "*", "down", "--volumes", "--timeout", "5")

    def kill(self, service: str) -> None:
        """End a service at once, as a power cut would; nothing starts it again but `restart`."""
        self.compose("kill", "--signal", "KILL", service)

    def restart(self, service: str) -> None:
        """Start a killed service again, as the engine does: alone, without waiting for its health."""
        subprocess.run(["docker", "start", self.container(service)], check=True, capture_output=True, timeout=60)

    def exec(self, service: str, *command: str) -> str:
        """Run a command in a running container."""
        return self.compose("exec", "-T", service, *command)

    def logs(self, service: str) -> str:
        """All that a service has logged, across its restarts."""
        return self.compose("logs", "--no-log-prefix", "--no-color", service)

    def container(self, service: str) -> str:
        """The id of a service's container, running or not."""
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
        """What the engine knows of a service's container."""
        command = ["docker", "inspect", self.container(service)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        description: dict[str, Any] = json.loads(done.stdout)[0]
        return description

    def operator_password(self) -> str:
        """The password of the broker's account `operator`."""
        return self._run_beside_broker("cat", "/secrets/operator/mqtt-password").strip()

    def broker_tls(self) -> ssl.SSLContext:
        """What trusts this stack's broker; its certificate does not name this machine's loopback address."""
        authority = self._run_beside_broker("cat", "/secrets/operator/ca.crt")
        context = ssl.create_default_context(cadata=authority)
        context.check_hostname = False
        return context

    def _mosquitto(self, program: str, *arguments: str) -> str:
        # The operator's credentials stay in their volume: the bootstrap's container has both it and the MQTT client.
        script = (
            "mkdir -p /tmp/c && XDG_CONFIG_HOME=/tmp/c && export XDG_CONFIG_HOME && "
            'printf -- "-u operator\\n-P %s\\n" "$(cat /secrets/operator/mqtt-password)" > "/tmp/c/$0" && '
            'exec "$0" -h broker -p 8883 --cafile /secrets/operator/ca.crt "$@"'
        )
        return self._run_beside_broker("sh", "-c", script, program, *arguments)

    def _run_beside_broker(self, *command: str) -> str:
        volumes = [f"--volume={self.project}_operator-secrets:/secrets/operator:ro"]
        done = subprocess.run(
            [
                "docker",
                "run",
                "--rm",
                "--network",
                f"{self.project}_bus",
                *volumes,
                f"idc-sentinel/broker:{IMAGE_TAG}",
                *command,
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command[3:])}: {done.stderr}")
        return done.stdout

    def alarm_state(self) -> AlarmState:
        """The alarm's retained state, read as the account `operator`."""
        topic = ALARM_STATE.at(site="site", device="alarm")
        return AlarmState.from_payload(self._mosquitto("mosquitto_sub", "-t", topic, "-C", "1", "-W", "10"))

    def acknowledge(self) -> None:
        """Acknowledge the alarm by an MQTT command and wait until it is dark."""
        message = AcknowledgeAlarm(source="operator", by="end-to-end test")
        topic = ALARM_ACKNOWLEDGEMENTS.at(site="site", device="alarm")
        self._mosquitto("mosquitto_pub", "-q", "1", "-t", topic, "-m", message.to_payload().decode())
        wait_until(lambda: not self.alarm_state().lamps.red, "the alarm is acknowledged")


def wait_until(condition: Callable[[], bool], fact: str, timeout_s: float = 60.0) -> None:
    """Poll until a fact is true.

    Raises:
        TimeoutError: It did not become true in time.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {timeout_s} s it is still not so that {fact}")
        time.sleep(0.2)


def answers(url: str) -> bool:
    """Whether a URL answers with success now."""
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False
