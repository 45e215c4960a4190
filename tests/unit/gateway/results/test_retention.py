"""Images go oldest first, and never one that shows a positive which nobody has reviewed."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from idc_contracts import Decision
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.classifying.result_writer import ResultWriter
from idc_gateway.errors import ImagesUnavailable
from idc_gateway.results.classifications import Classification, Review, Verdict
from idc_gateway.results.image_deletions import ImageDeletions
from idc_gateway.results.retention import Retention
from idc_gateway.results.unit_of_work import NewImage, UnitOfWork
from idc_gateway.store import Store
from support.audit_records import latest_record
from support.gateway_fakes import FAKE_MODEL, FAKE_THRESHOLDS, MemoryImages

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
Put = Callable[..., Classification]


@pytest.fixture
def put(store: Store, images: MemoryImages) -> Put:
    def put_one(
        name: str, *, age: timedelta, decision: Decision = Decision.NO_IDC, size_bytes: int = 100
    ) -> Classification:
        data = name.encode().ljust(size_bytes, b".")
        sha256 = hashlib.sha256(data).hexdigest()
        result = Classification(
            uuid4(), name, 0.5, decision, FAKE_MODEL, FAKE_THRESHOLDS, 1.0, NOW - age, 50, 50, image_sha256=sha256
        )
        images.put(sha256, data)
        store.results.add([UnitOfWork(NOW - age, results=[result], images=[NewImage(sha256, "image/png", size_bytes)])])
        return result

    return put_one


class Cleaner:
    """Retention, and the deletion of what it removed."""

    def __init__(self, store: Store, images: MemoryImages, *, max_bytes: int = 10**9) -> None:
        self._retention = Retention(store.images, max_age=90 * DAY, max_bytes=max_bytes, clock=lambda: NOW)
        writer = ResultWriter(store.results, store.images, images, site="site", device="gateway")
        self._deletions = ImageDeletions(store.images, images, writer.abandon_unsettled)

    def remove_due(self) -> int:
        count = self._retention.remove_due()
        self._deletions.delete_due()
        return count


def names(images: MemoryImages) -> set[str]:
    return {data.rstrip(b".").decode() for data in images.images.values()}


def test_old_images_go_and_the_results_stay(store: Store, images: MemoryImages, put: Put) -> None:
    old = put("old", age=91 * DAY)
    put("new", age=89 * DAY)

    assert Cleaner(store, images).remove_due() == 1

    assert names(images) == {"new"}
    assert store.results.get(old.id) is not None
    assert store.images.total() == (1, 100)
    latest = latest_record(store, "images.removed")
    assert latest is not None
    assert latest.event.details == {"count": 1, "bytes": 100, "reason": "over the age limit"}


def test_too_many_bytes_cost_the_oldest(store: Store, images: MemoryImages, put: Put) -> None:
    for number in range(10):
        put(f"{number}", age=(20 - number) * DAY)

    Cleaner(store, images, max_bytes=350).remove_due()

    assert names(images) == {"7", "8", "9"}


def test_unreviewed_positive_stays_until_it_is_reviewed(store: Store, images: MemoryImages, put: Put) -> None:
    positive = put("positive", age=300 * DAY, decision=Decision.IDC)
    put("uncertain", age=300 * DAY, decision=Decision.UNCERTAIN)

    Cleaner(store, images, max_bytes=1).remove_due()
    assert names(images) == {"positive"}
    review = Review(Verdict.IDC, "", "someone", NOW)
    store.reviews.add(positive.id, review, AuditEvent("review.recorded", "someone", "x", NOW), None)
    Cleaner(store, images, max_bytes=1).remove_due()

    assert names(images) == set()


def test_image_that_two_results_share_stays_for_the_unreviewed_positive(
    store: Store, images: MemoryImages, put: Put
) -> None:
    put("same", age=300 * DAY)
    put("same", age=200 * DAY, decision=Decision.IDC)

    assert Cleaner(store, images).remove_due() == 0
    assert names(images) == {"same"}


def test_image_that_is_sent_again_begins_its_time_again(store: Store, images: MemoryImages, put: Put) -> None:
    put("same", age=300 * DAY)
    put("same", age=1 * DAY)

    assert Cleaner(store, images).remove_due() == 0


def test_broken_image_store_delays_the_deletion_and_nothing_else(store: Store, images: MemoryImages, put: Put) -> None:
    put("old", age=300 * DAY)
    images.failure = ImagesUnavailable("away")

    with pytest.raises(ImagesUnavailable):
        Cleaner(store, images).remove_due()
    assert store.images.total() == (0, 0)
    images.failure = None
    Cleaner(store, images).remove_due()

    assert names(images) == set()
    assert store.images.due_deletions(9) == []
