"""Two gateways with one PostgreSQL database and one image store."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from idc_gateway.audit.chain import AuditEvent
from idc_gateway.classifying.check_image import CheckedImage
from idc_gateway.classifying.outcomes import Outcome
from idc_gateway.classifying.result_writer import Entry, ObjectNames, ResultWriter
from idc_gateway.idempotency.job import Job
from idc_gateway.inference.ports import Prediction
from idc_gateway.results.image_deletions import ImageDeletions
from idc_gateway.results.retention import Retention
from idc_gateway.results.stored_images import read_image
from idc_gateway.store import Store
from support.gateway_fakes import FAKE_MODEL, FAKE_THRESHOLDS, MemoryImages

pytestmark = pytest.mark.integration

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_images_of_accepted_results_are_there_while_two_gateways_delete_and_retain(
    shared: Callable[[], Store],
) -> None:
    images = MemoryImages()
    gateways = [ImageWork(shared(), images) for _ in range(2)]

    with ThreadPoolExecutor(4) as pool:
        kept = [number for turns in pool.map(lambda n: gateways[n % 2].work(), range(4)) for number in turns]

    store = gateways[0].store
    assert kept
    for identity in kept:
        found = store.results.get(identity)
        assert found is not None
        assert read_image(store.images, images, found.image_sha256) is not None


class ImageWork:
    """Stores results of a few images, deletes some of them, and removes old images, in turn."""

    def __init__(self, store: Store, images: MemoryImages) -> None:
        self.store = store
        self._writer = ResultWriter(store.results, store.images, images, site="site", device="gateway")
        self._deletions = ImageDeletions(store.images, images, self._writer.abandon_unsettled)
        self._retention = Retention(store.images, max_age=timedelta(days=90), max_bytes=10**9, clock=lambda: NOW)

    def work(self) -> list[UUID]:
        """The results that stay."""
        kept = []
        for turn in range(12):
            image = CheckedImage("a.png", b"pixels %d" % (turn % 2), 50, 50, "image/png")
            old, new = self._add(image, NOW - timedelta(days=100)), self._add(image, NOW)
            self.store.results.delete(old, AuditEvent("classification.deleted", "key", "x", NOW))
            self._retention.remove_due()
            self._deletions.delete_due()
            kept.append(new)
        return kept

    def _add(self, image: CheckedImage, at: datetime) -> UUID:
        prediction = Prediction(0.1, FAKE_MODEL, FAKE_THRESHOLDS)
        result = self._writer.new_result(image, prediction, 1.0, at)
        (names,) = self._writer.put_images([[image]])
        assert isinstance(names, ObjectNames)
        entry = Entry([Outcome(0, "a.png", result)], [image], Job("key", "r"), at, names)
        assert self._writer.write([entry]).fresh == [True]
        return result.id
