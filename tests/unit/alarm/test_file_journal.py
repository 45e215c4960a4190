import gc
import json
import os
from pathlib import Path
from uuid import uuid4

import pytest

from idc_alarm.errors import JournalFailed
from idc_alarm.journal.file_journal import FileJournal
from idc_alarm.journal.record import REMEMBERED_IDS, AlarmRecord
from idc_alarm.machine.condition import SUSPECT, Condition
from idc_contracts import Decision


@pytest.fixture
def latched() -> AlarmRecord:
    condition = Condition(latched=True, latched_by=uuid4(), latest=Decision.UNCERTAIN, last_classification=uuid4())
    return AlarmRecord(condition=condition, recent_ids=tuple(uuid4() for _ in range(3)))


def test_record_comes_back_as_it_was_saved(tmp_path: Path, latched: AlarmRecord) -> None:
    FileJournal(tmp_path / "new" / "folder").save(latched)

    assert FileJournal(tmp_path / "new" / "folder").load() == latched


def test_first_start_is_dark(tmp_path: Path) -> None:
    record = FileJournal(tmp_path).load()

    assert record.condition == Condition()
    assert record.recent_ids == ()


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 300, b"{", b"[]", b'{"schema_version": 2}', b'{"condition": {"latched": "perhaps"}}', b"\xff" * 10],
)
def test_damaged_journal_starts_latched_and_is_kept_aside(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "alarm.json").write_bytes(content)

    record = FileJournal(tmp_path).load()

    assert record.condition == SUSPECT
    assert (tmp_path / "alarm.damaged.json").read_bytes() == content
    assert not (tmp_path / "alarm.json").exists()
    assert [entry.levelname for entry in caplog.records] == ["ERROR"]


def test_journal_cut_off_at_any_byte_is_never_taken_for_a_quiet_one(tmp_path: Path, latched: AlarmRecord) -> None:
    journal = FileJournal(tmp_path)
    journal.save(latched)
    whole = (tmp_path / "alarm.json").read_bytes()

    for length in range(0, len(whole), 7):
        (tmp_path / "alarm.json").write_bytes(whole[:length])
        assert journal.load().condition.latched


def test_journal_that_cannot_be_read_starts_latched(tmp_path: Path) -> None:
    (tmp_path / "alarm.json").mkdir()

    assert FileJournal(tmp_path).load().condition == SUSPECT


def test_half_written_new_file_does_not_count(tmp_path: Path, latched: AlarmRecord) -> None:
    journal = FileJournal(tmp_path)
    journal.save(latched)
    (tmp_path / "alarm.new").write_bytes(b"{half")

    assert journal.load() == latched
    journal.save(AlarmRecord())
    assert journal.load().condition == Condition()
    assert not (tmp_path / "alarm.new").exists()


def test_failed_save_says_what_to_do_and_keeps_the_old_record(tmp_path: Path, latched: AlarmRecord) -> None:
    journal = FileJournal(tmp_path)
    journal.save(latched)
    (tmp_path / "alarm.new").mkdir()

    with pytest.raises(JournalFailed, match="make room or make it writable"):
        journal.save(AlarmRecord())

    assert journal.load() == latched


def test_folder_that_is_a_file_is_a_journal_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(JournalFailed):
        FileJournal(tmp_path / "file").save(AlarmRecord())


def test_full_journal_stays_small(tmp_path: Path) -> None:
    FileJournal(tmp_path).save(AlarmRecord(recent_ids=tuple(uuid4() for _ in range(REMEMBERED_IDS))))

    assert (tmp_path / "alarm.json").stat().st_size < 32 * 1024


def test_saving_leaves_no_open_files(tmp_path: Path) -> None:
    gc.collect()  # what an earlier test has left open is not closed in between
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a listing of numbers, not of paths

    for _ in range(20):
        FileJournal(tmp_path).save(AlarmRecord())

    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_journal_of_an_older_version_keeps_its_finding(tmp_path: Path) -> None:
    finding = uuid4()
    old = {
        "schema_version": 1,
        "condition": {
            "latched": True,
            "latched_by": str(finding),
            "latched_since": "2026-01-02T09:00:00Z",
            "is_quiet": True,
            "acknowledged": False,
            "latest": "idc",
            "last_classification": str(finding),
        },
        "changed_at": "2026-01-02T09:00:00Z",
        "recent_ids": [],
    }
    (tmp_path / "alarm.json").write_text(json.dumps(old))

    condition = FileJournal(tmp_path).load().condition

    assert (condition.latched, condition.latched_by, condition.is_quiet) == (True, finding, True)
    assert condition.latest_finding == finding


def test_older_version_reads_that_a_finding_waits(tmp_path: Path, latched: AlarmRecord) -> None:
    FileJournal(tmp_path).save(latched)

    written = json.loads((tmp_path / "alarm.json").read_bytes())["condition"]

    assert (written["latched"], written["latched_by"]) == (True, str(latched.condition.latched_by))


def test_lost_memory_waits_under_a_name_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "alarm.json").write_bytes(b"damaged")

    condition = FileJournal(tmp_path).load().condition

    assert condition.latched_by is None
    assert condition.latest_finding is not None
