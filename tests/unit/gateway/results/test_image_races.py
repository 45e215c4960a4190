"""An accepted result has its image, in whatever order a new result, deletes and retention take their steps.

Each actor runs in a thread of its own and stops before every step that others can see: each access to the image store
and each transaction. A scheduler lets one of them take one step at a time, in every order that there is.
"""

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event

from idc_gateway.audit.chain import AuditEvent
from idc_gateway.classifying.check_image import CheckedImage
from idc_gateway.classifying.outcomes import Outcome
from idc_gateway.classifying.result_writer import Entry, ObjectNames, ResultWriter
from idc_gateway.idempotency.job import Job
from idc_gateway.inference.ports import Prediction
from idc_gateway.results.image_deletions import ImageDeletions
from idc_gateway.results.queries import ClassificationFilter
from idc_gateway.results.retention import Retention
from idc_gateway.results.stored_images import read_image
from idc_gateway.results.unsettled import SETTLE_WITHIN
from idc_gateway.sql.database import Database
from idc_gateway.store import Store
from support.gateway_fakes import FAKE_MODEL, FAKE_THRESHOLDS, MemoryImages

NOW = datetime(2026, 6, 1, tzinfo=UTC)
OLD = NOW - timedelta(days=100)
IMAGE = CheckedImage("a.png", b"the same pixels", 50, 50, "image/png")
STEPS = 4
"""So many of each actor are put in order; what it does afterwards runs beside the others."""


class Schedule:
    """Lets actors take their steps in one order."""

    def __init__(self, order: tuple[int, ...]) -> None:
        self._order = order
        self._turns = [threading.Semaphore(0) for _ in range(max(order) + 1)]
        self._arrived = threading.Semaphore(0)
        self._actor = threading.local()
        self._is_over = False

    def step(self) -> None:
        """Wait for this thread's turn."""
        if self._is_over or not hasattr(self._actor, "number"):
            return
        self._arrived.release()
        self._turns[self._actor.number].acquire(timeout=60)

    def run(self, actors: list[Callable[[], object]]) -> None:
        """Run the actors; what any of them raises is raised."""
        with ThreadPoolExecutor(len(actors)) as pool:
            done = [pool.submit(self._act, number, actor) for number, actor in enumerate(actors)]
            for _ in actors:
                self._arrived.acquire(timeout=60)
            for number in self._order:
                if not done[number].done():
                    self._turns[number].release()
                    self._arrived.acquire(timeout=60)
            self._is_over = True
            for turn in self._turns:
                turn.release(100)
            for future in done:
                future.result()

    def _act(self, number: int, actor: Callable[[], object]) -> None:
        self._actor.number = number
        self.step()
        try:
            actor()
        finally:
            self._arrived.release()


class Stepped:
    """Anything whose every call is a step."""

    def __init__(self, inner: object, schedule: Schedule) -> None:
        self._inner, self._schedule = inner, schedule

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)

        def call(*args: object, **kwargs: object) -> object:
            self._schedule.step()
            return found(*args, **kwargs)

        return call if callable(found) else found


class Gateway:
    """What one gateway does to images; several share a store and images and nothing else."""

    def __init__(self, store: Store, images: Any) -> None:
        self._now = NOW
        self._results = store.results
        self._writer = ResultWriter(
            store.results, store.images, images, site="site", device="gateway", clock=lambda: self._now
        )
        self._retention = Retention(store.images, max_age=timedelta(days=90), max_bytes=10**9, clock=lambda: NOW)
        self._deletions = ImageDeletions(store.images, images, self._writer.abandon_unsettled)

    def classify(self, at: datetime = NOW) -> Entry:
        prediction = Prediction(0.1, FAKE_MODEL, FAKE_THRESHOLDS)
        result = self._writer.new_result(IMAGE, prediction, 1.0, at)
        (names,) = self._writer.put_images([[IMAGE]])
        assert isinstance(names, ObjectNames)
        entry = Entry([Outcome(0, "a.png", result)], [IMAGE], Job("key", "r"), at, names)
        assert self._writer.write([entry]).fresh == [True]
        return entry

    def delete(self, entry: Entry) -> None:
        self._results.delete(entry.results[0].id, AuditEvent("classification.deleted", "key", "x", NOW))
        self._deletions.delete_due()

    def tidy_later(self) -> None:
        self._now += SETTLE_WITHIN + timedelta(seconds=1)
        self._deletions.delete_due()

    def retain(self) -> None:
        self._retention.remove_due()
        self._deletions.delete_due()


@pytest.fixture
def store(store: Store) -> Store:
    """Hundreds of orders are played: they need no durable disk."""
    assert isinstance(store.database, Database)
    event.listen(store.database.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    store.database.engine.dispose()
    return store


def orders(actors: int) -> list[tuple[int, ...]]:
    """Every order in which so many actors can take their steps, or a spread of them where there are too many."""
    steps = [number for number in range(actors) for _ in range(STEPS)]
    if actors == 2:
        places = itertools.combinations(range(len(steps)), STEPS)
        return [tuple(0 if place in chosen else 1 for place in range(len(steps))) for chosen in map(set, places)]
    blocks = itertools.product(itertools.permutations(range(actors)), repeat=STEPS)
    return [tuple(itertools.chain.from_iterable(block)) for block in itertools.islice(blocks, 0, None, 31)]


def play(store: Store, order: tuple[int, ...], others: list[str]) -> None:
    images, schedule = MemoryImages(), Schedule(order)
    old = Gateway(store, images).classify(OLD)
    stepped = replace(store, results=Stepped(store.results, schedule), images=Stepped(store.images, schedule))
    does: dict[str, Callable[[Gateway], object]] = {
        "delete": lambda gateway: gateway.delete(old),
        "retain": Gateway.retain,
        "classify": Gateway.classify,
    }

    names = ["classify", *others]
    gateways = [Gateway(stepped, Stepped(images, schedule)) for _ in names]

    schedule.run([partial(does[name], gateway) for name, gateway in zip(names, gateways, strict=True)])

    sha256 = old.results[0].image_sha256
    assert read_image(store.images, images, sha256) == (IMAGE.data, "image/png"), order
    clear(store, images, gateways)
    assert images.images == {}, f"an object is left that nobody lists: {order}"


def clear(store: Store, images: MemoryImages, gateways: list[Gateway]) -> None:
    for result in store.results.page(ClassificationFilter(), 50, None).items:
        store.results.delete(result.id, AuditEvent("classification.deleted", "key", "x", NOW))
    for gateway in [Gateway(store, images), *gateways]:
        gateway.tidy_later()


@pytest.mark.parametrize("other", ["delete", "retain", "classify"])
def test_accepted_result_has_its_image_in_every_order_of_two(store: Store, other: str) -> None:
    for order in orders(2):
        play(store, order, [other])


def test_accepted_result_has_its_image_among_a_delete_and_retention(store: Store) -> None:
    for order in orders(3):
        play(store, order, ["delete", "retain"])
