"""Payloads that no honest service sends: malformed, oversized in every way that fits, and valid but for one field."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

SAMPLES: Final = Path(__file__).parents[1] / "contract/samples/v1"
LARGEST_BYTES: Final = 15_000
"""What fits into the broker's largest packet beside the topic."""

FIXED: Final = (
    b"",
    b"\0" * 100,
    b"\xff\xfe\xfd",
    b"\xef\xbb\xbf{}",
    b"{",
    b"[]",
    b"null",
    b"true",
    b'"text"',
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"9" * 10_000,
    b"[" * LARGEST_BYTES,
    b'{"a":' * (LARGEST_BYTES // 5),
    b'{"message_id":"' + b"x" * (LARGEST_BYTES - 20) + b'"}',
    b'{"schema_version":1,"schema_version":2}',
    b'{"\\ud800":"\\udfff"}',
    b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
)
WORDS: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    2**63,
    10**400,
    1e308,
    float("nan"),
    "",
    "\0",
    "\ud800",
    "x" * 10_000,
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "'; DROP TABLE results; --",
    "%s%n${jndi:ldap://x}",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00",
    "1970-01-01T00:00:00Z",
    "2026-02-30T00:00:00Z",
    [],
    [[]] * 100,
    {},
    {"a": {"b": {}}},
)


def sample(message: str) -> dict[str, Any]:
    """A valid message, by its model's name."""
    document: dict[str, Any] = json.loads((SAMPLES / f"{message}.json").read_text())
    return document


def hostile_payloads(message: str, rng: random.Random, *, damaged: int) -> Iterator[bytes]:
    """Everything that is tried on one topic, `damaged` copies of a valid message among it; `LARGEST_BYTES` at most."""
    yield from FIXED
    valid = sample(message)
    for field in valid:
        yield _encoded({name: value for name, value in valid.items() if name != field})
        for word in WORDS:
            yield _encoded(valid | {field: word})
    for other in sorted(SAMPLES.glob("*.json")):
        yield other.read_bytes()
    whole = _encoded(valid)
    for _ in range(damaged):
        yield _damaged(whole, rng)


def _encoded(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


def _damaged(payload: bytes, rng: random.Random) -> bytes:
    damaged = bytearray(payload)
    for _ in range(rng.randint(1, 8)):
        damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    return bytes(damaged[: rng.randint(1, len(damaged))] if rng.random() < 0.3 else damaged)
