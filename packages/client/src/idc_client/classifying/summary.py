"""Counts of a run: what became of its files."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from idc_client.classifying.confusion import Confusion
from idc_client.classifying.forms import truth_of
from idc_client.classifying.sender import Outcome


@dataclass
class Tally:
    """Counts outcomes as they come; its size does not grow with them."""

    total: int
    """Files that were to be sent."""
    classified: int = 0
    already_there: int = 0
    refused: int = 0
    failed: int = 0
    """Files without a result that another try may bring."""
    without_result: Counter[str] = field(default_factory=Counter)
    """Files without a result, by the truth in their names; `unknown` where it says none."""
    models: Counter[str] = field(default_factory=Counter)
    """Results by model."""
    _pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    _is_truth_known: bool = True

    def add(self, outcome: Outcome) -> None:
        """Count one more."""
        truth, result = truth_of(outcome.path), outcome.result
        if result is None:
            self.without_result[truth or "unknown"] += 1
            self.failed += outcome.is_passing
            self.refused += not outcome.is_passing
            return
        self.already_there += outcome.is_repeated
        self.classified += not outcome.is_repeated
        self.models[f"{result['model']['name']} {result['model']['version']}"] += 1
        self._is_truth_known = self._is_truth_known and truth is not None
        self._pairs[truth or "unknown", result["decision"]] += 1

    @property
    def accepted(self) -> int:
        """Files with a result."""
        return self.classified + self.already_there

    @property
    def not_sent(self) -> int:
        """Files of which nothing is known yet."""
        return self.total - self.accepted - self.refused - self.failed

    @property
    def confusion(self) -> Confusion | None:
        """Where every result's file says the truth."""
        return Confusion(self._pairs) if self._is_truth_known and self._pairs else None

    def as_document(self) -> dict[str, Any]:
        """For a program to read."""
        confusion = self.confusion
        return {
            "accepted": self.accepted,
            "classified": self.classified,
            "already_there": self.already_there,
            "refused": self.refused,
            "failed": self.failed,
            "not_sent": self.not_sent,
            "models": dict(self.models),
            "confusion": None if confusion is None else confusion.as_document(),
            "without_result": dict(self.without_result),
        }

    def __str__(self) -> str:
        """In one line."""
        counts = {
            "classified": self.classified,
            "already there": self.already_there,
            "refused": self.refused,
            "failed": self.failed,
            "not sent": self.not_sent,
        }
        told = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count or kind == "classified")
        return f"{told}, of {self.total} files"
