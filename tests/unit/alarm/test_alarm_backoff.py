import random

from hypothesis import given
from hypothesis import strategies as st

from idc_alarm.link.backoff import Backoff


@given(seed=st.integers())
def test_waits_double_up_to_the_limit_and_differ_between_devices(seed: int) -> None:
    backoff = Backoff(random.Random(seed), first_s=1.0, longest_s=8.0)

    waits = [backoff.next_s() for _ in range(6)]

    for wait_s, ceiling_s in zip(waits, [1, 2, 4, 8, 8, 8], strict=True):
        assert ceiling_s / 2 <= wait_s <= ceiling_s
    assert len(set(waits)) == 6


def test_reset_begins_again() -> None:
    backoff = Backoff(random.Random(1), first_s=1.0, longest_s=8.0)
    for _ in range(5):
        backoff.next_s()

    backoff.reset()

    assert backoff.next_s() <= 1.0
