"""A paho client of the alarm's persistent MQTT 5 session. docs/decisions/0040-alarm-mqtt-session.md has the reasons."""

import socket
from typing import Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from idc_servicekit.mqtt import MqttSettings

SESSION_EXPIRY_S: Final = 30 * 24 * 3600
"""How long the broker keeps messages for an absent alarm; the broker's own configuration has the same limit."""
MAX_UNACKNOWLEDGED: Final = 64
"""Messages that may be under way to the alarm at once."""
MAX_PACKET_BYTES: Final = 65536
CONNECT_TIMEOUT_S: Final = 5.0
"""For TCP and for the TLS handshake, each."""

EVENT_OPTIONS: Final = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
"""Events are not retained; one that is all the same would ring again with each connection."""
STATE_OPTIONS: Final = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE)
"""What is retained is asked for with each connection: a gateway may have come or gone meanwhile."""

WITH_WILL: Final = ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message")


def new_client(settings: MqttSettings, *, client_id: str, will_topic: str, will: bytes) -> mqtt.Client:
    """A client that acknowledges nothing by itself, not connected yet.

    Raises:
        OSError: The password or the certificate cannot be read.
    """
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=mqtt.MQTTv5,
        manual_ack=True,
        reconnect_on_failure=False,
    )
    client.connect_timeout = CONNECT_TIMEOUT_S
    client.username_pw_set(settings.username, settings.password())
    client.tls_set_context(settings.tls_context())
    client.will_set(will_topic, will, qos=1, retain=True)
    return client


def connect(client: mqtt.Client, settings: MqttSettings) -> None:
    """Open the connection and send CONNECT; the broker's answer comes later.

    Raises:
        OSError: Nobody answers, or the certificate is wrong.
    """
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho left this one out
    properties.SessionExpiryInterval = SESSION_EXPIRY_S
    properties.ReceiveMaximum = MAX_UNACKNOWLEDGED
    properties.MaximumPacketSize = MAX_PACKET_BYTES
    # paho's default begins a new session with a process's first connection and throws the waiting messages away.
    client.connect(settings.host, settings.port, settings.keepalive_s, clean_start=False, properties=properties)
    open_socket = client.socket()
    if isinstance(open_socket, socket.socket):
        # An acknowledgement and a report follow each other; Nagle's algorithm would hold the report back for 40 ms.
        open_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
