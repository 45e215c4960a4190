"""The alarm as a process of its own, as on a Raspberry Pi, but with mock pins."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from idc_alarm.journal.record import AlarmRecord
from idc_servicekit.mqtt import MqttSettings
from support.eventually import wait_until


class AlarmProcess:
    """Starts, stops and kills one alarm; its folder outlives it."""

    def __init__(self, folder: Path, mqtt: MqttSettings, *, site: str, **environment: str) -> None:
        """`folder` holds the state, the heartbeat files and the log; `environment` are more settings."""
        self._folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self.options: tuple[str, ...] = ("-X", "dev", "-W", "error")
        self.alive, self.ready = folder / "alive", folder / "ready"
        self.log = folder / "alarm.log"
        self.environment = {
            "PATH": os.environ["PATH"],
            "ALARM_SITE": site,
            "ALARM_PIN_FACTORY": "mock",
            "ALARM_STATE_DIR": str(folder / "state"),
            "ALARM_ALIVE_FILE": str(self.alive),
            "ALARM_READY_FILE": str(self.ready),
            "ALARM_RULES__TEST_AT_START": "false",
            "ALARM_MQTT__HOST": mqtt.host,
            "ALARM_MQTT__PORT": str(mqtt.port),
            "ALARM_MQTT__USERNAME": mqtt.username,
            "ALARM_MQTT__PASSWORD_FILE": str(mqtt.password_file),
            "ALARM_MQTT__CA_FILE": str(mqtt.ca_file),
            "ALARM_MQTT__KEEPALIVE_S": str(mqtt.keepalive_s),
            **environment,
        }

    def start(self, *, wait: bool = True) -> None:
        """Start, and wait until the alarm says that it is ready."""
        self.ready.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            command = [sys.executable, *self.options, "-m", "idc_alarm"]
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        if wait:
            self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until the alarm is connected and subscribed."""
        wait_until(self.ready.exists, f"the alarm is ready: {self.log.read_text()[-2000:]}")

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self._end(signal.SIGKILL)

    def record(self) -> AlarmRecord:
        return AlarmRecord.model_validate_json((self._folder / "state" / "alarm.json").read_bytes())

    def _end(self, number: signal.Signals) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(number)
        code = self.process.wait(timeout=20)
        self.process = None
        return code
