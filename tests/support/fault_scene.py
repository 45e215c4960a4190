"""A running stack that is about to be broken, with a careful client before it and a witness beside it."""

import contextlib
import json
import time
from collections import Counter
from pathlib import Path
from typing import Final

import httpx

from idc_contracts import ALARM_STATE, CLASSIFICATIONS, AlarmState, PatchClassified
from idc_servicekit.mqtt import MqttSettings
from support.compose_stack import ComposeStack, wait_until
from support.demo_patches import DemoPatches
from support.fault_report import FaultRow
from support.session_client import SessionClient

LONGEST_RETRY_S: Final = 120.0
LONGEST_RECOVERY_S: Final = 180.0
ALL_OF_THE_SITE: Final = "idc/v1/site/+/+"


class FaultScene:
    """Posts patches and counts where they have arrived."""

    def __init__(self, stack: ComposeStack, patches: DemoPatches, folder: Path) -> None:
        """Let a witness in: a reader at the broker with a session of its own, beside the alarm's.

        Args:
            stack: Running and healthy.
            patches: What to post.
            folder: For the accounts' secrets.
        """
        self.stack: Final = stack
        self._patches = patches
        self._folder = folder
        self.witness: Final = SessionClient(self.settings("operator"), "witness", ALL_OF_THE_SITE)

    def settings(self, account: str) -> MqttSettings:
        """How a program of this machine reaches the stack's broker as one of the accounts."""
        home = self._folder / account
        if not home.exists():
            home.mkdir()
            for name in ("ca.crt", "mqtt-password"):
                (home / name).write_text(self.stack.secret(account, name))
        return MqttSettings(
            host="localhost",
            port=self.stack.mqtt_port,
            username=account,
            password_file=home / "mqtt-password",
            ca_file=home / "ca.crt",
            keepalive_s=10,
        )

    def post(self, count: int, *, pace_s: float = 0.0, batch: int = 1, finding: bool = True) -> list[str]:
        """Post patches one after the other, each as a careful client does: again while nobody takes it.

        Args:
            count: How many patches, a multiple of `batch`.
            pace_s: Pause after each request.
            batch: Patches in one request.
            finding: Whether they show IDC.

        Returns:
            The ids that the gateway answered with: what it accepted.
        """
        image = self._patches.positive if finding else self._patches.negative
        accepted: list[str] = []
        with self.stack.client() as client:
            while len(accepted) < count:
                accepted += self._post_until_taken(client, [image] * batch)
                time.sleep(pace_s)
        return accepted

    def _post_until_taken(self, client: httpx.Client, images: list[bytes]) -> list[str]:
        deadline = time.monotonic() + LONGEST_RETRY_S
        files = [("images", (f"{number}.png", image, "image/png")) for number, image in enumerate(images)]
        while time.monotonic() < deadline:
            try:
                answer = client.post("/api/v1/classifications", files=files)
            except httpx.TransportError:
                time.sleep(0.2)
                continue
            if answer.status_code == 201:
                taken = (item["classification"] for item in answer.json()["items"])
                return [str(classification["id"]) for classification in taken if classification]
            assert answer.status_code == 503, answer.text
            time.sleep(0.2)
        raise TimeoutError(f"the patch was not accepted in {LONGEST_RETRY_S} s")

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
        return {
            str(PatchClassified.from_payload(payload).classification_id)
            for topic, payload in list(self.witness.received)
            if CLASSIFICATIONS.device_of(topic) == "gateway"
        }

    def acted_on(self) -> Counter[str]:
        """How often the alarm acted on each result, by its log."""
        return acted_on(self.stack.logs("alarm"))

    def alarm_state(self) -> AlarmState:
        """The alarm's latest state that the broker handed to the witness."""
        topic = ALARM_STATE.at(site="site", device="alarm")
        return AlarmState.from_payload([payload for at, payload in self.witness.received if at == topic][-1])

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
        return FaultRow(
            fault=fault,
            accepted=len(wanted),
            stored=len(wanted & self.stored()),
            published=len(wanted & self.published()),
            received=len(wanted & acted.keys()),
            seen_meanwhile=f"{seen_meanwhile}; acted on twice: {twice}",
        )


def acted_on(log: str) -> Counter[str]:
    """How often each result is acted on in an alarm's log, one JSON object a line."""
    lines = (json.loads(line) for line in log.splitlines() if line.startswith("{"))
    return Counter(
        str(line["classification_id"])
        for line in lines
        if "classification_id" in line and not str(line["message"]).startswith("ignored")
    )
