"""A Raspberry Pi 3 in QEMU, with Debian's kernel and so with its own driver for the real GPIO chip."""

import json
import os
import shlex
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Final

from support.mosquitto import REPOSITORY

GUEST: Final = REPOSITORY / "tests/pi/guest"
MIRROR: Final = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
PI_3B_REVISION: Final = "a02082"
"""A Pi 3 Model B made by Sony, by Raspberry Pi's table of revision codes. The firmware of a real Pi writes it into the
device tree, where gpiozero looks for it; QEMU starts the kernel without that firmware."""


def run(*command: str | Path, timeout_s: float = 300, **options: Any) -> str:
    """Run a program and return its standard output; RuntimeError where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False, **options)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stdout[-2000:]}{done.stderr[-4000:]}")
    output: str = done.stdout
    return output


class DebianRoot:
    """Debian 13's packages for arm64, unpacked: the kernel, the Pi's device tree, Mosquitto and busybox."""

    def __init__(self, folder: Path) -> None:
        """Unpack them into this empty folder, which takes a quarter of a minute and 300 MB."""
        source = f"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {MIRROR} trixie main"
        self.root = folder
        archive = folder / "root.tar"
        packages = "base-files,busybox-static,linux-image-arm64,mosquitto"
        options = ["--quiet", "--variant=extract", "--arch=arm64", '--aptopt=Acquire::Languages "none"']
        run("mmdebstrap", *options, f"--include={packages}", "trixie", archive, source)
        run("tar", "-C", folder, "--exclude=./dev/*", "--exclude=./usr/lib/modules/*", "-xf", archive)
        archive.unlink()
        self.kernel = next(folder.glob("boot/vmlinuz-*-arm64"))

    def device_tree(self, target: Path) -> None:
        """Write the Pi's device tree, with the revision that its firmware would add."""
        shutil.copy(next(self.root.glob("usr/lib/linux-image-*/broadcom/bcm2837-rpi-3-b.dtb")), target)
        run("fdtput", "-p", "-t", "x", target, "/system", "linux,revision", PI_3B_REVISION)


class GuestRoot:
    """The files of the emulated Pi: the alarm's image, and beside it a broker and what drives the scenario."""

    def __init__(self, folder: Path, image: str, debian: DebianRoot, environment: dict[str, str]) -> None:
        """Lay them out in an empty folder; `environment`: the alarm's settings, beside those that reach the broker."""
        self.root = folder / "root"
        self.root.mkdir()
        self._export(image)
        self._add_broker(debian, folder / "secrets")
        self._add_scenario(debian, folder / "secrets", environment)

    def _export(self, image: str) -> None:
        container = run("docker", "create", "--platform", "linux/arm64", image).strip()
        try:
            archive = self.root.parent / "image.tar"
            run("docker", "export", "--output", archive, container)
        finally:
            run("docker", "rm", container)
        run("tar", "-C", self.root, "-xf", archive)
        archive.unlink()

    def _add_broker(self, debian: DebianRoot, secrets: Path) -> None:
        broker = self.root / "broker"
        without = [
            f"--exclude=./{name}" for name in ("boot", "usr/lib/linux-image-*", "usr/share/doc", "usr/share/locale")
        ]
        archive = self.root.parent / "broker.tar"
        run("tar", "-C", debian.root, *without, "-cf", archive, ".")
        broker.mkdir()
        run("tar", "-C", broker, "-xf", archive)
        archive.unlink()
        run(REPOSITORY / "broker/bootstrap.sh", secrets)
        shutil.copytree(secrets / "broker", broker / "run/secrets/idc")
        (broker / "var/lib/mosquitto").mkdir(parents=True, exist_ok=True)
        for name in ("mosquitto.conf", "acl.conf"):
            shutil.copy(REPOSITORY / "broker" / name, broker / "etc/mosquitto" / name)

    def _add_scenario(self, debian: DebianRoot, secrets: Path, environment: dict[str, str]) -> None:
        pi = self.root / "pi"
        pi.mkdir()
        shutil.copy(debian.root / "usr/bin/busybox", pi / "busybox")
        for name in ("init", "scenario.py"):
            shutil.copy(GUEST / name, pi / name)
        for account in ("gateway", "operator"):
            shutil.copy(secrets / account / "mqtt-password", pi / f"{account}-password")
        shutil.copytree(secrets / "alarm", self.root / "run/secrets/idc")
        settings = environment | {
            "ALARM_PIN_FACTORY": "lgpio",
            "ALARM_MQTT__HOST": "localhost",
            "ALARM_MQTT__USERNAME": "alarm",
            "ALARM_MQTT__PASSWORD_FILE": "/run/secrets/idc/mqtt-password",
            "ALARM_MQTT__CA_FILE": "/run/secrets/idc/ca.crt",
        }
        (pi / "alarm.env").write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in settings.items()))
        (self.root / "etc/hosts").write_text("127.0.0.1 localhost\n")

    def pack(self, target: Path) -> None:
        """Write the root as the archive that a kernel takes as its first file system."""
        archive = "find . -print0 | cpio --quiet --null --create --format=newc --owner=+0:+0"
        command = f"{archive} | zstd -1 -q -f -o {shlex.quote(str(target))}"
        run("bash", "-o", "pipefail", "-c", command, cwd=self.root)


class EmulatedPi:
    """One run of the machine, from power on to the end of the scenario."""

    def __init__(self, folder: Path, kernel: Path, device_tree: Path, initrd: Path) -> None:
        self.log = folder / "serial.log"
        append = f"console=ttyAMA0,115200 loglevel=4 rdinit=/pi/init idc.now={int(time.time())}"
        self._command: list[str | Path] = [
            *("qemu-system-aarch64", "-M", "raspi3b", "-display", "none", "-monitor", "none", "-no-reboot"),
            *("-kernel", kernel, "-dtb", device_tree, "-initrd", initrd, "-append", append),
            *("-serial", f"file:{self.log}"),
        ]

    def run(self, timeout_s: float) -> list[dict[str, Any]]:
        """Run the scenario and return its steps. QEMU's Pi cannot switch itself off, so its process is ended then."""
        machine = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + timeout_s
        try:
            while "\nPI-END" not in self.text():
                if machine.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the emulated Pi did not end in {timeout_s} s: {self.text()[-6000:]}")
                time.sleep(0.5)
        finally:
            machine.kill()
            machine.wait(timeout=20)
        return [json.loads(line.removeprefix("PI-STEP ")) for line in self._lines() if line.startswith("PI-STEP ")]

    def text(self) -> str:
        return self.log.read_text(errors="replace").replace("\r", "") if self.log.exists() else ""

    def _lines(self) -> list[str]:
        return self.text().splitlines()
