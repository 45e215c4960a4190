#!/usr/bin/env python3
"""Speaks the stick worker's protocol without a stick: P(IDC) is a patch's mean over 255. It can fail in named ways."""

import json
import os
import struct
import sys
import time

SIDE_PX = 50


def main() -> int:
    """Fail as the environment says, or answer until the input ends."""
    failure = os.environ.get("FAKE_STICK", "")
    if failure == "no stick":
        say({"error": "Can not init Myriad device: NC_ERROR"})
        return 69
    if failure == "mute":
        time.sleep(60)
    say({"device": sys.argv[2], "available": ["CPU", "MYRIAD"]})
    answer(failure)
    return 0


def say(line: dict[str, object]) -> None:
    """Write one line of JSON."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def answer(failure: str) -> None:
    """Answer each request."""
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    patch_bytes = SIDE_PX * SIDE_PX * 3
    while head := source.read(4):
        (count,) = struct.unpack("<I", head)
        body = source.read(count * patch_bytes)
        if failure == "dies":
            return
        if failure == "unplugged":
            text = b"was the stick unplugged?"
            sink.write(b"\1" + struct.pack("<I", len(text)) + text)
        else:
            means = [sum(body[i * patch_bytes : (i + 1) * patch_bytes]) / patch_bytes / 255 for i in range(count)]
            sink.write(b"\0" + struct.pack(f"<{count}f", *means))
        sink.flush()


if __name__ == "__main__":
    sys.exit(main())
