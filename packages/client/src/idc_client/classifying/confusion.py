"""Results beside the truth in the files' names."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Confusion:
    """How the decisions fit the truth; what is uncertain is decided by a person and counts on neither side."""

    counts: Counter[tuple[str, str]]
    """Patches by truth and decision: (`idc`, `no_idc`) are those that were missed."""

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> "Confusion":
        """Count pairs of truth and decision."""
        return cls(Counter(pairs))

    @property
    def total(self) -> int:
        """All patches with a known truth."""
        return self.counts.total()

    @property
    def uncertain(self) -> int:
        """Those without a decision."""
        return self.counts["idc", "uncertain"] + self.counts["no_idc", "uncertain"]

    @property
    def sensitivity(self) -> float | None:
        """Found IDC over decided IDC; None where there is none."""
        return _share(self.counts["idc", "idc"], self.counts["idc", "no_idc"])

    @property
    def specificity(self) -> float | None:
        """Cleared healthy over decided healthy; None where there is none."""
        return _share(self.counts["no_idc", "no_idc"], self.counts["no_idc", "idc"])

    def as_document(self) -> dict[str, Any]:
        """For a program to read."""
        return {
            "true_positives": self.counts["idc", "idc"],
            "false_negatives": self.counts["idc", "no_idc"],
            "uncertain_positives": self.counts["idc", "uncertain"],
            "true_negatives": self.counts["no_idc", "no_idc"],
            "false_positives": self.counts["no_idc", "idc"],
            "uncertain_negatives": self.counts["no_idc", "uncertain"],
            "sensitivity": self.sensitivity,
            "specificity": self.specificity,
        }


def _share(right: int, wrong: int) -> float | None:
    return right / (right + wrong) if right + wrong else None
