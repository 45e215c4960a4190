"""A running stack that is about to be broken, with a careful client before it and a witness beside it."""

import contextlib
import json
import time
from collections import Counter
from typing import Final, TypeVar

from pydantic import ValidationError

from idc_contracts import ALARM_STATE, CLASSIFICATIONS, AlarmState, Message, PatchClassified
from support.careful_client import post_until_accepted
from support.compose_stack import ComposeStack
from support.demo_patches import DemoPatches
from support.eventually import wait_until
from support.fault_report import FaultRow
from support.session_client import SessionClient

LONGEST_RECOVERY_S: Final = 180.0
ALL_OF_THE_SITE: Final = "idc/v1/site/+/+"

ReadMessage = TypeVar("ReadMessage", bound=Message)


class FaultScene:
    """Posts patches and counts where they have arrived."""

    def __init__(self, stack: ComposeStack, patches: DemoPatches) -> None:
        """Let a witness in: a reader at the broker of a running stack with a session of its own, beside the alarm's."""
        self.stack: Final = stack
        self._gateways_topic: Final = CLASSIFICATIONS.at(site="site", device="gateway")
        self._patches = patches
        self.witness: Final = SessionClient(stack.mqtt_settings("operator"), "witness", ALL_OF_THE_SITE)

    def post(self, count: int, *, pace_s: float = 0.0, batch: int = 1, finding: bool = True) -> list[str]:
        """Post patches one after the other, each as a careful client does: again while nobody takes it.

        Returns:
            The ids that the gateway answered with: what it accepted.
        """
        image = self._patches.positive if finding else self._patches.negative
        accepted: list[str] = []
        with self.stack.client() as client:
            while len(accepted) < count:
                accepted += post_until_accepted(client, *[image] * batch)
                time.sleep(pace_s)
        return accepted

    def stored(self) -> set[str]:
        """Every result that the gateway keeps."""
        identities: set[str] = set()
        cursor: str | None = ""
        with self.stack.client() as client:
            while cursor is not None:
                query = {"limit": "1000"} | ({"cursor": cursor} if cursor else {})
                page = client.get("/api/v1/classifications", params=query).raise_for_status().json()
                identities |= {str(item["id"]) for item in page["items"]}
                cursor = page.get("next_cursor")
        return identities

    def published(self) -> set[str]:
        """Every result that the broker handed to the witness."""
        arrived = [payload for topic, payload in list(self.witness.received) if topic == self._gateways_topic]
        events = (_readable(PatchClassified, payload) for payload in arrived)
        return {str(event.classification_id) for event in events if event}

    def acted_on(self) -> Counter[str]:
        """How often the alarm acted on each result, by its log."""
        return acted_on(self.stack.logs("alarm"))

    def alarm_state(self) -> AlarmState:
        """The alarm's latest state that the broker handed to the witness."""
        topic = ALARM_STATE.at(site="site", device="alarm")
        arrived = [payload for at, payload in list(self.witness.received) if at == topic]
        return [state for payload in arrived[-100:] if (state := _readable(AlarmState, payload))][-1]

    def count(self, fault: str, accepted: list[str], seen_meanwhile: str) -> FaultRow:
        """Wait until nothing is missing, or for as long as a recovery may take; then count."""
        wanted = set(accepted)

        def is_all_there() -> bool:
            return wanted <= self.published() and wanted <= self.acted_on().keys()

        # where it does not come, the row says what is missing, and the test fails on it
        with contextlib.suppress(TimeoutError):
            wait_until(is_all_there, "all is there", LONGEST_RECOVERY_S)
        acted = self.acted_on()
        twice = sum(1 for identity in wanted if acted[identity] > 1)
        return count_up(
            fault, wanted, self.stored(), self.published(), set(acted), f"{seen_meanwhile}; acted on twice: {twice}"
        )


def _readable(model: type[ReadMessage], payload: bytes) -> ReadMessage | None:
    """The message; None for what is none: the hostile ones are on the same topics."""
    try:
        return model.from_payload(payload)
    except ValidationError:
        return None


def count_up(
    fault: str, wanted: set[str], stored: set[str], published: set[str], received: set[str], seen_meanwhile: str
) -> FaultRow:
    """The row of these results, by where each was found."""
    return FaultRow(
        fault=fault,
        accepted=len(wanted),
        stored=len(wanted & stored),
        published=len(wanted & published),
        received=len(wanted & received),
        lost=len(wanted - (stored & published & received)),
        seen_meanwhile=seen_meanwhile,
    )


def acted_on(log: str) -> Counter[str]:
    """How often each result is acted on in an alarm's log, one JSON object a line."""
    lines = (json.loads(line) for line in log.splitlines() if line.startswith("{"))
    return Counter(
        str(line["classification_id"])
        for line in lines
        if "classification_id" in line and not str(line["message"]).startswith("ignored")
    )
