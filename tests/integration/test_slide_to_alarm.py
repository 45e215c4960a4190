"""A slide that the slides service has screened reaches the lamps and the audit chain once, over a real Mosquitto."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from idc_contracts import ALARM_STATE, SLIDES, AlarmState, Decision, Lamps, SlideScreened, utc_now
from support.alarm_process import AlarmProcess
from support.eventually import wait_until
from support.live_gateway import gateway_settings, live_client
from support.mosquitto import MosquittoBroker
from support.mqtt_peer import MqttPeer
from support.slides_fake import FakeSlides, screened_slide, serving

pytestmark = pytest.mark.integration


@pytest.fixture
def slides() -> FakeSlides:
    return FakeSlides()


@pytest.fixture
def alarm(shared_broker: MosquittoBroker, site: str, tmp_path: Path) -> Iterator[AlarmProcess]:
    folder = tmp_path / "alarm"
    folder.mkdir()
    alarm = AlarmProcess(folder, shared_broker.settings("alarm"), site=site)
    yield alarm
    alarm.kill()


@pytest.fixture
def operator(shared_broker: MosquittoBroker, site: str) -> Iterator[MqttPeer]:
    topics = SLIDES.at(site=site, device="gateway"), ALARM_STATE.at(site=site, device="alarm")
    peer = MqttPeer(shared_broker.settings("operator"), *topics)
    yield peer
    peer.close()


def test_slide_lights_red_until_it_is_acknowledged_by_its_id(
    shared_broker: MosquittoBroker,
    site: str,
    slides: FakeSlides,
    alarm: AlarmProcess,
    operator: MqttPeer,
    tmp_path: Path,
) -> None:
    with serving(slides) as address:
        settings = gateway_settings(tmp_path, shared_broker.settings("gateway"), site=site, slides_url=address)
        alarm.start()
        with live_client(settings) as client:
            slide = slides.finish(screened_slide("idc"))
            wait_until(lambda: _lit(operator).red, "red is lit")
            assert _state(operator).latched_by == slide.id

            asked = client.post("/api/v1/alarms/alarm/acknowledgements", json={"up_to": str(slide.id)})
            assert asked.status_code == 202, asked.text
            wait_until(lambda: not _lit(operator).red, "red is off")
            slides.finish(screened_slide("uncertain"))
            wait_until(lambda: _lit(operator).amber, "amber is lit")
            _check_chain(client, 2)

        slides.finish(screened_slide("idc"))  # while no gateway runs
        with live_client(settings) as client:
            wait_until(lambda: _lit(operator).red, "red is lit by the slide that waited")
            _check_chain(client, 3)

    events = [SlideScreened.from_payload(payload) for topic, payload in operator.received if topic.endswith("/slides")]
    assert len({event.message_id for event in events}) == 3


def test_review_that_finds_idc_lights_red_and_one_that_takes_it_back_leaves_it_to_a_person(
    shared_broker: MosquittoBroker,
    site: str,
    slides: FakeSlides,
    alarm: AlarmProcess,
    operator: MqttPeer,
    tmp_path: Path,
) -> None:
    with serving(slides) as address:
        settings = gateway_settings(tmp_path, shared_broker.settings("gateway"), site=site, slides_url=address)
        alarm.start()
        with live_client(settings) as client:
            slide = slides.finish(screened_slide("uncertain", finished_at=utc_now() - timedelta(days=1)))
            wait_until(lambda: _lit(operator).amber, "amber is lit")
            slides.finish(slide.model_copy(update={"decision": Decision.IDC}), decided_at=utc_now())
            wait_until(lambda: _lit(operator).red, "red is lit")
            found = _state(operator)
            slides.finish(slide.model_copy(update={"decision": Decision.NO_IDC}), decided_at=utc_now())
            wait_until(lambda: _count(operator) == 3, "it is told")
            _check_chain(client, 1)
            client.post("/api/v1/alarms/alarm/acknowledgements", json={"up_to": str(slide.id)})
            wait_until(lambda: not _lit(operator).red, "red is off")

    assert (found.latched_by, found.buzzer) == (slide.id, True), "it is as new as the review, not as the slide"


def _count(operator: MqttPeer) -> int:
    return sum(topic.endswith("/slides") for topic, _ in operator.received)


def _check_chain(client: httpx.Client, slides: int) -> None:
    def screened() -> int:
        return sum(item["action"] == "slide.screened" for item in client.get("/api/v1/audit").json()["items"])

    wait_until(lambda: screened() == slides, f"{slides} slides are in the chain")
    assert client.get("/api/v1/audit/verification").json()["intact"]


def _states(operator: MqttPeer) -> list[bytes]:
    return [payload for topic, payload in operator.received if topic.endswith(ALARM_STATE.noun) and payload]


def _state(operator: MqttPeer) -> AlarmState:
    return AlarmState.from_payload(_states(operator)[-1])


def _lit(operator: MqttPeer) -> Lamps:
    """What shines; nothing before the alarm's first state has arrived."""
    return _state(operator).lamps if _states(operator) else Lamps()
