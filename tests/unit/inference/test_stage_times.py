"""Where a request's time went: stages of wall-clock time, which add up to its duration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idc_inference.models.statistics import ModelStatistics
from idc_inference.scheduling.jobs import Interval, Scored, union_s
from idc_inference.scheduling.stage_times import stage_times

moments = st.floats(0, 100, allow_nan=False)
intervals = st.tuples(moments, moments).map(lambda pair: (min(pair), max(pair)))


def piece(submitted_s: float, *on_device: Interval) -> Scored:
    return Scored(np.zeros(1, np.float32), submitted_s, on_device)


def test_pieces_that_wait_and_compute_side_by_side_count_once() -> None:
    pieces = [piece(1, (1, 4), (2, 5)), piece(2, (4, 6)), piece(3, (8, 9))]

    times = stage_times(0, pieces, 10)

    assert (times.decode_s, times.queue_s, times.infer_s, times.output_s) == (1, 2, 6, 1)


def test_time_in_which_nothing_was_ready_for_the_device_is_decoding() -> None:
    times = stage_times(0, [piece(1, (1, 2)), piece(5, (5, 6))], 6)

    assert (times.decode_s, times.queue_s, times.infer_s, times.output_s) == (4, 0, 2, 0)


@given(st.lists(st.lists(intervals, min_size=1, max_size=4), min_size=1, max_size=8), moments, moments)
def test_stages_never_add_up_to_more_than_the_request(pieces: list[list[Interval]], early: float, late: float) -> None:
    scored = [piece(min(begin for begin, _ in parts) - early, *parts) for parts in pieces]
    begin_s = min(part.submitted_s for part in scored) - early
    end_s = max(end for parts in pieces for _, end in parts) + late

    times = stage_times(begin_s, scored, end_s)

    stages = (times.decode_s, times.queue_s, times.infer_s, times.output_s)
    assert sum(stages) == pytest.approx(end_s - begin_s, abs=1e-6)
    assert min(stages) >= -1e-6


@given(st.lists(intervals, max_size=20))
def test_union_is_at_most_the_sum_and_at_least_the_longest(parts: list[Interval]) -> None:
    lengths = [end - begin for begin, end in parts]

    assert max(lengths, default=0) - 1e-9 <= union_s(parts) <= sum(lengths) + 1e-9


def test_statistics_of_a_version_add_up_to_its_requests_durations() -> None:
    statistics = ModelStatistics()
    for _ in range(3):
        statistics.succeeded(2, stage_times(0, [piece(1, (1, 4), (2, 5)), piece(2, (4, 6))], 7))

    told = statistics.as_wire("idc", "1", executions=5)

    stats = told["inference_stats"]
    assert stats["success"] == {"count": 3, "ns": 21_000_000_000}
    parts = ("queue", "compute_input", "compute_infer", "compute_output")
    assert sum(stats[part]["ns"] for part in parts) == stats["success"]["ns"]
    assert (told["inference_count"], told["execution_count"]) == (6, 5)
