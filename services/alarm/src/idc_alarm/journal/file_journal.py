"""The journal as one small JSON file."""

import logging
import os
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from idc_alarm.errors import JournalFailed
from idc_alarm.journal.record import AlarmRecord
from idc_alarm.machine.condition import SUSPECT

logger = logging.getLogger(__name__)

_NAME: Final = "alarm.json"
_DAMAGED_NAME: Final = "alarm.damaged.json"


class FileJournal:
    """Writes a new file, syncs it and renames it over the old one: a power cut leaves one of the two."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / _NAME

    def load(self) -> AlarmRecord:
        """The record as last saved.

        A damaged file is kept for inspection, and the alarm starts latched: a finding may have been in it.
        """
        try:
            return AlarmRecord.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            logger.info("no journal yet in %s", self._folder)
            return AlarmRecord()
        except (OSError, ValidationError) as exc:
            problem = f"{exc.error_count()} wrong fields" if isinstance(exc, ValidationError) else exc
            logger.error(  # noqa: TRY400 - the traceback would quote the file
                "the journal %s is damaged (%s): starting with red and buzzer on, since a finding may be lost",
                self._path,
                problem,
            )
            self._keep_damaged()
            return AlarmRecord(condition=SUSPECT)

    def save(self, record: AlarmRecord) -> None:
        """Replace the record; on return it is on the disk.

        Raises:
            JournalFailed: It could not be written; the old record stands.
        """
        temporary = self._path.with_suffix(".new")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.write(record.model_dump_json().encode())
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path)
            self._sync_folder()
        except OSError as exc:
            raise JournalFailed(f"cannot write {str(self._path)!r}, make room or make it writable: {exc}") from exc

    def _sync_folder(self) -> None:
        # The new name is on the disk only when its folder is (fsync(2)).
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _keep_damaged(self) -> None:
        try:
            self._path.replace(self._path.with_name(_DAMAGED_NAME))
        except OSError as exc:
            logger.warning("cannot keep the damaged journal: %s", exc)
