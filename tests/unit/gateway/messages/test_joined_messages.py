"""Messages that wait leave as one write; what else waits is left to paho."""

from collections import deque
from typing import Any

import pytest
from paho.mqtt.client import PINGREQ, PUBLISH

from idc_gateway.messages.mqtt_client import join_publishes


def packet(data: bytes, *, command: int = PUBLISH | 0x02, qos: int = 1, sent: int = 0) -> dict[str, Any]:
    """One of paho's waiting packets."""
    left = len(data) - sent
    return {"command": command, "mid": 1, "qos": qos, "pos": sent, "to_process": left, "packet": data, "info": None}


def test_waiting_messages_become_one_packet_in_their_order() -> None:
    waiting = deque([packet(b"first", sent=2), packet(b"second"), packet(b"third")])

    join_publishes(waiting)

    (joined,) = waiting
    assert joined["packet"][joined["pos"] :] == b"rstsecondthird"
    assert joined["to_process"] == len(b"rstsecondthird")


@pytest.mark.parametrize("other", [packet(b"ping", command=PINGREQ, qos=0), packet(b"qos 0", qos=0)])
def test_what_paho_has_more_to_do_for_is_left_as_it_is(other: dict[str, Any]) -> None:
    waiting = deque([packet(b"first"), other])

    join_publishes(waiting)

    assert [one["packet"] for one in waiting] == [b"first", other["packet"]]
