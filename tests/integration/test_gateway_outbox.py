"""Results reach a real broker whatever happens to it."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from idc_contracts import CLASSIFICATIONS, GATEWAY_STATUS, PatchClassified, ServiceStatus
from idc_gateway.errors import BusUnavailable, MessageRefused
from idc_gateway.messages.mqtt_bus import MqttBus
from idc_gateway.messages.ports import OutgoingMessage
from idc_gateway.settings import GatewaySettings
from support.demo_patches import solid_png
from support.eventually import wait_until
from support.live_gateway import gateway_settings, live_client, live_gateway
from support.mosquitto import MosquittoBroker
from support.session_client import SessionClient

pytestmark = pytest.mark.integration


@pytest.fixture
def listener(broker: MosquittoBroker) -> Iterator[SessionClient]:
    """A subscriber with a persistent session, as an alarm has: from here on the broker keeps what it misses."""
    listener = SessionClient(broker.settings("operator"), "listener", CLASSIFICATIONS.filter(), GATEWAY_STATUS.filter())
    yield listener
    listener.leave()


def classification_ids(listener: SessionClient) -> set[str]:
    payloads = [payload for topic, payload in list(listener.received) if CLASSIFICATIONS.device_of(topic)]
    return {str(PatchClassified.from_payload(payload).classification_id) for payload in payloads}


def statuses(listener: SessionClient) -> list[str]:
    payloads = [payload for topic, payload in list(listener.received) if GATEWAY_STATUS.device_of(topic)]
    return [ServiceStatus.from_payload(payload).status for payload in payloads]


def post(client: httpx.Client, count: int) -> list[str]:
    answers = [client.post("/api/v1/classifications", content=solid_png((250, 0, 0))) for _ in range(count)]
    assert {answer.status_code for answer in answers} <= {201}
    return [answer.json()["items"][0]["id"] for answer in answers]


@pytest.fixture
def settings(broker: MosquittoBroker, tmp_path: Path) -> GatewaySettings:
    return gateway_settings(tmp_path, broker.settings("gateway"))


def test_presence_and_a_clean_stop_are_reported(
    broker: MosquittoBroker, listener: SessionClient, settings: GatewaySettings
) -> None:
    with live_gateway(settings):
        wait_until(lambda: statuses(listener)[-1:] == ["online"], "the gateway is online")

    wait_until(lambda: statuses(listener)[-1:] == ["offline"], "the gateway is offline")


def test_results_taken_while_the_broker_is_away_arrive_later(
    broker: MosquittoBroker, listener: SessionClient, settings: GatewaySettings
) -> None:
    with live_client(settings) as client:
        before = post(client, 3)
        wait_until(lambda: set(before) <= classification_ids(listener), "the first results arrived")
        broker.stop()
        during = post(client, 5)
        broker.start()
        after = post(client, 2)

        wait_until(lambda: {*before, *during, *after} <= classification_ids(listener), "all results arrived")


def test_broker_killed_in_mid_stream_loses_no_result(
    broker: MosquittoBroker, listener: SessionClient, settings: GatewaySettings
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
    with live_client(settings) as client:
        wait_until(lambda: "online" in statuses(listener), "the gateway is online")
        breaker.start()
        posted = []
        for _ in range(40):
            posted += post(client, 1)
            time.sleep(0.03)
        breaker.join()

        wait_until(lambda: set(posted) <= classification_ids(listener), "all results arrived")


def test_broker_that_stalls_and_goes_on_gets_what_waited(
    broker: MosquittoBroker, listener: SessionClient, settings: GatewaySettings
) -> None:
    bus = MqttBus(settings.mqtt, site="site", device="gateway", version="1", confirmation_timeout_s=0.5)
    with live_client(settings, bus=bus) as client:
        wait_until(lambda: bus.is_connected, "the gateway is connected")
        broker.pause()
        during = post(client, 3)
        wait_until(lambda: not bus.is_connected, "the gateway gave the connection up")
        broker.go_on()

        wait_until(lambda: set(during) <= classification_ids(listener), "all results arrived")


def test_results_stored_before_the_gateway_ended_are_published_by_the_next(
    broker: MosquittoBroker, listener: SessionClient, settings: GatewaySettings
) -> None:
    broker.stop()
    with live_client(settings) as client:
        posted = post(client, 4)
    broker.start()

    with live_gateway(settings):
        wait_until(lambda: set(posted) <= classification_ids(listener), "all results arrived")


@asynccontextmanager
async def running(broker: MosquittoBroker, account: str) -> AsyncIterator[MqttBus]:
    """A bus of this account that connects."""

    async def connected() -> None:
        pass

    bus = MqttBus(broker.settings(account), site="refused", device="gateway", version="1")
    running = asyncio.create_task(bus.run(connected, lambda _topic, _payload: None))
    try:
        yield bus
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_message_that_the_broker_refuses_is_not_counted_as_sent(shared_broker: MosquittoBroker) -> None:
    """The account `alarm` may say its own status and no result: to the broker's protocol both are answered."""
    async with running(shared_broker, "alarm") as bus:
        await asyncio.sleep(1)
        assert not bus.is_connected  # its first word, that it is online, was refused


async def test_refused_message_is_an_error_on_a_good_connection(shared_broker: MosquittoBroker) -> None:
    async with running(shared_broker, "gateway") as bus:
        async with asyncio.timeout(60):
            await bus.wait_connected()
        with pytest.raises(BusUnavailable, match="refused"):
            await bus.publish(OutgoingMessage("idc/v1/refused/alarm/alarm-actions", b"not the gateway's to say"))
        await bus.publish(OutgoingMessage(CLASSIFICATIONS.at(site="refused", device="gateway"), b"{}"))


async def test_refusal_is_that_messages_alone_where_several_are_under_way(shared_broker: MosquittoBroker) -> None:
    allowed = OutgoingMessage(CLASSIFICATIONS.at(site="refused", device="gateway"), b"{}")
    forbidden = OutgoingMessage("idc/v1/refused/alarm/alarm-actions", b"not the gateway's to say")
    async with running(shared_broker, "gateway") as bus:
        async with asyncio.timeout(60):
            await bus.wait_connected()
        wave = [allowed, forbidden, allowed, forbidden, allowed]
        sent = await asyncio.gather(*map(bus.publish, wave), return_exceptions=True)

    assert [type(outcome) for outcome in sent] == [type(None), MessageRefused, type(None), MessageRefused, type(None)]
