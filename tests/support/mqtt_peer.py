"""Another client of the broker: what a gateway or an operator does, without the rest of them."""

from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from idc_servicekit.mqtt import MqttSettings
from support.alarm_process import wait_until


class MqttPeer:
    """Publishes at QoS 1, and keeps all that came on one topic filter, oldest first."""

    def __init__(self, settings: MqttSettings, *topic_filters: str) -> None:
        self.received: list[tuple[str, bytes]] = []
        self._filters = topic_filters
        self._is_subscribed = not topic_filters
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.reconnect_delay_set(min_delay=1, max_delay=1)
        self._client.username_pw_set(settings.username, settings.password())
        self._client.tls_set_context(settings.tls_context())
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.connect(settings.host, settings.port)
        self._client.loop_start()
        wait_until(lambda: self._client.is_connected() and self._is_subscribed, "the peer is connected")

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> mqtt.MQTTMessageInfo:
        """Publish at QoS 1 and do not wait."""
        return self._client.publish(topic, payload, qos=1, retain=retain)

    def deliver(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 1 and wait until the broker has it."""
        self.publish(topic, payload).wait_for_publish(20)

    def wait_for(self, is_wanted: Callable[[bytes], bool], what: str) -> bytes:
        """Wait until the latest message is as wanted, and return it."""
        wait_until(lambda: bool(self.received) and is_wanted(self.received[-1][1]), what)
        return self.received[-1][1]

    def close(self) -> None:
        """End the connection."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: mqtt.Client, *_others: Any) -> None:
        for topic_filter in self._filters:
            client.subscribe(topic_filter, qos=1)

    def _on_subscribe(self, *_others: Any) -> None:
        self._is_subscribed = True

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self.received.append((message.topic, bytes(message.payload)))
