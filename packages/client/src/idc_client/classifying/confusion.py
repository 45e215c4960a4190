"""The confusion matrix of decisions and the truth in the files' names."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from idc_client import terminal


@dataclass(frozen=True)
class Confusion:
    """Counts of patches; uncertain ones are for a pathologist and count in neither sensitivity nor specificity."""

    counts: Counter[tuple[str, str]]
    """Patches by truth and decision: (`idc`, `no_idc`) are the missed ones."""

    @property
    def uncertain(self) -> int:
        return self.counts["idc", "uncertain"] + self.counts["no_idc", "uncertain"]

    @property
    def sensitivity(self) -> float | None:
        """True positives over decided positives; None where there are none."""
        return _ratio(self.counts["idc", "idc"], self.counts["idc", "no_idc"])

    @property
    def specificity(self) -> float | None:
        """True negatives over decided negatives; None where there are none."""
        return _ratio(self.counts["no_idc", "no_idc"], self.counts["no_idc", "idc"])

    def as_document(self) -> dict[str, Any]:
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

    def as_table(self) -> Table:
        """Truth down, decisions across."""
        decisions = ("idc", "no_idc", "uncertain")
        rows = [[truth, *(str(self.counts[truth, decision]) for decision in decisions)] for truth in ("idc", "no_idc")]
        return terminal.table(["truth, by the files' names", "decided idc", "decided no_idc", "uncertain"], rows)

    def as_lines(self) -> list[str]:
        """Sensitivity, specificity and the uncertain ones."""
        c = self.counts
        return [
            _metric_line("sensitivity", self.sensitivity, c["idc", "idc"], c["idc", "no_idc"], "IDC"),
            _metric_line("specificity", self.specificity, c["no_idc", "no_idc"], c["no_idc", "idc"], "no-IDC"),
            f"uncertain    {self.uncertain} of {c.total()} patches: for a pathologist, not in the metrics",
        ]


def _ratio(right: int, wrong: int) -> float | None:
    return right / (right + wrong) if right + wrong else None


def _metric_line(name: str, value: float | None, right: int, wrong: int, kind: str) -> str:
    if value is None:
        return f"{name}  none: no {kind} patch was decided"
    return f"{name}  {value:.3f}: {right} of {right + wrong} decided {kind} patches"
