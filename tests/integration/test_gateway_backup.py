"""A backup that was made while the gateway served brings back what was accepted, and nothing else."""

import io
import json
import os
import sqlite3
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from idc_contracts import Decision, Reason
from idc_gateway import __main__
from idc_gateway.access.accounts import Proof, SignInBy, User
from idc_gateway.access.scopes import Role
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.backup.data_lock import data_lock
from idc_gateway.commands import parse
from idc_gateway.composition import build
from idc_gateway.errors import CannotStart
from idc_gateway.messages.ports import OutgoingMessage
from idc_gateway.results.classifications import Classification, PatchOrigin
from idc_gateway.results.images import ImageStore, image_digest, new_object_name
from idc_gateway.results.object_images import open_images
from idc_gateway.results.queries import ClassificationFilter
from idc_gateway.results.unit_of_work import NewImage, UnitOfWork
from idc_gateway.settings import GatewaySettings
from idc_gateway.store import Store, open_store
from support.audit_records import latest_record
from support.gateway_fakes import FAKE_MODEL, FAKE_THRESHOLDS, MemoryBus
from support.live_gateway import gateway_settings

pytestmark = pytest.mark.integration

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Site:
    """A data folder as a gateway leaves it."""

    def __init__(self, folder: Path, database: str = "gateway.sqlite3") -> None:
        self.folder = folder
        self.database = folder / database
        self.images: ImageStore = open_images(f"file://{folder}/images")

    def open(self) -> Store:
        return open_store(f"sqlite:///{self.database}")

    def add(self, store: Store, name: str) -> Classification:
        data, sha256 = name.encode(), image_digest(name.encode())
        result = Classification(
            uuid4(), name, 0.9, Decision.UNCERTAIN, FAKE_MODEL, FAKE_THRESHOLDS, 1.0, NOW, 50, 50, image_sha256=sha256
        )
        scaled = PatchOrigin(um_per_px=0.5)
        result = replace(result, reasons=(Reason.LITTLE_TISSUE, Reason.UNFAMILIAR), origin=scaled)
        image = NewImage(sha256, "image/png", len(data), new_object_name(sha256))
        self.images.put(image.stored_as, data)
        audit = [AuditEvent("patch.classified", "k", str(result.id), NOW)]
        messages = [OutgoingMessage("topic", name.encode())]
        store.results.add([UnitOfWork(NOW, results=[result], images=[image], messages=messages, audit=audit)])
        return result

    def names(self) -> list[str]:
        store = self.open()
        try:
            return [item.name for item in store.results.page(ClassificationFilter(), 100_000, None).items][::-1]
        finally:
            store.database.close()

    def backup(self) -> bytes:
        target = self.folder / "backup.tar"
        self.run("backup", str(target))
        return target.read_bytes()

    def restore(self, backup: bytes) -> None:
        source = self.folder / "given.tar"
        source.write_bytes(backup)
        self.run("restore", str(source))

    def run(self, *arguments: str) -> None:
        def serve(settings: GatewaySettings) -> None:
            build(settings, bus=MemoryBus())

        command, _ = parse(list(arguments), serve)
        command(gateway_settings(self.folder))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def serving(site: Site) -> Iterator[Store]:
    """A gateway that has the database open, with a log beside it that is not in the file yet."""
    store = site.open()
    yield store
    store.database.close()


def test_backup_of_a_serving_gateway_brings_results_and_images_back(site: Site, serving: Store) -> None:
    kept = site.add(serving, "kept")
    backup = site.backup()
    lost = site.add(serving, "lost")
    log = site.database.with_name("gateway.sqlite3-wal")
    left_by_a_crash = log.read_bytes()
    serving.database.close()
    log.write_bytes(left_by_a_crash)
    for path in (site.folder / "images").glob("??/*"):
        path.unlink()

    site.restore(backup)

    assert site.names() == ["kept"]
    store = site.open()
    assert store.results.get(kept.id) == kept
    found = store.images.find(kept.image_sha256 or "")
    assert found is not None
    assert site.images.get(found[0]) == b"kept"
    assert store.images.find(lost.image_sha256 or "") is None
    assert latest_record(store, "database.restored") is not None
    assert store.audit.verify().is_intact
    store.database.close()
    assert Site(site.folder, "gateway.sqlite3.before-restore").names() == ["kept", "lost"]


def test_backup_ends_while_results_are_stored_all_the_time_and_has_one_moment(site: Site, serving: Store) -> None:
    site.add(serving, "0")
    is_over = threading.Event()

    def keep_storing() -> int:
        number = 1
        while not is_over.is_set():
            site.add(serving, str(number))
            number += 1
        return number

    with ThreadPoolExecutor(1) as pool:
        stored = pool.submit(keep_storing)
        backup = site.backup()
        is_over.set()
        count = stored.result()
    serving.database.close()
    site.restore(backup)

    names = site.names()
    assert names == [str(number) for number in range(len(names))]
    assert 1 <= len(names) <= count


def test_no_one_stays_signed_in_by_a_session_of_the_backup(site: Site, serving: Store) -> None:
    serving.accounts.add_user(User("a", Role.ADMIN, NOW, None), AuditEvent("user.created", "a", "a", NOW))
    proof, event = Proof("a", SignInBy.PASSWORD, None), AuditEvent("sign-in.succeeded", "a", "a", NOW)
    assert serving.sessions.add("s" * 64, proof, NOW, NOW + timedelta(days=1), None, event)
    backup = site.backup()
    serving.database.close()

    site.restore(backup)

    store = site.open()
    assert store.accounts.user("a") is not None
    assert store.sessions.find("s" * 64, NOW, timedelta(days=1)) is None
    store.database.close()


def test_restore_refuses_while_a_gateway_runs(site: Site, serving: Store) -> None:
    site.add(serving, "kept")
    backup = site.backup()

    with data_lock(site.folder), pytest.raises(CannotStart, match="stop it first"):
        site.restore(backup)


def test_serving_gateway_holds_its_data_folder(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def serve(_settings: GatewaySettings) -> None:
        with data_lock(site.folder):
            pytest.fail("a second process got the folder")

    monkeypatch.setattr(__main__, "_run", serve)

    with pytest.raises(CannotStart, match="a gateway uses the data folder"):
        __main__._run_alone(gateway_settings(site.folder))


@pytest.mark.parametrize("damage", ["cut off", "other database", "other image", "no archive"])
def test_damaged_backup_leaves_the_database_as_it_was(site: Site, serving: Store, damage: str) -> None:
    site.add(serving, "first")
    backup = site.backup()
    site.add(serving, "second")
    serving.database.close()

    with pytest.raises(CannotStart):
        site.restore(damaged(backup, damage))

    assert site.names() == ["first", "second"]


def damaged(backup: bytes, damage: str) -> bytes:
    if damage == "cut off":
        return backup[: len(backup) * 2 // 3]
    if damage == "no archive":
        return b"SQLite format 3\0" * 100
    changed = io.BytesIO()
    prefix = "gateway" if damage == "other database" else "images/"
    with tarfile.open(fileobj=io.BytesIO(backup)) as old, tarfile.open(fileobj=changed, mode="w") as new:
        for member in old:
            data = bytearray(old.extractfile(member).read())  # type: ignore[union-attr]
            if member.name.startswith(prefix):
                data[-1] ^= 1
            new.addfile(member, io.BytesIO(data))
    return changed.getvalue()


def test_database_of_a_newer_version_is_refused_and_stays_as_it_was(site: Site, serving: Store) -> None:
    site.add(serving, "kept")
    serving.database.close()
    with closing(sqlite3.connect(site.database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    newer = site.backup()

    with pytest.raises(OSError, match="newer version"):
        site.run()
    with pytest.raises(CannotStart, match="newer version"):
        site.restore(newer)

    with closing(sqlite3.connect(site.database)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)


def test_backup_into_a_file_is_there_whole_or_not_at_all(site: Site, serving: Store) -> None:
    site.add(serving, "kept")

    with tarfile.open(fileobj=io.BytesIO(site.backup())) as archive:
        contents = json.load(archive.extractfile("contents.json"))  # type: ignore[arg-type]
    with pytest.raises(CannotStart):
        site.run("backup", str(site.folder / "nowhere" / "backup.tar"))

    assert contents["images"] == 1
    assert not list(site.folder.glob("*.part"))


def test_commands_of_the_program_use_standard_output_and_input_and_exit_codes(site: Site, serving: Store) -> None:
    site.add(serving, "kept")
    backup = program(site, "backup", "-")
    serving.database.close()
    with data_lock(site.folder):
        refused = program(site, "restore", "-", stdin=backup.stdout)
    restored = program(site, "restore", "-", stdin=backup.stdout)

    assert (backup.returncode, refused.returncode, restored.returncode) == (0, 69, 0), restored.stderr
    assert (refused.stdout, refused.stderr.count(b"\n")) == (b"", 1)
    assert site.names() == ["kept"]


def program(site: Site, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    secret = site.folder / "secret"
    secret.write_text("x" * 64)
    settings = {
        "GATEWAY_DATA_DIR": str(site.folder),
        "GATEWAY_MQTT__USERNAME": "gateway",
        "GATEWAY_MQTT__PASSWORD_FILE": str(secret),
        "GATEWAY_MQTT__CA_FILE": str(secret),
    }
    command = [sys.executable, "-m", "idc_gateway", *arguments]
    return subprocess.run(
        command, env=os.environ | settings, input=stdin, capture_output=True, timeout=300, check=False
    )


def test_restore_of_the_wrong_backup_loses_nothing(site: Site, serving: Store) -> None:
    wrong = site.backup()
    site.add(serving, "original")
    serving.database.close()
    right = site.backup()

    site.restore(wrong)
    site.restore(right)
    site.restore(wrong)

    kept = sorted(path.name for path in site.folder.glob("*.before-restore*"))
    assert [Site(site.folder, name).names() for name in kept] == [["original"], [], ["original"]]


def test_log_that_cannot_go_into_the_old_database_is_kept_beside_it(site: Site, serving: Store) -> None:
    backup = site.backup()
    site.add(serving, "in the log")
    reader = sqlite3.connect(site.database)
    reader.execute("BEGIN").execute("SELECT * FROM classifications").fetchall()
    site.add(serving, "after the reader came")

    site.restore(backup)
    reader.close()
    serving.database.close()

    assert Site(site.folder, "gateway.sqlite3.before-restore").names() == ["in the log", "after the reader came"]
