"""Where the time of one request went, from the whole body to the response's bytes."""

from collections.abc import Sequence
from dataclasses import dataclass

from idc_inference.scheduling.jobs import Scored, union_s


@dataclass(frozen=True)
class StageTimes:
    """Four stages, in seconds of wall-clock time, that add up to the duration of the request.

    Pieces of a request are decoded while others wait or compute. Each moment counts for one stage: `infer` where at
    least one piece is on the device, else `queue` where at least one waits for it, else `decode` or `output`.
    """

    decode_s: float
    queue_s: float
    infer_s: float
    output_s: float
    """From the last result to the response's bytes."""

    @property
    def total_s(self) -> float:
        return self.decode_s + self.queue_s + self.infer_s + self.output_s


def stage_times(begin_s: float, scored: Sequence[Scored], end_s: float) -> StageTimes:
    """Divide a request's duration.

    Args:
        begin_s: When its body was whole, on `time.monotonic`'s clock.
        scored: The results of its pieces, at least one.
        end_s: When its response was written.
    """
    computing = [interval for piece in scored for interval in piece.on_device]
    waiting = [(piece.submitted_s, end_s) for piece in scored for _, end_s in piece.on_device]
    last_s = max(end_s for _, end_s in computing)
    infer_s, present_s = union_s(computing), union_s(waiting)
    return StageTimes(last_s - begin_s - present_s, present_s - infer_s, infer_s, end_s - last_s)
