"""Services that share a database: one deletes a slide while another one finds its file."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from idc_slides.records.found_store import remember_deletion
from idc_slides.records.slides import FileState, Location, new_slide
from idc_slides.records.slides_store import SlidesStore
from idc_slides.sql.database import Database, open_database
from support.eventually import wait_until
from support.postgres import PostgresServer

pytestmark = pytest.mark.integration


def someone_waits(database: Database) -> bool:
    with database.read() as connection:
        return connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one() > 0


def test_a_file_that_is_found_while_its_slide_is_deleted_is_not_queued(postgres: PostgresServer) -> None:
    database = open_database(postgres.new_database())
    found = new_slide(Location("folder", "a.svs"), FileState(1, 1), received_by="folder")
    again = new_slide(Location("folder", "a.svs"), FileState(1, 1), received_by="folder")
    store = SlidesStore(database)
    first, second = store.add([found]), store.add([found])

    with ThreadPoolExecutor(1) as threads:
        with database.write() as connection:
            connection.execute(text("DELETE FROM slides"))
            adding = threads.submit(store.add, [again])
            wait_until(lambda: someone_waits(database), "the other service waits")
            remember_deletion(connection, found)
        added = adding.result(timeout=60)
    left = store.page(None, "", None, 9).total
    database.close()

    assert (first, second, added, left) == (1, 0, 0, 0)
