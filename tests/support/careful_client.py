"""Posts as a careful client does: again, with the same key, while the answer is 503 or nobody answers."""

import time
from typing import Any
from uuid import uuid4

import httpx


def post_until_accepted(client: httpx.Client, *images: bytes, timeout_s: float = 120.0) -> list[str]:
    """Post one PNG as a raw body, or several in one form, until the gateway accepts them; returns the results' ids."""
    headers = {"Idempotency-Key": uuid4().hex}
    body: dict[str, Any] = {"files": [("images", (f"{n}.png", image, "image/png")) for n, image in enumerate(images)]}
    if len(images) == 1:
        headers["Content-Type"] = "image/png"
        body = {"content": images[0]}
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            answer = client.post("/api/v1/classifications", headers=headers, **body)
        except httpx.TransportError:
            time.sleep(0.1)
            continue
        if answer.status_code == 201:
            results = (item.get("classification", item) for item in answer.json()["items"])
            return [str(result["id"]) for result in results if result]
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["Retry-After"]) >= 1
        time.sleep(0.1)
    raise TimeoutError(f"the images were not accepted in {timeout_s} s")
