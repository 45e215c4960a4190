"""Other clients of the broker: what a gateway or an operator does, without the rest of them."""

from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from idc_servicekit.mqtt import MqttSettings
from support.eventually import wait_until

SESSION_EXPIRY_S = 24 * 3600


class MqttPeer:
    """Publishes at QoS 1 and keeps all messages on its topic filters, oldest first; reconnects after each loss."""

    def __init__(self, settings: MqttSettings, *topic_filters: str, client_id: str = "") -> None:
        """Connect and subscribe.

        Args:
            settings: Broker and account.
            topic_filters: What to subscribe to.
            client_id: The name of a session that lasts a day; without it, the session ends with the connection.
        """
        self.received: list[tuple[str, bytes]] = []
        self.connections = 0
        self.had_a_session = False
        self._filters = [(topic_filter, 1) for topic_filter in topic_filters]
        self._is_subscribed = not topic_filters
        self._client = new_client(settings, client_id)
        self._client.reconnect_delay_set(min_delay=1, max_delay=1)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        if client_id:
            connect(self._client, settings)
        else:
            self._client.connect(settings.host, settings.port)
        self._client.loop_start()
        wait_until(lambda: self._client.is_connected() and self._is_subscribed, "the peer is connected")

    @property
    def payloads(self) -> list[bytes]:
        return [payload for _, payload in self.received]

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> mqtt.MQTTMessageInfo:
        """Publish at QoS 1 and do not wait."""
        return self._client.publish(topic, payload, qos=1, retain=retain)

    def deliver(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 1 and wait until the broker has it."""
        message = self.publish(topic, payload)
        message.wait_for_publish(60)
        assert message.is_published(), "the broker has not confirmed the message"

    def wait_for(self, is_wanted: Callable[[bytes], bool], what: str) -> bytes:
        """Wait until the latest message is as wanted, and return it."""
        wait_until(lambda: bool(self.received) and is_wanted(self.received[-1][1]), what)
        return self.received[-1][1]

    def close(self) -> None:
        """Disconnect; a session with a name stays at the broker."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(
        self, client: mqtt.Client, _data: Any, flags: mqtt.ConnectFlags, reason: ReasonCode, _properties: Any
    ) -> None:
        if reason.is_failure:
            return
        self.connections += 1
        self.had_a_session = flags.session_present
        if self._filters:
            client.subscribe(self._filters)

    def _on_subscribe(self, *_others: Any) -> None:
        self._is_subscribed = True

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self.received.append((message.topic, bytes(message.payload)))


def new_client(settings: MqttSettings, client_id: str = "") -> mqtt.Client:
    """A paho client with the settings' account, certificates and password, not connected yet."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5)
    client.username_pw_set(settings.username, settings.password())
    client.tls_set_context(settings.tls_context())
    client.connect_timeout = 60
    return client


def connect(client: mqtt.Client, settings: MqttSettings) -> None:
    """Open the connection with a session that lasts a day."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho left this one out
    properties.SessionExpiryInterval = SESSION_EXPIRY_S
    client.connect(
        settings.host, settings.port, keepalive=settings.keepalive_s, clean_start=False, properties=properties
    )
