"""A real Mosquitto on this machine, with the project's own configuration, accounts, access rules and certificates."""

import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from idc_servicekit.mqtt import MqttSettings
from support.free_port import free_port

REPOSITORY: Final = Path(__file__).parents[2]


class MosquittoBroker:
    """Starts and stops one broker; its persistence outlives a restart."""

    host: Final = "localhost"

    def __init__(self, folder: Path, *, extra_configurations: tuple[Path, ...] = ()) -> None:
        """Make secrets by the project's bootstrap, and its configuration with what `start.sh` would add."""
        self.port = free_port()
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._bootstrap()
        (folder / "data").mkdir()
        sources = (REPOSITORY / "broker/mosquitto.conf", *extra_configurations)
        text = "".join(source.read_text() for source in sources)
        for there, here in {
            "listener 8883": f"listener {self.port} 127.0.0.1",
            "/run/secrets/idc/": f"{folder}/secrets/broker/",
            "/etc/mosquitto/acl.conf": str(REPOSITORY / "broker/acl.conf"),
            "/var/lib/mosquitto/": f"{folder}/data/",
        }.items():
            if there not in text:
                raise ValueError(f"broker/mosquitto.conf no longer has {there!r}")
            text = text.replace(there, here)
        # Started by root, Mosquitto would change to an account that cannot read this folder.
        (folder / "mosquitto.conf").write_text("user root\n" + text)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def database(self) -> Path:
        """What it has written down."""
        return self.data / "mosquitto.db"

    @property
    def copy(self) -> Path:
        """The last good copy that broker/database.sh kept."""
        return self.data / "mosquitto.db.good"

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("the broker does not run")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def ca_file(self) -> Path:
        """The certificate of the authority that signed the broker's."""
        return self.folder / "secrets/ca/ca.crt"

    @property
    def api_key_file(self) -> Path:
        """The first API key that the bootstrap made."""
        return self.folder / "secrets/gateway/api-key"

    def settings(self, account: str) -> MqttSettings:
        """How a client with one of the accounts `gateway`, `alarm`, `operator`, `monitor` reaches this broker."""
        home = self.folder / "secrets" / ("broker" if account == "monitor" else account)
        return MqttSettings(
            host=self.host,
            port=self.port,
            username=account,
            password_file=home / "mqtt-password",
            ca_file=self.ca_file,
            certificate_file=home / "client.crt",
            key_file=home / "client.key",
            keepalive_s=5,
        )

    @contextmanager
    def secured(self) -> Iterator[ssl.SSLSocket]:
        """A new connection after its TLS handshake."""
        context = self.settings("operator").tls_context()
        with (
            socket.create_connection((self.host, self.port), timeout=60) as plain,
            context.wrap_socket(plain, server_hostname=self.host) as secured,
        ):
            yield secured

    def start(self, timeout_s: float = 60.0) -> None:
        """Start and wait until the port answers."""
        executable = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
        if executable is None:
            raise RuntimeError("mosquitto is not installed: run `make tools`")
        log = (self.folder / "mosquitto.log").open("ab")
        self._process = subprocess.Popen([executable, "-c", self.folder / "mosquitto.conf"], stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        self.kill()
        raise RuntimeError(f"mosquitto did not start: {(self.folder / 'mosquitto.log').read_text()[-2000:]}")

    def stop(self) -> None:
        """End the broker in order: it writes its database."""
        self._end(kill=False)

    def kill(self) -> None:
        """End the broker at once, as a power cut would."""
        self._end(kill=True)

    def pause(self) -> None:
        """Stop the process without ending it, as a stalled disk would."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let a paused process go on."""
        self._signal(signal.SIGCONT)

    def rotate_certificates(self) -> None:
        """Make every certificate again and have the broker read its own, as `make rotate-certificates` does."""
        self._bootstrap("rotate")
        self._signal(signal.SIGHUP)

    def log(self) -> str:
        return (self.folder / "mosquitto.log").read_text()

    def _bootstrap(self, *command: str) -> None:
        script = REPOSITORY / "broker/bootstrap.sh"
        subprocess.run([script, self.folder / "secrets", *command], check=True, capture_output=True)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            raise RuntimeError("the broker does not run")
        self._process.send_signal(number)

    def _end(self, *, kill: bool) -> None:
        if self._process is None:
            return
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        self._process.wait(timeout=60)
        self._process = None
