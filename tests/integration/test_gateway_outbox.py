"""Results reach a real broker whatever happens to it."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from idc_contracts import CLASSIFICATIONS, GATEWAY_STATUS, PatchClassified, ServiceStatus
from idc_gateway.errors import BusUnavailable
from idc_gateway.messages.mqtt_bus import MqttBus
from idc_gateway.messages.ports import OutgoingMessage
from support.compose_stack import wait_until
from support.demo_patches import solid_png
from support.live_gateway import KEY, gateway_settings, live_gateway
from support.mosquitto import MosquittoBroker

pytestmark = pytest.mark.integration


class Listener:
    """A subscriber with a persistent session, as an alarm has."""

    def __init__(self, broker: MosquittoBroker) -> None:
        self.classification_ids: set[str] = set()
        self.statuses: list[str] = []
        settings = broker.settings("operator")
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="listener", clean_session=False)
        self._client.username_pw_set(settings.username, settings.password())
        self._client.tls_set_context(settings.tls_context())
        self._client.reconnect_delay_set(1, 1)
        self._subscribed = threading.Event()
        self._client.on_connect = lambda client, *_: client.subscribe(
            [(CLASSIFICATIONS.filter(), 1), (GATEWAY_STATUS.filter(), 1)]
        )
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._take
        self._client.connect(settings.host, settings.port, keepalive=5)
        self._client.loop_start()
        # From here on the broker keeps for this session what it misses.
        assert self._subscribed.wait(10), "the broker did not confirm the subscription"

    def _take(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        if CLASSIFICATIONS.device_of(message.topic):
            event = PatchClassified.from_payload(message.payload)
            self.classification_ids.add(str(event.classification_id))
        else:
            self.statuses.append(ServiceStatus.from_payload(message.payload).status)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def listener(broker: MosquittoBroker) -> Iterator[Listener]:
    listener = Listener(broker)
    yield listener
    listener.close()


def post(client: httpx.Client, count: int) -> list[str]:
    answers = [client.post("/api/v1/classifications", content=solid_png((250, 0, 0))) for _ in range(count)]
    assert {answer.status_code for answer in answers} <= {201}
    return [answer.json()["items"][0]["id"] for answer in answers]


def client_of(address: str) -> httpx.Client:
    return httpx.Client(base_url=address, headers={"Authorization": f"Bearer {KEY}"}, timeout=30)


def test_presence_is_told_and_a_clean_stop_too(broker: MosquittoBroker, listener: Listener, tmp_path: Path) -> None:
    with live_gateway(gateway_settings(tmp_path, broker.settings("gateway"))):
        wait_until(lambda: listener.statuses[-1:] == ["online"], "the gateway is online", 10)

    wait_until(lambda: listener.statuses[-1:] == ["offline"], "the gateway is offline", 10)


def test_results_taken_while_the_broker_is_away_arrive_later(
    broker: MosquittoBroker, listener: Listener, tmp_path: Path
) -> None:
    with live_gateway(gateway_settings(tmp_path, broker.settings("gateway"))) as address, client_of(address) as client:
        before = post(client, 3)
        wait_until(lambda: set(before) <= listener.classification_ids, "the first results arrived", 10)
        broker.stop()
        during = post(client, 5)
        broker.start()
        after = post(client, 2)

        wait_until(lambda: {*before, *during, *after} <= listener.classification_ids, "all results arrived", 30)


def test_broker_killed_in_mid_stream_loses_no_result(
    broker: MosquittoBroker, listener: Listener, tmp_path: Path
) -> None:
    def break_broker() -> None:
        for _ in range(2):
            time.sleep(0.3)
            broker.kill()
            time.sleep(0.3)
            broker.start()

    broker.stop()  # it writes the listener's session down, as the gateway does not know it for an alarm's
    broker.start()
    breaker = threading.Thread(target=break_broker)
    with live_gateway(gateway_settings(tmp_path, broker.settings("gateway"))) as address, client_of(address) as client:
        wait_until(lambda: "online" in listener.statuses, "the gateway is online", 10)
        breaker.start()
        posted = []
        for _ in range(40):
            posted += post(client, 1)
            time.sleep(0.03)
        breaker.join(timeout=30)

        wait_until(lambda: set(posted) <= listener.classification_ids, "all results arrived", 30)


def test_broker_that_stalls_and_goes_on_gets_what_waited(
    broker: MosquittoBroker, listener: Listener, tmp_path: Path
) -> None:
    settings = gateway_settings(tmp_path, broker.settings("gateway"))
    bus = MqttBus(settings.mqtt, site="site", device="gateway", version="1", confirmation_timeout_s=0.5)
    with live_gateway(settings, bus=bus) as address, client_of(address) as client:
        wait_until(lambda: bus.is_connected, "the gateway is connected", 10)
        broker.pause()
        during = post(client, 3)
        wait_until(lambda: not bus.is_connected, "the gateway gave the connection up", 10)
        broker.go_on()

        wait_until(lambda: set(during) <= listener.classification_ids, "all results arrived", 30)


def test_results_stored_before_the_gateway_ended_are_published_by_the_next(
    broker: MosquittoBroker, listener: Listener, tmp_path: Path
) -> None:
    settings = gateway_settings(tmp_path, broker.settings("gateway"))
    broker.stop()
    with live_gateway(settings) as address, client_of(address) as client:
        posted = post(client, 4)
    broker.start()

    with live_gateway(settings):
        wait_until(lambda: set(posted) <= listener.classification_ids, "all results arrived", 30)


async def test_message_that_the_broker_refuses_is_not_counted_as_sent(shared_broker: MosquittoBroker) -> None:
    """The account `alarm` may say its own status and no result: to the broker's protocol both are answered."""

    async def connected() -> None:
        pass

    bus = MqttBus(shared_broker.settings("alarm"), site="refused", device="gateway", version="1")
    running = asyncio.create_task(bus.run(connected, lambda _topic, _payload: None))
    try:
        await asyncio.sleep(1)
        assert not bus.is_connected  # its first word, that it is online, was refused
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_refused_message_is_an_error_on_a_good_connection(shared_broker: MosquittoBroker) -> None:
    async def connected() -> None:
        pass

    bus = MqttBus(shared_broker.settings("gateway"), site="refused", device="gateway", version="1")
    running = asyncio.create_task(bus.run(connected, lambda _topic, _payload: None))
    try:
        async with asyncio.timeout(10):
            await bus.wait_connected()
        with pytest.raises(BusUnavailable, match="refused"):
            await bus.publish(OutgoingMessage("idc/v1/refused/alarm/alarm-actions", b"not the gateway's to say"))
        await bus.publish(OutgoingMessage(CLASSIFICATIONS.at(site="refused", device="gateway"), b"{}"))
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
