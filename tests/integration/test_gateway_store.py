"""The same store on SQLite and on PostgreSQL, alone and shared."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine, inspect, text

from idc_contracts import Decision, Reason
from idc_gateway.access.accounts import ApiKey, Proof, SignInBy, User
from idc_gateway.access.scopes import Role
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import StoreUnavailable
from idc_gateway.idempotency.receipts import Claim, Receipt
from idc_gateway.messages.ports import OutgoingMessage
from idc_gateway.results.classifications import Classification, PatchOrigin, Review, Verdict
from idc_gateway.results.positions import START
from idc_gateway.results.queries import ClassificationFilter
from idc_gateway.results.unit_of_work import NewImage, UnitOfWork
from idc_gateway.sql.database import Database, open_database
from idc_gateway.sql.tables import metadata
from idc_gateway.store import Store, open_store
from support.eventually import wait_until
from support.gateway_fakes import FAKE_MODEL, FAKE_THRESHOLDS
from support.postgres import PostgresServer

pytestmark = pytest.mark.integration

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    store = open_store(store_url)
    yield store
    store.leadership.release()
    store.database.close()


def result(
    number: int = 0, decision: Decision = Decision.IDC, *reasons: Reason, um_per_px: float | None = None
) -> Classification:
    origin = PatchOrigin(f"patient {number % 3}", f"slide {number % 5}", number, 2 * number, um_per_px=um_per_px)
    moment = NOW + timedelta(microseconds=number)
    return Classification(
        uuid4(),
        f"{number}.png",
        0.25,
        decision,
        FAKE_MODEL,
        FAKE_THRESHOLDS,
        1.5,
        moment,
        50,
        40,
        origin,
        "a" * 64,
        reasons=reasons,
    )


def unit_of_work(*results: Classification, **more: object) -> UnitOfWork:
    events = [
        AuditEvent("patch.classified", "first", str(r.id), r.created_at, "r", {"p": r.probability}) for r in results
    ]
    messages = [OutgoingMessage("topic", str(r.id).encode()) for r in results]
    return UnitOfWork(NOW, results=results, messages=messages, audit=events, **more)  # type: ignore[arg-type]


def test_result_comes_back_as_it_was_stored(store: Store) -> None:
    stored = result(7)

    store.results.add([unit_of_work(stored)])

    assert store.results.get(stored.id) == stored
    assert store.results.get(uuid4()) is None
    assert [message.payload for _, message in store.outbox.waiting(9)] == [str(stored.id).encode()]
    assert store.audit.verify().is_intact


def test_reasons_and_scale_come_back_and_each_reason_is_found(store: Store) -> None:
    results = [
        result(n, Decision.UNCERTAIN, *reasons, um_per_px=0.5) for n, reasons in enumerate(combinations(Reason, 2))
    ]
    store.results.add([unit_of_work(result(99), *results)])

    for one in results:
        assert store.results.get(one.id) == one
    for reason in Reason:
        found = store.results.page(ClassificationFilter(reason=reason), 99, None).items
        assert {one.id for one in found} == {one.id for one in results if reason in one.reasons}


def test_pages_and_filters(store: Store) -> None:
    results = [result(number, Decision.UNCERTAIN if number % 2 else Decision.NO_IDC) for number in range(12)]
    store.results.add([unit_of_work(*results)])
    review = Review(Verdict.UNCLEAR, "fold", "p", NOW)
    store.reviews.add(results[3].id, review, AuditEvent("review.recorded", "p", "x", NOW), None)

    first = store.results.page(ClassificationFilter(), 5, None)
    rest = store.results.page(ClassificationFilter(), 50, first.next_cursor)

    assert [r.name for r in [*first.items, *rest.items]] == [f"{n}.png" for n in range(11, -1, -1)]
    assert rest.next_cursor is None
    wanted = ClassificationFilter(decision=Decision.UNCERTAIN, patient="patient 0", reviewed=True)
    (found,) = store.results.page(wanted, 50, None).items
    assert (found.id, found.review) == (results[3].id, review)
    assert [r.id for _, r in store.results.since(START, 50).results] == [r.id for r in results]


def test_results_come_in_the_order_of_their_distance_from_the_cut(store: Store) -> None:
    """The middle between the thresholds is 0.5."""
    probabilities = {Decision.NO_IDC: 0.1, Decision.IDC: 0.7, Decision.UNCERTAIN: 0.45}
    found = [replace(result(n, one), probability=p) for n, (one, p) in enumerate(probabilities.items())]
    store.results.add([unit_of_work(*found)])

    first = store.results.most_uncertain(ClassificationFilter(reviewed=False), 2, None)
    second = store.results.most_uncertain(ClassificationFilter(reviewed=False), 2, first.next_cursor)

    assert [item.decision for item in (*first.items, *second.items)] == [
        Decision.UNCERTAIN,
        Decision.IDC,
        Decision.NO_IDC,
    ]
    assert second.next_cursor is None
    assert [item.probability for item in store.results.most_uncertain(ClassificationFilter(), 1, None).items] == [0.45]


def test_receipt_makes_the_whole_transaction_happen_once(store: Store) -> None:
    receipt = Receipt(Claim("first", "key", 0, "f" * 64), b"[]", NOW)

    stored = [store.results.add([unit_of_work(result(), receipt=receipt)]) for _ in range(2)]
    together = store.results.add(
        [unit_of_work(result(), receipt=replace(receipt, claim=replace(receipt.claim, key="k"))) for _ in range(2)]
    )

    assert stored == [[True], [False]]
    assert together == [True, False]
    assert store.receipts.find(receipt.claim) == receipt
    assert len(store.results.page(ClassificationFilter(), 9, None).items) == 2
    assert store.outbox.backlog()[0] == 2
    assert store.audit.verify().records == 2


def test_image_that_is_stored_again_is_one_image(store: Store) -> None:
    for _ in range(2):
        store.results.add([unit_of_work(result(), images=[NewImage("a" * 64, "image/png", 10)] * 2)])

    assert store.images.total() == (1, 10)
    assert store.images.find("a" * 64) == ("a" * 64, "image/png")
    assert store.images.removable(9) == [], "it shows a positive that nobody has reviewed"


def test_deleted_result_takes_its_reviews_along(store: Store) -> None:
    stored = result()
    store.results.add([unit_of_work(stored)])
    event = AuditEvent("review.recorded", "p", "x", NOW)
    store.reviews.add(stored.id, Review(Verdict.IDC, "", "p", NOW), event, None)

    assert store.results.delete(stored.id, AuditEvent("classification.deleted", "p", "x", NOW))
    assert store.reviews.history(stored.id) == []
    assert not store.reviews.add(stored.id, Review(Verdict.IDC, "", "p", NOW), event, None)


def test_writers_at_the_same_time_keep_one_chain_and_the_order_of_commits(store_url: str) -> None:
    stores = [open_store(store_url) for _ in range(2)]

    def write(number: int) -> None:
        for step in range(10):
            stores[number % 2].results.add([unit_of_work(result(number * 100 + step))])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))

    found = stores[0].audit.verify()
    assert found.is_intact
    assert found.records == 60
    published = [message.payload for _, message in stores[0].outbox.waiting(100)]
    audited = [record.event.subject.encode() for record in reversed(stores[0].audit.page(100))]
    assert published == audited
    for store in stores:
        store.database.close()


def test_tables_are_those_that_the_migrations_make(store_url: str) -> None:
    open_database(store_url).close()
    engine = create_engine(store_url)

    made, names = inspect(engine), _index_names(engine)
    for table in metadata.tables.values():
        columns = {column["name"]: column["nullable"] for column in made.get_columns(table.name)}
        assert columns == {column.name: column.nullable for column in table.columns}, table.name
        assert {index.name for index in table.indexes} <= names, table.name
    engine.dispose()


def _index_names(engine: Engine) -> set[str]:
    """All of them: SQLAlchemy does not see those on expressions."""
    of_sqlite = "SELECT name FROM sqlite_master WHERE type = 'index'"
    query = of_sqlite if engine.dialect.name == "sqlite" else "SELECT indexname FROM pg_indexes"
    with engine.connect() as connection:
        return set(connection.execute(text(query)).scalars())


def test_database_of_the_first_version_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "gateway.sqlite3"
    _write_first_version(path)

    store = open_store(f"sqlite:///{path}")

    (old,) = store.results.page(ClassificationFilter(), 9, None).items
    assert (old.name, old.origin.patient, old.image_sha256, old.review) == ("old.png", None, None, None)
    assert store.audit.verify().is_intact
    assert store.outbox.backlog()[0] == 1
    store.database.close()


def _write_first_version(path: Path) -> None:
    """What the first version's `create_all` made."""
    engine = create_engine(f"sqlite:///{path}")
    model = f"'idc', '1', '{'0' * 64}'"
    needed, key = "NOT NULL", "NOT NULL PRIMARY KEY"
    statements = [
        f"CREATE TABLE classifications (sequence INTEGER {key}, id CHAR(32) {needed} UNIQUE, "
        f"name VARCHAR(255) {needed}, "
        f"probability FLOAT {needed}, decision VARCHAR(16) {needed}, model_name VARCHAR(64) {needed}, "
        f"model_version VARCHAR(32) {needed}, model_sha256 VARCHAR(64) {needed}, no_idc_below FLOAT {needed}, "
        f"idc_from FLOAT {needed}, latency_ms FLOAT {needed}, created_at DATETIME {needed}, width_px INTEGER {needed}, "
        f"height_px INTEGER {needed})",
        f"CREATE TABLE outbox (sequence INTEGER {key}, topic VARCHAR(255) {needed}, payload BLOB {needed}, "
        "published_at DATETIME)",
        f"CREATE TABLE api_keys (name VARCHAR(64) {key}, sha256 VARCHAR(64) {needed} UNIQUE, "
        f"created_at DATETIME {needed})",
        f"CREATE TABLE sessions (sha256 VARCHAR(64) {key}, key_name VARCHAR(64) {needed} REFERENCES api_keys (name) "
        f"ON DELETE CASCADE, expires_at DATETIME {needed})",
        f"INSERT INTO classifications VALUES (1, '{uuid4().hex}', 'old.png', 0.5, 'idc', {model}, 0.4, 0.6, 1.0, "
        "'2026-01-01 12:00:00.000000', 50, 50)",
        "INSERT INTO outbox VALUES (1, 't', x'00', NULL)",
    ]
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_session_lasts_as_long_as_what_opened_it_and_its_use(store: Store) -> None:
    event, idle = AuditEvent("key.created", "first", "lab", NOW), timedelta(minutes=30)
    store.accounts.add_key(ApiKey("lab", Role.VIEWER.scopes, NOW), "a" * 64, event)
    proof = Proof("lab", SignInBy.KEY, "a" * 64)
    expires_at = NOW + timedelta(hours=1)

    assert store.sessions.add("b" * 64, proof, NOW, expires_at, None, event)
    assert not store.sessions.add("c" * 64, replace(proof, stored="d" * 64), NOW, expires_at, None, event)
    assert store.sessions.find("c" * 64, NOW, idle) is None
    assert store.sessions.find("b" * 64, NOW + timedelta(minutes=29), idle) is not None
    assert store.sessions.find("b" * 64, NOW + timedelta(minutes=31), idle) is None
    store.sessions.use("b" * 64, NOW + timedelta(minutes=29))
    assert store.sessions.find("b" * 64, NOW + timedelta(minutes=31), idle) is not None
    assert store.sessions.find("b" * 64, NOW + timedelta(minutes=61), timedelta(hours=9)) is None
    assert store.accounts.delete_key("lab", event)
    assert store.sessions.find("b" * 64, NOW, idle) is None
    assert not store.accounts.replace_key(ApiKey("first", Role.ADMIN.scopes, NOW), "a" * 64, event)


def test_link_that_many_use_at_once_lets_one_in(store: Store) -> None:
    event = AuditEvent("user.created", "first", "eva", NOW)
    store.accounts.add_user(User("eva", Role.VIEWER, NOW), event)
    store.accounts.put_link("a" * 64, "eva", NOW + timedelta(hours=1), event)

    with ThreadPoolExecutor(8) as pool:
        let_in = list(pool.map(lambda _: store.accounts.take_link("a" * 64, NOW, "r"), range(8)))

    assert [user.name for user in let_in if user is not None] == ["eva"]


def test_one_gateway_publishes_and_another_takes_over(shared: Callable[[], Store], postgres: PostgresServer) -> None:
    first, second = shared(), shared()

    assert [first.leadership.hold(), second.leadership.hold(), first.leadership.hold()] == [True, False, True]
    first.leadership.release()
    wait_until(second.leadership.hold, "the server has freed the lock", 30)
    assert not first.leadership.hold()
    postgres.end_connections()
    # The server ends a connection some time after it was told to.
    wait_until(lambda: sorted([first.leadership.hold(), second.leadership.hold()]) == [False, True], "one leads")


def test_restarted_server_is_noticed_before_a_connection_is_used(
    shared: Callable[[], Store], postgres: PostgresServer
) -> None:
    store = shared()
    store.results.add([unit_of_work(result(1))])

    postgres.end_connections()
    store.results.add([unit_of_work(result(2))])

    assert store.audit.verify().records == 2


def test_gateways_that_start_together_migrate_once(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    databases: list[Database] = []
    threads = [threading.Thread(target=lambda: databases.append(open_database(url))) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(databases) == 4
    for database in databases:
        database.close()


def test_server_that_never_answers_is_reported_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(StoreUnavailable):
        open_store(f"postgresql+psycopg://idc@127.0.0.1:{silent.getsockname()[1]}/idc")


def test_statement_that_waits_for_a_lock_ends(shared: Callable[[], Store]) -> None:
    database = shared().database
    assert isinstance(database, Database)
    with database.read() as connection:
        limits = {
            name: connection.execute(text(f"SHOW {name}")).scalar() for name in ("statement_timeout", "lock_timeout")
        }

    assert limits == {"statement_timeout": "15s", "lock_timeout": "10s"}


@pytest.mark.parametrize("wrong", ["nonsense", "mysql://host/db", "postgresql+psycopg://nobody@127.0.0.1:1/x"])
def test_wrong_database_is_reported(wrong: str) -> None:
    with pytest.raises(StoreUnavailable):
        open_store(wrong)
