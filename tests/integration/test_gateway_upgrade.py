"""A database of every earlier version is brought up to date with its data, and gives no number twice afterwards."""

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text

from idc_contracts import Decision, FieldOfView, Reason
from idc_gateway.audit.chain import EMPTY, AuditEvent, record_after
from idc_gateway.messages.ports import OutgoingMessage
from idc_gateway.results.classifications import Classification, Verdict
from idc_gateway.results.positions import START
from idc_gateway.results.queries import ClassificationFilter
from idc_gateway.results.unit_of_work import UnitOfWork
from idc_gateway.store import Store, open_store
from support.gateway_fakes import FAKE_MODEL, FAKE_THRESHOLDS

pytestmark = pytest.mark.integration

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
OLD, OLD_UNCERTAIN = UUID(int=1), UUID(int=2)
REVISIONS = ["0001", "0002", "0003", "0007"]
HAS_HISTORY = ("0002", "0003")


@pytest.fixture(params=REVISIONS)
def revision(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def upgraded(store_url: str, revision: str) -> Iterator[Store]:
    make_old(store_url, revision)
    store = open_store(store_url)
    yield store
    store.database.close()


def make_old(url: str, revision: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(files("idc_gateway.sql") / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        fill(connection, revision)
    engine.dispose()


def fill(connection: Connection, revision: str) -> None:
    is_sqlite = connection.dialect.name == "sqlite"
    identity, uncertain = (one.hex if is_sqlite else str(one) for one in (OLD, OLD_UNCERTAIN))
    result = {
        "id": f"'{identity}'",
        "name": "'old.png'",
        "probability": "0.9",
        "decision": "'idc'",
        "model_name": "'idc'",
        "model_version": "'1'",
        "model_sha256": f"'{'0' * 64}'",
        "no_idc_below": "0.4",
        "idc_from": "0.6",
        "latency_ms": "1",
        "created_at": "'2026-01-01 12:00:00'",
        "width_px": "50",
        "height_px": "50",
    }
    message = {"topic": "'t'", "payload": f"CAST('waits' AS {'BLOB' if is_sqlite else 'BYTEA'})"}
    if revision in HAS_HISTORY:
        result["image_sha256"] = f"'{'a' * 64}'"
    if revision != "0001":
        message["created_at"] = "'2026-01-01 12:00:00'"
    insert(connection, "classifications", result)
    other = {"id": f"'{uncertain}'", "decision": "'uncertain'", "width_px": "100"}
    insert(connection, "classifications", {**result, **other})
    insert(connection, "outbox", message)
    if revision in HAS_HISTORY:
        add_history(connection, identity)


def add_history(connection: Connection, identity: str) -> None:
    image = {"sha256": f"'{'a' * 64}'", "media_type": "'image/png'", "size_bytes": "7", "stored_at": "'2026-01-01'"}
    review = {"verdict": "'idc'", "comment": "''", "reviewer": "'r'", "reviewed_at": "'2026-01-01'"}
    insert(connection, "images", image)
    insert(connection, "reviews", {"classification_id": f"'{identity}'", **review})
    # Nine results were stored and eight of them deleted since.
    head = EMPTY
    for number in range(17):
        record = record_after(head, AuditEvent("patch.classified", "k", str(number), NOW))
        at, links = "'2026-06-01 12:00:00'", f"'{record.previous_sha256}', '{record.sha256}'"
        connection.execute(
            text(
                f"INSERT INTO audit VALUES ({record.sequence}, {at}, 'k', 'patch.classified', '{number}', NULL, "
                f"'{{}}', {links})".replace(":", "\\:")
            )
        )
        head = type(head)(record.sequence, record.sha256)
    connection.execute(text(f"UPDATE audit_head SET sequence = {head.sequence}, sha256 = '{head.sha256}'"))


def insert(connection: Connection, table: str, row: dict[str, str]) -> None:
    values = ", ".join(row.values()).replace(":", "\\:")
    connection.execute(text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})"))


def unit_of_work(name: str) -> tuple[UUID, UnitOfWork]:
    result = Classification(uuid4(), name, 0.5, Decision.IDC, FAKE_MODEL, FAKE_THRESHOLDS, 1.0, NOW, 50, 50)
    audit = [AuditEvent("patch.classified", "k", str(result.id), NOW)]
    return result.id, UnitOfWork(NOW, results=[result], messages=[OutgoingMessage("t", name.encode())], audit=audit)


def newest(store: Store) -> int:
    return store.results.since(START, 100).position.sequence


def test_data_of_every_earlier_version_is_there_after_the_upgrade(upgraded: Store, revision: str) -> None:
    old = upgraded.results.get(OLD)

    assert old is not None
    assert old.name == "old.png"
    assert [message.payload for _, message in upgraded.outbox.waiting(9)] == [b"waits"]
    assert upgraded.audit.verify().is_intact
    if revision in HAS_HISTORY:
        assert [review.verdict for review in upgraded.reviews.history(OLD)] == [Verdict.IDC]
        assert upgraded.images.find("a" * 64) == ("a" * 64, "image/png")


def test_old_results_get_their_reasons_and_fields(upgraded: Store) -> None:
    decided, uncertain = upgraded.results.get(OLD), upgraded.results.get(OLD_UNCERTAIN)

    assert decided is not None
    assert uncertain is not None
    assert (decided.reasons, decided.field) == ((), FieldOfView.NATIVE)
    assert (uncertain.reasons, uncertain.field) == ((Reason.BETWEEN_THRESHOLDS,), FieldOfView.ASSUMED)
    found = upgraded.results.page(ClassificationFilter(reason=Reason.BETWEEN_THRESHOLDS), 9, None).items
    assert [one.id for one in found] == [OLD_UNCERTAIN]


def test_waiting_message_of_the_first_version_is_not_taken_for_an_old_one(upgraded: Store, revision: str) -> None:
    _, oldest = upgraded.outbox.backlog()

    assert oldest is not None
    assert oldest.year >= 2026


def test_deleted_result_takes_its_reviews_along_after_the_upgrade(upgraded: Store) -> None:
    assert upgraded.results.delete(OLD, AuditEvent("classification.deleted", "p", "x", NOW))

    assert upgraded.reviews.history(OLD) == []


def test_no_number_is_given_again_after_the_newest_row_is_gone(upgraded: Store) -> None:
    given = {1, 2}
    for name in ("a", "b"):
        identity, new = unit_of_work(name)
        upgraded.results.add([new])
        number = newest(upgraded)
        assert number not in given
        given.add(number)
        upgraded.results.delete(identity, AuditEvent("classification.deleted", "p", "x", NOW))
        messages = dict(upgraded.outbox.waiting(9))
        upgraded.outbox.expire(datetime(2027, 1, 1, tzinfo=UTC), AuditEvent("messages.expired", "g", "o", NOW))
        upgraded.results.add([UnitOfWork(NOW, messages=[OutgoingMessage("t", b"later")])])
        assert not set(messages) & {sequence for sequence, _ in upgraded.outbox.waiting(9)}


def test_numbers_of_rows_that_were_deleted_before_the_upgrade_are_not_given_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'gateway.sqlite3'}"
    make_old(url, "0003")
    store = open_store(url)

    store.results.add([unit_of_work("new")[1]])

    assert newest(store) > 9, "nine results were stored before, of which eight were deleted"
    store.database.close()
