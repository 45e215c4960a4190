"""How a calibrated probability becomes a decision."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from idc_contracts.base import Contract, Probability


class Decision(StrEnum):
    """The system's answer for a patch."""

    IDC = "idc"
    NO_IDC = "no_idc"
    UNCERTAIN = "uncertain"


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
        """The decision for one calibrated P(IDC) in 0.0-1.0.

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
