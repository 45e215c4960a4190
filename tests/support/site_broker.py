"""A site's broker, and the bridge of an edge broker to it, made from the project's example."""

import subprocess
from pathlib import Path
from typing import Final

from idc_servicekit.mqtt import MqttSettings
from support.mosquitto import REPOSITORY, MosquittoBroker

EDGE_ACCOUNT: Final = "edge-lab"
_PASSWORD: Final = "a password of the tests"


class SiteBroker(MosquittoBroker):
    """A broker with one more account, which may write what happens at the site `lab` as docs/how-to/mqtt.md says."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        passwords = folder / "secrets/broker/passwords"
        passwords.chmod(0o600)
        subprocess.run(["mosquitto_passwd", "-b", passwords, EDGE_ACCOUNT, _PASSWORD], check=True, capture_output=True)
        access = folder / "acl.conf"
        shipped = REPOSITORY / "broker/acl.conf"
        access.write_text(f"{shipped.read_text()}\nuser {EDGE_ACCOUNT}\ntopic write idc/v1/lab/#\n")
        configuration = folder / "mosquitto.conf"
        configuration.write_text(configuration.read_text().replace(str(shipped), str(access)))

    def edge_settings(self) -> MqttSettings:
        """How the edge's account reaches this broker without a bridge."""
        (self.folder / "edge-password").write_text(_PASSWORD)
        update = {"username": EDGE_ACCOUNT, "password_file": self.folder / "edge-password"}
        return self.settings("operator").model_copy(update=update)


def write_bridge(path: Path, site: SiteBroker, port: int, *, keepalive_s: int = 5) -> None:
    """Fill in broker/bridge.example.conf as a person would; its `keepalive_s` of a minute would make a test long."""
    text = (REPOSITORY / "broker/bridge.example.conf").read_text()
    for there, here in {
        "SITE-BROKER.EXAMPLE:8883": f"localhost:{port}",
        "EDGE-ACCOUNT": EDGE_ACCOUNT,
        "SITE-BROKER": "site",
        "/etc/mosquitto/bridges/SITE-CA.crt": str(site.ca_file),
        "idc-edge-SITE": "idc-edge-lab",
        "keepalive_interval 60": f"keepalive_interval {keepalive_s}",
        "restart_timeout 5 60": "restart_timeout 1 2",
    }.items():
        if there not in text:
            raise ValueError(f"broker/bridge.example.conf no longer has {there!r}")
        text = text.replace(there, here)
    path.write_text(f"{text}remote_password {_PASSWORD}\n")
