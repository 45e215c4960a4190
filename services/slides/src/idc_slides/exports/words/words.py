"""What the summary says, in one language."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from idc_contracts import Decision, Reason


@dataclass(frozen=True)
class Explained:
    """Where a slide's cut lies and why; `by` is a signed number in log odds."""

    no_distribution: str
    too_few: str
    like: Callable[[str], str]
    high: Callable[[str], str]
    low: Callable[[str], str]
    reviews: Callable[[int], str]
    spread: str
    vague: str


@dataclass(frozen=True)
class Words:
    """One language: its messages, and how it writes numbers and dates."""

    code: str
    """BCP 47."""
    decimal_mark: str
    thousands_mark: str
    months: tuple[str, ...]
    date: str
    """Of `{day}`, `{month}`, `{year}` and `{time}`."""
    notice: str
    decisions: dict[Decision, str]
    map: str
    square: str
    idc: str
    uncertain: str
    no_idc: str
    left_out: str
    reported_from: Callable[[str], str]
    tissue: str
    patches: Callable[[str], str]
    reasons: str
    reason_names: dict[Reason, str]
    cause_names: dict[str, str]
    """Of what was left out, and of the shares of the quality."""
    quality: str
    reviewed: str
    cut: str
    explained: Explained
    scale: str
    scale_is: Callable[[str], str]
    stated_by: dict[str, str]
    model: str
    file: str
    size: Callable[[str], str]
    screened: str
    note: str
    unknown: str
    interval: Callable[[str, str], str]
    percent: str
    """After a number."""

    def number(self, value: float, places: int = 0) -> str:
        """A number with exactly so many decimal places."""
        return self._written(f"{value:,.{places}f}")

    def short(self, value: float) -> str:
        """A number with four significant digits at most."""
        return self._written(f"{value:,.4g}")

    def signed(self, value: float) -> str:
        """A difference with one decimal place."""
        return self._written(f"{value:+,.1f}")

    def moment(self, value: datetime) -> str:
        """Date and time of a moment in UTC, to the minute."""
        time = f"{value:%H:%M} UTC"
        return self.date.format(day=value.day, month=self.months[value.month - 1], year=value.year, time=time)

    def _written(self, plain: str) -> str:
        return plain.translate(str.maketrans(".,", self.decimal_mark + self.thousands_mark))
