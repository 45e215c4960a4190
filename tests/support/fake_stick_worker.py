#!/usr/bin/env python3
"""Speaks the stick worker's protocol without a stick: P(IDC) is a patch's mean over 255. It can fail in named ways.

`FAKE_STICK_OUTPUTS` names its outputs with commas; those other than P(IDC) are ten times as large. The failure is what
`FAKE_STICK` says, or what stands in the file that `FAKE_STICK_FILE` names, which may change while the worker runs.
"""

import json
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

SIDE_PX = 50
LONG_S = 600


def failure() -> str:
    """How to fail now; empty for not at all."""
    file = os.environ.get("FAKE_STICK_FILE")
    if file and Path(file).exists():
        return Path(file).read_text().strip()
    return os.environ.get("FAKE_STICK", "")


def outputs() -> list[str]:
    return os.environ.get("FAKE_STICK_OUTPUTS", "probability").split(",")


def main() -> int:
    if failure() == "no stick":
        say({"error": "Can not init Myriad device: NC_ERROR"})
        return 69
    if failure() == "mute":
        time.sleep(LONG_S)
    if failure() == "babbles at first":
        say([["no", "hello"]])
    hello = {"device": sys.argv[2], "available": ["CPU", "MYRIAD"], "outputs": outputs()}
    if os.environ.get("FAKE_STICK_SIDES"):
        hello |= {"height_px": SIDE_PX, "width_px": SIDE_PX}
    say(hello)
    answer()
    return 0


def say(line: object) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def answer() -> None:
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    patch_bytes = SIDE_PX * SIDE_PX * 3
    if failure() == "does not read":
        time.sleep(LONG_S)
    while head := source.read(4):
        (count,) = struct.unpack("<I", head)
        body = source.read(count * patch_bytes)
        how = failure()
        if how == "dies":
            return
        if how == "hangs with a child":
            subprocess.run(["/bin/sleep", str(LONG_S)], check=False)
        if how == "hangs":
            time.sleep(LONG_S)
        means = [sum(body[i * patch_bytes : (i + 1) * patch_bytes]) / patch_bytes / 255 for i in range(count)]
        sink.write(frame(how, means))
        sink.flush()
        if how == "stops within an answer":
            time.sleep(LONG_S)


def frame(how: str, means: list[float]) -> bytes:
    values = [mean if output == "probability" else 10 * mean for output in outputs() for mean in means]
    right = b"\0" + struct.pack(f"<{len(values)}f", *values)
    text = b"was the stick unplugged?"
    frames = {
        "unplugged": b"\1" + struct.pack("<I", len(text)) + text,
        "long text": b"\1" + struct.pack("<I", 2**31) + b"x" * 10_000,
        "babbles": b"\7 what?" + bytes(100),
        "no probabilities": b"\0" + struct.pack(f"<{len(means)}f", *(17.0 for _ in means)),
        "no numbers": b"\0" + struct.pack(f"<{len(means)}f", *(float("nan") for _ in means)),
        "stops within an answer": right[:3],
    }
    return frames.get(how, right)


if __name__ == "__main__":
    try:
        code = main()
    except BrokenPipeError:
        os._exit(0)  # the service has ended
    sys.exit(code)
