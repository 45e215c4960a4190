"""Which versions may be served: by the trainer's records in the folder of models, and by what was chosen here."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pydantic import BaseModel, TypeAdapter, ValidationError

from idc_inference.errors import BadRequest, ChoiceNotKept
from idc_modelio.bundles import versions
from idc_modelio.durable import write_durably
from idc_modelio.serving import promotion_path, withdrawal_path

logger = logging.getLogger(__name__)


class Choice(BaseModel):
    """An administrator's choice that a version serves, or that it does not."""

    serves: bool
    at_s: float
    """Seconds since 1970."""
    by: str


_CHOICES: Final = TypeAdapter(dict[int, Choice])


class Choices:
    """The latest decision about a version counts: the trainer's record in the folder of models, or a choice here.

    That folder is read-only here; choices are kept in a file of the service's own, and survive a restart.
    """

    def __init__(
        self, models_dir: Path, name: str, state_dir: Path | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        """Read the choices that were kept.

        Args:
            models_dir: The folder of models.
            name: The model.
            state_dir: Where choices are kept; None if none can be made.
            clock: Seconds since 1970, as file times.
        """
        self._models_dir, self._name, self._clock = models_dir, name, clock
        self._file = None if state_dir is None else state_dir / f"{name}.choices.json"
        self._chosen = self._read()

    @property
    def chosen(self) -> dict[int, Choice]:
        """What was chosen here, by version."""
        return dict(self._chosen)

    def servable(self) -> list[int]:
        """The versions that may be served, newest first.

        Raises:
            OSError: A folder cannot be read.
        """
        return [version for version in versions(self._models_dir, self._name) if self._may_serve(version)]

    def choose(self, decisions: dict[int, bool], by: str) -> None:
        """Let versions serve, or not, from now on.

        Raises:
            BadRequest: No folder for choices is set.
            ChoiceNotKept: The file cannot be written; nothing was changed.
        """
        now_s = self._clock()
        self.restore(self._chosen | {v: Choice(serves=serves, at_s=now_s, by=by) for v, serves in decisions.items()})

    def restore(self, chosen: dict[int, Choice]) -> None:
        """Set all choices, such as those before a change. Raises as `choose`."""
        if self._file is None:
            raise BadRequest("versions cannot be chosen here: set INFERENCE_STATE_DIR")
        try:
            write_durably(self._file, _CHOICES.dump_json(chosen))
        except OSError as exc:
            raise ChoiceNotKept(f"the choice cannot be kept in {self._file.parent}: {exc.strerror or exc}") from exc
        self._chosen = chosen

    def _may_serve(self, version: int) -> bool:
        withdrawn_at_s = _time_of(withdrawal_path(self._models_dir, self._name, str(version)))
        promoted_at_s = _time_of(promotion_path(self._models_dir, self._name, str(version)))
        recorded_at_s = promoted_at_s if withdrawn_at_s is None else withdrawn_at_s
        choice = self._chosen.get(version)
        if choice is not None and (recorded_at_s is None or choice.at_s > recorded_at_s):
            return choice.serves
        return withdrawn_at_s is None

    def _read(self) -> dict[int, Choice]:
        if self._file is None:
            return {}
        try:
            return _CHOICES.validate_json(self._file.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValidationError) as exc:
            logger.error("the choices in %s are lost: %s", self._file, exc)  # noqa: TRY400 - one line
            return {}


def _time_of(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return None
