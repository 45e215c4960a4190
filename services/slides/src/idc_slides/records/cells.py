"""The cells of a slide as one compact record: arrays by row and column, compressed."""

import io
import json
import zipfile
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_contracts import Check, ModelRef, Reason, Thresholds
from idc_contracts.base import Contract
from idc_contracts.slide_scores import SlideScores

REASONS: Final = tuple(Reason)
"""A cell's reasons are bits, in this order."""


class ScreeningModel(Contract):
    """The model that scored a slide, and what its cut follows from."""

    ref: ModelRef
    thresholds: Thresholds
    checks: tuple[Check, ...] = ()
    scores: SlideScores | None = None


@dataclass(frozen=True)
class CellGrid:
    """What is known of each cell of a slide."""

    logits: NDArray[np.float32]
    """[rows, columns]: logit of the calibrated P(IDC) of the cell alone; NaN where it has none."""
    reasons: NDArray[np.uint8]
    """[rows, columns]: bits in the order of `REASONS`, those of the model's checks."""
    causes: NDArray[np.uint8]
    """[rows, columns]: 0 where the cell is tissue, else 1 + the place in `cause_names` of why it was left out."""
    cause_names: tuple[str, ...] = ()
    quality: dict[str, float] = field(default_factory=dict)
    """Shares of the slide, as the record shows them."""
    rows_done: int = 0
    """Rows from the top whose cells all have their score: a run that was interrupted goes on there."""

    @property
    def scored(self) -> NDArray[np.bool_]:
        """[rows, columns]: cells that have a score."""
        return ~np.isnan(self.logits)

    def to_bytes(self) -> bytes:
        buffer = io.BytesIO()
        about = {"causes": self.cause_names, "quality": self.quality, "rows_done": self.rows_done}
        np.savez_compressed(
            buffer,
            logits=self.logits,
            reasons=self.reasons,
            causes=self.causes,
            about=np.frombuffer(json.dumps(about).encode(), np.uint8),
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "CellGrid":
        """The opposite of `to_bytes`.

        Raises:
            ValueError: It is no such record.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                about = json.loads(arrays["about"].tobytes())
                return cls(
                    arrays["logits"],
                    arrays["reasons"],
                    arrays["causes"],
                    tuple(about["causes"]),
                    about["quality"],
                    about["rows_done"],
                )
        except (KeyError, ValueError, EOFError, OSError, zipfile.BadZipFile) as exc:
            raise ValueError(f"the record of the cells is damaged: {exc}") from exc

    def left_out(self) -> dict[str, NDArray[np.intp]]:
        """[N, 2] of row and column by cause, without empty ones."""
        places = {name: np.argwhere(self.causes == index) for index, name in enumerate(self.cause_names, 1)}
        return {name: cells for name, cells in places.items() if len(cells)}

    def with_cause(self, where: NDArray[np.bool_], name: str) -> "CellGrid":
        """The grid with these cells left out for a cause."""
        names = self.cause_names if name in self.cause_names else (*self.cause_names, name)
        causes = self.causes.copy()
        causes[where] = 1 + names.index(name)
        return replace(self, causes=causes, cause_names=names)


def reason_bits(reasons: tuple[Reason, ...]) -> int:
    """Reasons as bits."""
    return sum(1 << REASONS.index(reason) for reason in reasons)


def reasons_of(bits: int) -> tuple[Reason, ...]:
    """The opposite of `reason_bits`."""
    return tuple(reason for index, reason in enumerate(REASONS) if bits >> index & 1)
