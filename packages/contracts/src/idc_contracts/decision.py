"""How a calibrated probability and the other outputs of a model become a decision with its reasons."""

import math
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple, Self

from pydantic import Field, TypeAdapter, model_validator

from idc_contracts.base import Contract, Probability


class Decision(StrEnum):
    """The system's answer for a patch."""

    IDC = "idc"
    NO_IDC = "no_idc"
    UNCERTAIN = "uncertain"


class DecisionCounts(Contract):
    """How many patches of one class a model called what."""

    idc: int = Field(ge=0)
    uncertain: int = Field(ge=0)
    no_idc: int = Field(ge=0)


class Reason(StrEnum):
    """Why a patch is `uncertain`; a result lists its reasons in this order."""

    BETWEEN_THRESHOLDS = "between_thresholds"
    LITTLE_TISSUE = "little_tissue"
    UNFAMILIAR = "unfamiliar"
    OUT_OF_FOCUS = "out_of_focus"


class Thresholds(Contract):
    """The two thresholds for P(IDC) in a model bundle; there are no others in the system."""

    no_idc_below: Probability = Field(description="P(IDC) below this is `no_idc`.")
    idc_from: Probability = Field(description="P(IDC) at or above this is `idc`; between the two it is `uncertain`.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.no_idc_below > self.idc_from:
            raise ValueError(f"no_idc_below {self.no_idc_below} must not exceed idc_from {self.idc_from}")
        return self

    def decide(self, probability: float) -> Decision:
        """The decision for one calibrated P(IDC) in 0.0-1.0, whatever the other outputs say; see `decide`.

        Raises:
            ValueError: `probability` is not a number from 0.0 to 1.0.
        """
        if not 0.0 <= probability <= 1.0:
            raise ValueError(f"P(IDC) must be from 0.0 to 1.0, got {probability!r}")
        if probability >= self.idc_from:
            return Decision.IDC
        if probability < self.no_idc_below:
            return Decision.NO_IDC
        return Decision.UNCERTAIN


class Check(Contract):
    """A limit for one output of the model: a patch at or above it is `uncertain`, whatever P(IDC) is."""

    reason: Reason = Field(description="The reason that the result gets; never `between_thresholds`.")
    output: str = Field(
        pattern=r"^[a-z][a-z0-9_]{0,62}$", description="The output of the graph, such as `little_tissue`."
    )
    from_value: float = Field(allow_inf_nan=False, description="The output's value from which the reason holds.")

    @model_validator(mode="after")
    def _is_no_threshold(self) -> Self:
        if self.reason is Reason.BETWEEN_THRESHOLDS or self.output in ("probability", "decision"):
            raise ValueError(f"a check cannot give {self.reason} for {self.output}: the thresholds decide by P(IDC)")
        return self


class Decided(NamedTuple):
    """A decision with its reasons."""

    decision: Decision
    reasons: tuple[Reason, ...]
    """In the order of `Reason`, each once; empty unless the decision is `uncertain`."""


def decide(
    probability: float,
    thresholds: Thresholds,
    outputs: Mapping[str, float] | None = None,
    checks: Iterable[Check] = (),
    *,
    also: Iterable[Reason] = (),
) -> Decided:
    """The decision for one patch and the reasons why it is `uncertain`; any reason makes it so.

    Args:
        probability: Calibrated P(IDC), 0.0-1.0.
        thresholds: The bundle's.
        outputs: The other outputs of the graph for this patch, by name; those without a check may be absent.
        checks: The bundle's.
        also: Reasons that the caller found by itself.

    Raises:
        ValueError: `probability` is not a number from 0.0 to 1.0, or an output with a check is absent or not a number.
    """
    decision = thresholds.decide(probability)
    reasons = {*also, *_reasons(outputs or {}, checks)}
    if decision is Decision.UNCERTAIN:
        reasons.add(Reason.BETWEEN_THRESHOLDS)
    return Decided(Decision.UNCERTAIN if reasons else decision, tuple(reason for reason in Reason if reason in reasons))


def _reasons(outputs: Mapping[str, float], checks: Iterable[Check]) -> Iterable[Reason]:
    for check in checks:
        value = outputs.get(check.output, math.nan)
        if math.isnan(value):
            raise ValueError(f"the model has a check for output {check.output!r}, which gave no number")
        if value >= check.from_value:
            yield check.reason


def checks_to_text(checks: tuple[Check, ...]) -> str:
    """Checks as one JSON text, as they stand in the parameters of the Open Inference Protocol."""
    return _CHECKS.dump_json(checks).decode()


def checks_from_text(text: str) -> tuple[Check, ...]:
    """The opposite of `checks_to_text`.

    Raises:
        pydantic.ValidationError: The text is not a JSON list of checks.
    """
    return _CHECKS.validate_json(text)


_CHECKS: TypeAdapter[tuple[Check, ...]] = TypeAdapter(tuple[Check, ...])
