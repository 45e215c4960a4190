"""The counts of a run."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from idc_client.classifying.confusion import Confusion
from idc_client.classifying.forms import truth_of
from idc_client.classifying.sender import Outcome


@dataclass
class Summary:
    """Counts outcomes as they arrive; its size does not grow with them."""

    total: int
    """Files to send."""
    classified: int = 0
    already_there: int = 0
    refused: int = 0
    failed: int = 0
    """Files for which a later run may bring a result."""
    without_result: Counter[str] = field(default_factory=Counter)
    """Files without a result, by the truth in their names or `unknown`."""
    models: Counter[str] = field(default_factory=Counter)
    """Results by model."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Uncertain results by reason; one with several counts for each."""
    assumed: int = 0
    """Results of images whose scale nobody stated, and which were taken to show the field of a patch."""
    _decisions: Counter[tuple[str, str]] = field(default_factory=Counter)
    _is_truth_known: bool = True

    def add(self, outcome: Outcome) -> None:
        truth, result = truth_of(outcome.path), outcome.result
        if result is None:
            self.without_result[truth or "unknown"] += 1
            self.failed += outcome.is_transient
            self.refused += not outcome.is_transient
            return
        self.already_there += outcome.is_repeated
        self.classified += not outcome.is_repeated
        self.models[f"{result['model']['name']} {result['model']['version']}"] += 1
        self.reasons.update(result.get("reasons", ()))
        self.assumed += result.get("field") == "assumed"
        self._is_truth_known = self._is_truth_known and truth is not None
        self._decisions[truth or "unknown", result["decision"]] += 1

    @property
    def counts(self) -> dict[str, int]:
        counted = self.classified + self.already_there + self.refused + self.failed
        return {
            "classified": self.classified,
            "already_there": self.already_there,
            "refused": self.refused,
            "failed": self.failed,
            "not_sent": self.total - counted,
        }

    @property
    def confusion(self) -> Confusion | None:
        """None unless the name of every file with a result has a class."""
        return Confusion(self._decisions) if self._is_truth_known and self._decisions else None

    def as_document(self) -> dict[str, Any]:
        return {
            "accepted": self.classified + self.already_there,
            **self.counts,
            "models": dict(self.models),
            "reasons": dict(self.reasons),
            "confusion": self.confusion and self.confusion.as_document(),
            "without_result": dict(self.without_result),
        }

    def __str__(self) -> str:
        """The counts above zero, in one line."""
        parts = [f"{n} {kind.replace('_', ' ')}" for kind, n in self.counts.items() if n or kind == "classified"]
        return f"{', '.join(parts).replace('refused', 'rejected')}, of {self.total} files"
