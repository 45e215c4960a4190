"""The lock holds a wheel of everything that the alarm needs on a Raspberry Pi, so that nothing is compiled there."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

LOCK = tomllib.loads((Path(__file__).parents[2] / "uv.lock").read_text())
PACKAGES: dict[str, dict[str, Any]] = {package["name"]: package for package in LOCK["package"]}


def needed_by(name: str) -> set[str]:
    """The package and all that it needs on Linux, transitively."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        package = waiting.pop()
        if package in found:
            continue
        found.add(package)
        wanted = PACKAGES[package].get("dependencies", [])
        waiting += [each["name"] for each in wanted if "win32" not in each.get("marker", "")]
    return found


def has_wheel(package: dict[str, Any], machine: str) -> bool:
    """Whether one of the wheels is for CPython 3.11 on this machine with glibc, or for every machine."""
    for wheel in package.get("wheels", []):
        python, abi, platform = wheel["url"].rsplit("/", 1)[1].removesuffix(".whl").split("-")[-3:]
        fits_python = "cp311" in python or (abi == "abi3" and python.startswith("cp3")) or "py3" in python
        if fits_python and "musllinux" not in platform and (platform == "any" or platform.endswith(machine)):
            return True
    return False


@pytest.mark.parametrize("machine", ["aarch64", "armv7l"])
def test_every_package_of_the_alarm_has_a_wheel_for_python_311(machine: str) -> None:
    from_registry = [name for name in needed_by("idc-alarm") if "registry" in PACKAGES[name]["source"]]

    assert {"lgpio", "gpiozero", "paho-mqtt", "pydantic-core"} <= set(from_registry)
    assert [name for name in sorted(from_registry) if not has_wheel(PACKAGES[name], machine)] == []


def test_a_package_without_such_a_wheel_is_seen() -> None:
    x86_64_only = {"wheels": [{"url": "https://example.org/a-1-cp311-cp311-manylinux_2_28_x86_64.whl"}]}

    assert not has_wheel(x86_64_only, "aarch64")
