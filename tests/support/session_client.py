"""A client with a session that outlives its connection: what an alarm is to the broker."""

import contextlib
import time

import paho.mqtt.client as mqtt

from idc_servicekit.mqtt import MqttSettings
from support.mqtt_peer import MqttPeer, new_client


class SessionClient(MqttPeer):
    """A peer whose session lasts a day at the broker, under the name `client_id`."""

    def __init__(self, settings: MqttSettings, client_id: str, *topic_filters: str) -> None:
        super().__init__(settings, *topic_filters, client_id=client_id)

    def leave(self) -> None:
        """Disconnect; the session stays at the broker."""
        self.close()


def is_let_in(settings: MqttSettings, timeout_s: float = 60.0) -> bool:
    """Whether the broker accepts one connection with these settings."""
    answers: list[bool] = []
    client = new_client(settings)
    client.on_connect = lambda _client, _data, _flags, reason, _properties: answers.append(not reason.is_failure)
    code = mqtt.MQTT_ERR_CONN_LOST
    with contextlib.suppress(OSError):
        code = client.connect(settings.host, settings.port)
    deadline = time.monotonic() + timeout_s
    while code == mqtt.MQTT_ERR_SUCCESS and not answers and time.monotonic() < deadline:
        code = client.loop(0.1)
    client.disconnect()
    return answers == [True]
