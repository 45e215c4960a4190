"""Runs inside the emulated Pi: acts as gateway and operator, and says what the kernel shows of the alarm's lines.

Each step prints one line, `PI-STEP` and JSON: the step's name, and every distinct set of levels that the lines showed
meanwhile, oldest first. What they should have shown is the test's affair, outside.
"""

import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from idc_alarm.settings import AlarmSettings
from idc_contracts import (
    ALARM_ACKNOWLEDGEMENTS,
    CLASSIFICATIONS,
    GATEWAY_STATUS,
    AcknowledgeAlarm,
    Decision,
    Message,
    ModelRef,
    PatchClassified,
    ServiceStatus,
    Thresholds,
    utc_now,
)

Levels = dict[str, str]
KERNEL_VIEW = Path("/sys/kernel/debug/gpio")
PIN_REGISTERS = Path("/sys/kernel/debug/pinctrl/3f200000.gpio-pinctrl-bcm2835/pins")
ALARM_PID = Path("/tmp/alarm.pid")
TIMEOUT_S = 90.0
QUIET_S = 4.0
"""Longer than the longest pause in a pattern of lamp or buzzer."""


def levels(lines: dict[str, int]) -> Levels:
    """What the kernel says of each line: `out hi`, `out lo`, or where no program has it `free` and its function.

    The chip opens with `gpiochip0: GPIOs 512-565, parent: …`; its line 17 is then
    ` gpio-529 (GPIO17              |lg                  ) out hi `.
    """
    text = KERNEL_VIEW.read_text()
    chip = re.search(r"^gpiochip0: GPIOs (\d+)-.*pinctrl-bcm2835", text, re.MULTILINE)
    if chip is None:
        raise RuntimeError(f"there is no pinctrl-bcm2835 at gpiochip0: {text[:200]}")
    found = {}
    for name, number in lines.items():
        row = re.search(rf"^ gpio-{int(chip[1]) + number} \(.*\|\S.*\) (in |out) (hi|lo)", text, re.MULTILINE)
        found[name] = f"{row[1].strip()} {row[2]}" if row else f"free {pin_function(number)}"
    return found


def pin_function(number: int) -> str:
    """What the chip's registers make of a pin: `gpio_in`, `gpio_out`. Without a wire, an input's level says nothing.

    A row is `pin 17 (gpio17) 0:? function gpio_in in lo; irq 0 (none)`.
    """
    row = re.search(rf"^pin {number} .* function (\w+) in ", PIN_REGISTERS.read_text(), re.MULTILINE)
    return row[1] if row else "unknown"


def watch(lines: dict[str, int], is_over: Callable[[list[Levels], float], bool]) -> tuple[bool, list[Levels]]:
    """Look at the lines until `is_over`, given what was seen and for how long it has been so, or time is up."""
    seen = [levels(lines)]
    started_s = changed_s = time.monotonic()
    while time.monotonic() < started_s + TIMEOUT_S:
        now = levels(lines)
        if now != seen[-1]:
            seen.append(now)
            changed_s = time.monotonic()
        if is_over(seen, time.monotonic() - changed_s):
            return True, seen
        time.sleep(0.01)
    return False, seen


def all_high(*names: str) -> Callable[[list[Levels], float], bool]:
    """Whether each of these lines was high at some time."""
    return lambda seen, _unchanged_s: all(any(view[name] == "out hi" for view in seen) for name in names)


def all_low_for_long(*names: str) -> Callable[[list[Levels], float], bool]:
    """Whether these lines are low and nothing has changed for a while."""
    return lambda seen, unchanged_s: unchanged_s >= QUIET_S and all(seen[-1][name] == "out lo" for name in names)


def all_free(*names: str) -> Callable[[list[Levels], float], bool]:
    """Whether no program has these lines any more."""
    return lambda seen, _unchanged_s: all(seen[-1][name].startswith("free") for name in names)


def connect(settings: AlarmSettings, account: str) -> mqtt.Client:
    """A client of the broker, with an account of its own."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.username_pw_set(account, Path(f"/pi/{account}-password").read_text().strip())
    client.tls_set_context(settings.mqtt.tls_context())
    client.connect(settings.mqtt.host, settings.mqtt.port)
    client.loop_start()
    return client


def publish(client: mqtt.Client, topic: str, message: Message, *, retain: bool = False) -> None:
    """Hand a message to the broker and wait until it has it."""
    client.publish(topic, message.to_payload(), qos=1, retain=retain).wait_for_publish(TIMEOUT_S)


def classified(decision: Decision, probability: float) -> PatchClassified:
    """What a gateway says of one patch."""
    return PatchClassified(
        source="gateway",
        classification_id=uuid4(),
        probability=probability,
        decision=decision,
        model=ModelRef(name="idc", version="1", sha256="ab" * 32),
        thresholds=Thresholds(no_idc_below=0.3, idc_from=0.7),
        latency_ms=10.0,
        classified_at=utc_now(),
    )


def main() -> int:
    """Go through the steps; return 0 where each of them came to its end."""
    settings = AlarmSettings()
    lines = {name: getattr(settings.pins, name) for name in ("red", "amber", "blue", "buzzer")}
    deadline_s = time.monotonic() + TIMEOUT_S
    while not settings.ready_file.exists():
        if time.monotonic() > deadline_s:
            return 1
        time.sleep(0.1)

    gateway, operator = connect(settings, "gateway"), connect(settings, "operator")
    findings = CLASSIFICATIONS.at(site=settings.site, device="gateway")
    acknowledgements = ALARM_ACKNOWLEDGEMENTS.at(site=settings.site, device=settings.device)
    present = ServiceStatus(source="gateway", status="online", version="0")
    publish(gateway, GATEWAY_STATUS.at(site=settings.site, device="gateway"), present, retain=True)
    steps: list[tuple[str, Callable[[], None], Callable[[list[Levels], float], bool]]] = [
        ("ready", lambda: None, all_low_for_long("red", "buzzer")),
        ("finding", lambda: publish(gateway, findings, classified(Decision.IDC, 0.9)), all_high("red", "buzzer")),
        (
            "acknowledged",
            lambda: publish(operator, acknowledgements, AcknowledgeAlarm(source="operator", by="nurse")),
            all_low_for_long("red", "buzzer"),
        ),
        ("clear", lambda: publish(gateway, findings, classified(Decision.NO_IDC, 0.1)), all_high("blue")),
        (
            "second finding",
            lambda: publish(gateway, findings, classified(Decision.IDC, 0.9)),
            all_high("red", "buzzer"),
        ),
        ("killed", lambda: os.kill(int(ALARM_PID.read_text()), signal.SIGKILL), all_free(*lines)),
    ]
    for name, act, is_over in steps:
        act()
        is_complete, seen = watch(lines, is_over)
        print("PI-STEP", json.dumps({"step": name, "complete": is_complete, "seen": seen}), flush=True)
        if not is_complete:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
