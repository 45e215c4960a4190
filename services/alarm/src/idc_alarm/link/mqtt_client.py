"""A paho client of the alarm's persistent MQTT 5 session (decision 0040 has the reasons)."""

import logging
import socket
from collections.abc import Callable
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from idc_servicekit.mqtt import MqttSettings

logger = logging.getLogger(__name__)

SESSION_EXPIRY_S: Final = 30 * 24 * 3600
"""How long the broker keeps messages for an absent alarm; the broker's own configuration has the same limit."""
MAX_UNACKNOWLEDGED: Final = 64
"""Messages that the broker sends before it waits for an acknowledgement."""
MAX_PACKET_BYTES: Final = 65536
CONNECT_TIMEOUT_S: Final = 5.0
"""For TCP and for the TLS handshake, each."""

EVENT_OPTIONS: Final = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
"""Events are not retained; one retained by mistake would ring again with each connection."""
STATE_OPTIONS: Final = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE)
"""Retained states are sent with each connection: a gateway may have come or gone since."""

WITH_WILL: Final = ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message")


class SupervisedClient(mqtt.Client):
    """Leaves the broker, in paho's own thread, when the controller hangs: the broker then reports `offline`."""

    is_controller_hung: Callable[[], bool] = staticmethod(lambda: False)

    def loop_misc(self) -> MQTTErrorCode:
        """Paho's housekeeping, once a second at least."""
        if self.is_controller_hung():
            logger.error("the controller hangs: leaving the broker")
            self.disconnect(WITH_WILL)
        return super().loop_misc()


def new_client(settings: MqttSettings, *, client_id: str, will: tuple[str, bytes]) -> SupervisedClient:
    """A client for one connection with manual acknowledgement; `loop_start` connects it.

    Raises:
        OSError: The password or the certificate cannot be read.
    """
    client = SupervisedClient(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=mqtt.MQTTv5,
        manual_ack=True,
        reconnect_on_failure=False,
    )
    client.connect_timeout = CONNECT_TIMEOUT_S
    client.username_pw_set(settings.username, settings.password())
    client.tls_set_context(settings.tls_context())
    client.will_set(*will, qos=1, retain=True)
    client.on_socket_open = _send_at_once
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho left this one out
    properties.SessionExpiryInterval = SESSION_EXPIRY_S
    properties.ReceiveMaximum = MAX_UNACKNOWLEDGED
    properties.MaximumPacketSize = MAX_PACKET_BYTES
    # paho's default begins a new session with a process's first connection and throws the waiting messages away.
    client.connect_async(settings.host, settings.port, settings.keepalive_s, clean_start=False, properties=properties)
    return client


def _send_at_once(_client: mqtt.Client, _data: Any, opened: Any) -> None:
    # An acknowledgement and a report follow each other; Nagle's algorithm would hold the report back for 40 ms.
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
