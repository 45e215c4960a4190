"""Lists a model's versions with the metrics of the gate, and lets one of them serve."""

from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from idc_contracts.promotion import ModelComparison, ModelPromotion
from idc_inference.errors import BadRequest, UnknownModel
from idc_inference.models.repository import ModelRepository
from idc_modelio.bundles import versions
from idc_modelio.serving import candidates, comparison_path, promotion_path

MAX_LISTED: Final = 100

Record = TypeVar("Record", bound=BaseModel)


class Choosing:
    """Changes one repository's versions, one change at a time.

    A version is chosen only if its bundle is in its place: the project shipped it, or `idc-trainer promote` compared it
    and put it there. Its methods block while a model is compiled; run them in a thread.
    """

    def __init__(self, repository: ModelRepository) -> None:
        self._repository, self._choices = repository, repository.choices
        self._changing = Lock()

    def listed(self) -> list[dict[str, Any]]:
        """Every version and candidate, newest first: its state, why, and the comparison that it was promoted by."""
        models, name = self._repository.models_dir, self._repository.name
        in_place = [self._describe(version) for version in versions(models, name)[:MAX_LISTED]]
        others = [
            _item(version, "candidate", "", _read(comparison_path(models, name, str(version)), ModelComparison))
            for version in versions(candidates(models), name)[:MAX_LISTED]
        ]
        return sorted(in_place + others, key=lambda item: int(item["version"]), reverse=True)

    def serve(self, version: int, by: str) -> None:
        """Let a version serve instead of what serves now; newer ones are withdrawn.

        Raises:
            UnknownModel: Its bundle is not in its place.
            BadRequest: A setting pins the version, or it was refused: the versions are as before.
            ChoiceNotKept: The choice cannot be kept.
        """
        with self._changing:
            if version not in self._in_place():
                raise UnknownModel(f"version {version} of {self._repository.name!r} is not in its place")
            newer = {other: False for other in self._choices.servable() if other > version}
            self._change({version: True, **newer}, by, version)

    def withdraw(self, version: int, by: str) -> None:
        """Let the version before serve. Raises as `serve`, and BadRequest where another version serves."""
        with self._changing:
            serves = self._newest()
            if serves != version:
                raise BadRequest(f"version {version} does not serve: version {serves} does")
            earlier = [other for other in self._choices.servable() if other < version]
            if not earlier:
                raise BadRequest(f"there is no version before {version} to go back to")
            self._change({version: False}, by, earlier[0])

    def _change(self, decisions: dict[int, bool], by: str, expected: int) -> None:
        if self._repository.pinned is not None:
            raise BadRequest(f"INFERENCE_MODEL_VERSION pins version {self._repository.pinned}: unset it first")
        before = self._choices.chosen
        self._choices.choose(decisions, by)
        self._settle()
        if self._newest() != expected:
            why = self._repository.versions.refused.get(expected, "it was not loaded")
            self._choices.restore(before)
            self._settle()
            raise BadRequest(f"version {expected} cannot serve, and nothing was changed: {why}")

    def _settle(self) -> None:
        self._repository.refresh()  # a folder must be the same twice before it is loaded
        self._repository.refresh()

    def _newest(self) -> int:
        return max(self._repository.versions.served, default=0)

    def _in_place(self) -> list[int]:
        return versions(self._repository.models_dir, self._repository.name)

    def _describe(self, version: int) -> dict[str, Any]:
        path = promotion_path(self._repository.models_dir, self._repository.name, str(version))
        promotion = _read(path, ModelPromotion)
        refused = self._repository.versions.refused.get(version, "")
        if version == self._newest():
            state = "serving"
        elif refused:
            state = "refused"
        else:
            state = "earlier" if version in self._choices.servable() else "withdrawn"
        return _item(version, state, refused, promotion.comparison if promotion else None)


def _item(version: int, state: str, reason: str, comparison: ModelComparison | None) -> dict[str, Any]:
    document = comparison and comparison.model_dump(mode="json")
    return {"version": str(version), "state": state, "reason": reason, "comparison": document}


def _read(path: Path, kind: type[Record]) -> Record | None:
    """A record of the trainer; None if it is missing or cannot be read."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
