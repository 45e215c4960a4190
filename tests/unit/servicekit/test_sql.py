"""The databases of the services: whole transactions, and the service's own error where there is none."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from idc_servicekit.sql.engine import make_engine, with_password
from idc_servicekit.sql.transactions import Transactions


class Unavailable(Exception):
    """What a service raises."""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Transactions]:
    engine = make_engine(f"sqlite:///{tmp_path / 'a.sqlite3'}", connections=4, statement_timeout_s=10)
    database = Transactions(engine, Unavailable)
    with database.write() as connection:
        connection.execute(text("CREATE TABLE parents (id INTEGER PRIMARY KEY)"))
        connection.execute(text("CREATE TABLE children (parent REFERENCES parents (id) ON DELETE CASCADE)"))
    yield database
    database.close()


def count(database: Transactions, table: str) -> int:
    with database.read() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


@pytest.mark.parametrize("url", ["nonsense", "postgresql+nodriver://host/name", "nosuch://host"])
def test_a_wrong_url_is_a_value_error_that_shows_a_right_one(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:////path or postgresql"):
        make_engine(url, connections=4, statement_timeout_s=10)


def test_a_password_goes_into_the_url() -> None:
    assert with_password("postgresql+psycopg://idc@host/name", "a@b") == "postgresql+psycopg://idc:a%40b@host/name"


def test_a_block_that_raises_stores_nothing(database: Transactions) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        connection.execute(text("INSERT INTO parents VALUES (1)"))
        raise ZeroDivisionError

    assert count(database, "parents") == 0


def test_a_table_that_is_rebuilt_keeps_what_refers_to_it(database: Transactions) -> None:
    with database.write() as connection:
        connection.execute(text("INSERT INTO parents VALUES (1)"))
        connection.execute(text("INSERT INTO children VALUES (1)"))

    with database.migrating() as connection:
        connection.execute(text("CREATE TABLE rebuilt (id INTEGER PRIMARY KEY)"))
        connection.execute(text("INSERT INTO rebuilt SELECT id FROM parents"))
        connection.execute(text("DROP TABLE parents"))
        connection.execute(text("ALTER TABLE rebuilt RENAME TO parents"))

    assert count(database, "children") == 1
    with database.write() as connection:
        connection.execute(text("DELETE FROM parents"))
    assert count(database, "children") == 0


def test_a_file_that_another_program_holds_is_told_with_the_remedy(database: Transactions, tmp_path: Path) -> None:
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=50")
    with closing(sqlite3.connect(tmp_path / "a.sqlite3")) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(Unavailable, match="stop the program that holds its file"), database.write():
            pass


def test_what_the_disk_refuses_is_told_with_the_remedy(database: Transactions) -> None:
    with pytest.raises(Unavailable, match="check its disk and its server"), database.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        connection.execute(text("CREATE TABLE large AS SELECT zeroblob(100000)"))
