"""On an emulated Raspberry Pi 3 the arm64 image's alarm, told by a real broker, moves the lines of the kernel's driver.

The board, the boot and the peripherals are QEMU's; Debian's kernel, its driver of the Pi's GPIO chip, lgpio, the alarm,
Mosquitto with the project's configuration, and the messages are what runs on a real one.
"""

from typing import Any

import pytest

from idc_alarm.panel.pins import PinSettings
from support.emulated_pi import DebianRoot, EmulatedPi, GuestRoot

pytestmark = [pytest.mark.pi, pytest.mark.timeout(900)]

PINS = PinSettings()
"""Those of the wiring diagram."""

Levels = dict[str, str]


@pytest.fixture(scope="module")
def steps(arm64_image: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Levels]]:
    """By step of the scenario: every distinct set of levels that the kernel showed, oldest first."""
    folder = tmp_path_factory.mktemp("pi")
    for name in ("debian", "guest"):
        (folder / name).mkdir()
    debian = DebianRoot(folder / "debian")
    debian.device_tree(folder / "pi.dtb")
    pins = {f"ALARM_PINS__{name.upper()}": str(getattr(PINS, name)) for name in ("red", "amber", "blue", "buzzer")}
    guest = GuestRoot(folder / "guest", arm64_image, debian, pins)
    guest.pack(folder / "initrd")
    machine = EmulatedPi(folder, debian.kernel, folder / "pi.dtb", folder / "initrd")

    done: list[dict[str, Any]] = machine.run(timeout_s=500)

    assert [(step["step"], step["complete"]) for step in done] == [
        ("ready", True),
        ("finding", True),
        ("acknowledged", True),
        ("clear", True),
        ("second finding", True),
        ("killed", True),
    ], machine.text()[-8000:]
    return {step["step"]: step["seen"] for step in done}


def was_high(seen: list[Levels], line: str) -> bool:
    return any(view[line] == "out hi" for view in seen)


def test_alarm_holds_the_four_lines_of_the_wiring_diagram_as_outputs(steps: dict[str, list[Levels]]) -> None:
    assert set(steps["ready"][-1].values()) <= {"out lo", "out hi"}


def test_no_finding_leaves_red_and_buzzer_low(steps: dict[str, list[Levels]]) -> None:
    last = steps["ready"][-1]

    assert (last["red"], last["buzzer"]) == ("out lo", "out lo")


def test_finding_drives_the_red_and_the_buzzer_line_high(steps: dict[str, list[Levels]]) -> None:
    assert was_high(steps["finding"], "red")
    assert was_high(steps["finding"], "buzzer")
    assert not was_high(steps["finding"], "blue")


def test_acknowledgement_drives_both_lines_low_again(steps: dict[str, list[Levels]]) -> None:
    last = steps["acknowledged"][-1]

    assert (last["red"], last["buzzer"]) == ("out lo", "out lo")


def test_a_patch_without_finding_drives_blue_high_and_red_stays_low(steps: dict[str, list[Levels]]) -> None:
    assert steps["clear"][-1]["blue"] == "out hi"
    assert not was_high(steps["clear"], "red")
    assert not was_high(steps["clear"], "buzzer")


def test_red_and_blue_are_never_high_together(steps: dict[str, list[Levels]]) -> None:
    together = [view for seen in steps.values() for view in seen if view["red"] == view["blue"] == "out hi"]

    assert together == []


def test_a_killed_alarm_leaves_no_line_driven(steps: dict[str, list[Levels]]) -> None:
    before, after = steps["killed"][0], steps["killed"][-1]

    assert before["red"].startswith("out")
    assert set(after.values()) == {"free gpio_in"}
