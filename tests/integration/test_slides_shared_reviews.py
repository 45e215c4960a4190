"""Readers at several services with one database answer at the same moment."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy import text

from idc_contracts import utc_now
from idc_contracts.slides import CellReview, SlideVerdict
from idc_slides.records.review_change_store import given_reviews
from idc_slides.records.reviews_store import ReviewsStore
from support.eventually import wait_until
from support.postgres import PostgresServer
from support.slide_readers import Readers

pytestmark = pytest.mark.integration


@pytest.fixture
def readers(postgres: PostgresServer) -> Iterator[Readers]:
    readers = Readers(postgres.new_database())
    yield readers
    readers.database.close()


def someone_waits(readers: Readers) -> bool:
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with readers.database.read() as connection:
        return connection.execute(text(query)).scalar_one() > 0


def test_a_decision_follows_from_an_answer_that_was_given_at_the_same_moment(readers: Readers) -> None:
    store, has_begun, may_end = ReviewsStore(readers.database), Event(), Event()
    review = CellReview(column=1, row=2, verdict=SlideVerdict.IDC, reviewer="ann", reviewed_at=utc_now())

    def ann_answers() -> None:
        with store.changing(readers.slide_id) as change:
            change.add([review])
            has_begun.set()
            may_end.wait(60)
            change.decide(change.slide)

    with ThreadPoolExecutor(2) as threads:
        ann = threads.submit(ann_answers)
        assert has_begun.wait(60)
        bob = threads.submit(readers.says, "bob", SlideVerdict.NO_IDC, (3, 4))
        wait_until(lambda: someone_waits(readers), "one waits for the other")
        may_end.set()
        ann.result(timeout=60)
        bob.result(timeout=60)

    assert readers.reviewing.done(readers.slide_id).slide.counts.reviewed == 2


def test_that_others_were_shown_is_noted_for_an_answer_that_is_just_being_stored(readers: Readers) -> None:
    store, has_begun, may_end = ReviewsStore(readers.database), Event(), Event()
    readers.says("ann", SlideVerdict.IDC)
    readers.says("bob", SlideVerdict.NO_IDC)
    late = CellReview(column=1, row=2, verdict=SlideVerdict.IDC, reviewer="bob", reviewed_at=utc_now())

    def bob_answers_again() -> None:
        with store.changing(readers.slide_id) as change:
            change.add([late])
            has_begun.set()
            may_end.wait(60)

    with ThreadPoolExecutor(2) as threads:
        answer = threads.submit(bob_answers_again)
        assert has_begun.wait(60)
        look = threads.submit(readers.sees, "bob")
        wait_until(lambda: someone_waits(readers), "the look waits for the answer")
        may_end.set()
        answer.result(timeout=60)
        look.result(timeout=60)

    with readers.database.read() as connection:
        given = [one for one in given_reviews(connection, readers.slide_id) if one.review.reviewer == "bob"]
    assert len(given) == 2
    assert all(one.unsealed_at for one in given)
