"""The latest patches beside the training's."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Final

from idc_contracts import Decision, Reason
from idc_contracts.training_reference import PROBABILITY_BINS, PatchMeasure, TrainingReference
from idc_gateway.drift.comparison import MeasuredPatches, compare
from idc_gateway.drift.image_measures import ImageMeasures
from idc_gateway.drift.latest_store import LatestResult, LatestStore

_OF_RESULTS: Final[Mapping[PatchMeasure, Callable[[LatestResult], float]]] = {
    PatchMeasure.PROBABILITY: lambda result: result.probability,
    PatchMeasure.UNCERTAIN: lambda result: float(result.decision is Decision.UNCERTAIN),
    PatchMeasure.UNFAMILIAR: lambda result: float(Reason.UNFAMILIAR in result.reasons),
}


@dataclass(frozen=True)
class LatestPatches:
    """The latest patches that one model classified."""

    patches: int
    other_models: int
    """Of the patches that were asked for, those that another model classified: they are not compared."""
    patients: int
    """Named by patient, slide or folder; patches that name none of them count as one more."""
    unnamed: int
    """Patches that name none."""
    oldest_at: datetime | None
    newest_at: datetime | None
    measures: dict[PatchMeasure, MeasuredPatches]
    probability_shares: tuple[float, ...] | None
    """In bins of equal width, each patient with equal weight; None without patches."""


class Drift:
    """Compares the latest patches with the training. Blocks: call it in a thread."""

    def __init__(self, store: LatestStore, images: ImageMeasures) -> None:
        self._store, self._images = store, images

    def latest(self, limit: int, model_sha256: str | None, reference: TrainingReference | None) -> LatestPatches:
        """The latest `limit` patches, as far as this model classified them.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        everything = self._store.latest(limit)
        results = [result for result in everything if result.model_sha256 == model_sha256]
        by_patient = _grouped(results)
        values = {
            measure: [[value_of(result) for result in own] for own in by_patient.values()]
            for measure, value_of in _OF_RESULTS.items()
        }
        values |= self._of_images(results)
        references = {} if reference is None else reference.measures
        return LatestPatches(
            patches=len(results),
            other_models=len(everything) - len(results),
            patients=len(by_patient.keys() - {""}),
            unnamed=len(by_patient.get("", ())),
            oldest_at=results[-1].created_at if results else None,
            newest_at=results[0].created_at if results else None,
            measures={
                measure: compare(values[measure], references.get(measure), len(PatchMeasure))
                for measure in PatchMeasure
            },
            probability_shares=_shares(values[PatchMeasure.PROBABILITY]),
        )

    def _of_images(self, results: Sequence[LatestResult]) -> dict[PatchMeasure, list[list[float]]]:
        by_patient: dict[PatchMeasure, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for result, measured in self._images.measure(results):
            for measure, value in measured.items():
                by_patient[measure][result.patient].append(value)
        return {measure: list(by_patient[measure].values()) for measure in PatchMeasure if measure not in _OF_RESULTS}


def _grouped(results: Sequence[LatestResult]) -> dict[str, list[LatestResult]]:
    by_patient: dict[str, list[LatestResult]] = defaultdict(list)
    for result in results:
        by_patient[result.patient].append(result)
    return by_patient


def _shares(patients: Sequence[Sequence[float]]) -> tuple[float, ...] | None:
    if not patients:
        return None
    bins = [[min(int(value * PROBABILITY_BINS), PROBABILITY_BINS - 1) for value in values] for values in patients]
    return tuple(fmean(own.count(place) / len(own) for own in bins) for place in range(PROBABILITY_BINS))
