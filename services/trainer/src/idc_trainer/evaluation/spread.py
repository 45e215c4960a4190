"""How a model's metrics spread over patients, and the risk that is left when the least sure patches are not decided."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from idc_contracts.bundle import Estimate
from idc_trainer.evaluation.scored_patches import ScoredPatches

QUANTILES: Final = (0, 10, 25, 50, 75, 90, 100)
LEAST_PATCHES: Final = 10
"""Of each class that a measure needs: with fewer, a patient's share is mostly noise and stays out of the quantiles."""
_STEPS: Final = 20
_DECIMALS: Final = 4


class Called(BaseModel):
    """What the patches of one class were called: shares of all of them."""

    model_config = ConfigDict(frozen=True)

    patches: int
    idc: float
    no_idc: float
    uncertain: float
    reasons: dict[str, float] = Field(description="Share with each reason of `uncertain`; a patch may have several.")


class Spread(BaseModel):
    """A measure over patients, each patient once."""

    model_config = ConfigDict(frozen=True)

    patients: int = Field(description="The patients behind the mean: all that have the classes that it needs.")
    mean: Estimate
    counted: int = Field(description=f"The patients behind the quantiles: {LEAST_PATCHES} patches of each such class.")
    quantiles: dict[int, float] = Field(description="By percent; 0 is the least and 100 the greatest value.")


class RiskCoverage(BaseModel):
    """The share of wrong decisions at the cut 0.5 among the surest patches (El-Yaniv & Wiener 2010)."""

    model_config = ConfigDict(frozen=True)

    coverage: tuple[float, ...] = Field(
        description="Share of patches that are decided, each patient with equal weight."
    )
    risk: tuple[float, ...]
    area: float = Field(description="Mean risk over all coverages (Geifman et al. 2019); smaller is better.")


def called(scored: ScoredPatches, *, label: bool) -> Called | None:
    """What the patches of a class were called, None if there are none."""
    part = scored.rows(scored.labels == label)
    if not len(part):
        return None
    idc, no_idc = float(part.called_idc.mean()), float(part.called_no_idc.mean())
    return Called(
        patches=len(part),
        idc=round(idc, _DECIMALS),
        no_idc=round(no_idc, _DECIMALS),
        uncertain=round(1 - idc - no_idc, _DECIMALS),
        reasons={name: round(float(rows.mean()), _DECIMALS) for name, rows in part.uncertain_because.items()},
    )


def quantiles(values: NDArray[np.float64]) -> dict[int, float]:
    """The `QUANTILES` of some values, empty without any."""
    if not len(values):
        return {}
    found = np.quantile(values, np.array(QUANTILES) / 100)
    return {percent: round(float(value), _DECIMALS) for percent, value in zip(QUANTILES, found, strict=True)}


def risk_coverage(scored: ScoredPatches) -> RiskCoverage:
    """Decide the patches in the order of |P(IDC) - 0.5|, those with a reason last, ties together."""
    _, owner, sizes = np.unique(scored.patients, return_inverse=True, return_counts=True)
    sureness = np.where(scored.has_reason, -1.0, np.abs(scored.probability.astype(np.float64) - 0.5))
    order = np.argsort(-sureness, kind="stable")
    weights = (1 / sizes[owner] / len(sizes))[order]
    wrong = ((scored.probability >= 0.5) != scored.labels)[order]
    last = np.append(np.diff(sureness[order]) != 0, True)
    coverage = np.cumsum(weights)[last]
    risk = np.cumsum(weights * wrong)[last] / coverage
    area = float(np.sum(np.diff(coverage, prepend=0.0) * risk))
    shown = np.arange(1, _STEPS + 1) / _STEPS
    at = np.searchsorted(coverage, shown - 1e-9).clip(max=len(risk) - 1)
    return RiskCoverage(
        coverage=tuple(coverage[at].round(_DECIMALS).tolist()),
        risk=tuple(risk[at].round(_DECIMALS).tolist()),
        area=round(area, _DECIMALS),
    )
