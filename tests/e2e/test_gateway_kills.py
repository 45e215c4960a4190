"""The gateway is killed twenty times during 1,000 posts: what it accepted is stored, audited and published, once."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest

from idc_contracts import CLASSIFICATIONS, PatchClassified
from support.careful_client import post_until_accepted
from support.compose_stack import ComposeStack
from support.demo_patches import DemoPatches
from support.eventually import wait_until
from support.fault_scene import acted_on
from support.session_client import SessionClient

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

POSTS, KILLS, CLIENTS = 1000, 20, 4
URL = "/api/v1/classifications"


@contextmanager
def killed_again_and_again(stack: ComposeStack, posted: list[str]) -> Iterator[list[int]]:
    """Kill the gateway at twenty moments, spread over the posts, while the block runs."""
    kills: list[int] = []
    done = threading.Event()

    def kill() -> None:
        for number in range(KILLS):
            while len(posted) < (number + 1) * POSTS // (KILLS + 5) and not done.is_set():
                time.sleep(0.01)
            stack.kill("gateway")
            kills.append(len(posted))
            stack.restart("gateway")

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield kills
        thread.join(300)
    finally:
        done.set()
        thread.join(300)


def all_pages(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    items, cursor = [], None
    while True:
        page = client.get(path, params={"limit": 1000, **({"cursor": cursor} if cursor else {})}).json()
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


def published(subscriber: SessionClient) -> set[str]:
    return {str(PatchClassified.from_payload(payload).classification_id) for payload in list(subscriber.payloads)}


def test_no_accepted_result_is_lost_and_none_is_stored_twice(stack: ComposeStack, patches: DemoPatches) -> None:
    subscriber = SessionClient(stack.mqtt_settings("operator"), f"kills-{uuid4().hex[:8]}", CLASSIFICATIONS.filter())
    posted: list[str] = []
    with stack.client() as client:
        before = {item["id"] for item in all_pages(client, URL)}
        with killed_again_and_again(stack, posted) as kills, ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(lambda _: posted.extend(post_until_accepted(client, patches.negative)), range(POSTS)))
        stack.start(build=False)
        stored = [item["id"] for item in all_pages(client, URL) if item["id"] not in before]
        audited = {r["subject"] for r in all_pages(client, "/api/v1/audit") if r["action"] == "patch.classified"}
        verification = client.get("/api/v1/audit/verification").json()

    assert len(kills) == KILLS
    assert kills[0] > 0
    assert kills[-1] < POSTS
    assert sorted(stored) == sorted(posted)
    assert set(posted) <= audited
    assert verification["intact"], verification
    wait_until(lambda: set(posted) <= published(subscriber), "every result was published", 120)
    wait_until(lambda: set(posted) <= acted_on(stack.logs("alarm")).keys(), "the alarm has acted on every result", 120)
    subscriber.leave()
