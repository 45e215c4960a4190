"""The compact record of a slide's cells keeps what is put into it."""

import numpy as np
import pytest

from idc_contracts import Reason
from idc_slides.records.cells import CellGrid, reason_bits, reasons_of


def test_a_record_is_read_as_it_was_written() -> None:
    logits = np.array([[np.nan, 1.5], [-2.0, np.nan]], np.float32)
    grid = CellGrid(logits, np.array([[0, 2], [0, 0]], np.uint8), np.zeros((2, 2), np.uint8), (), {"blurred": 0.25}, 1)
    grid = grid.with_cause(np.isnan(logits) & (np.arange(2) == 0), "glass")

    read = CellGrid.from_bytes(grid.to_bytes())

    assert np.array_equal(read.logits, logits, equal_nan=True)
    assert (read.reasons.tolist(), read.quality, read.rows_done) == ([[0, 2], [0, 0]], {"blurred": 0.25}, 1)
    assert {cause: cells.tolist() for cause, cells in read.left_out().items()} == {"glass": [[0, 0]]}


def test_a_slide_of_usual_size_needs_less_than_100_kb() -> None:
    shape = (75, 100)
    logits = np.random.default_rng(1).normal(0, 3, shape).astype(np.float32)

    data = CellGrid(logits, np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)).to_bytes()

    assert len(data) < 100_000


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"no archive at all"])
def test_a_damaged_record_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="damaged"):
        CellGrid.from_bytes(data)


def test_reasons_survive_as_bits() -> None:
    reasons = (Reason.LITTLE_TISSUE, Reason.OUT_OF_FOCUS)

    assert reasons_of(reason_bits(reasons)) == reasons
