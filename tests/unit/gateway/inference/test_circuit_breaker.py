"""The breaker's states, over any history of outcomes."""

from hypothesis import given
from hypothesis import strategies as st

from idc_gateway.inference.circuit_breaker import FAILURES_TO_OPEN, FIRST_PAUSE_S, LONGEST_PAUSE_S, CircuitBreaker


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def opened(clock: Clock) -> CircuitBreaker:
    breaker = CircuitBreaker(clock)
    for _ in range(FAILURES_TO_OPEN):
        breaker.begin()
        breaker.failed()
    return breaker


def test_failures_in_a_row_open_it_and_a_success_between_does_not() -> None:
    breaker = CircuitBreaker(Clock())
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.failed()
    breaker.succeeded()
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.failed()
    assert breaker.state == "closed"

    breaker.failed()

    assert (breaker.state, breaker.lets_in) == ("open", False)


def test_one_trial_is_let_in_after_the_pause() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now_s += FIRST_PAUSE_S
    assert breaker.lets_in

    breaker.begin()

    assert not breaker.lets_in
    breaker.succeeded()
    assert breaker.state == "closed"


def test_failed_trial_doubles_the_pause() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now_s += FIRST_PAUSE_S
    breaker.begin()
    breaker.failed()

    assert breaker.wait_s == 2 * FIRST_PAUSE_S


def test_cancelled_trial_leaves_room_for_the_next() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now_s += FIRST_PAUSE_S
    breaker.begin()
    breaker.gave_up()

    assert breaker.lets_in


@given(st.lists(st.tuples(st.sampled_from(["succeeded", "failed", "gave_up"]), st.floats(0, 100)), max_size=60))
def test_server_is_always_tried_again_within_the_longest_pause(history: list[tuple[str, float]]) -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock)
    for outcome, pause_s in history:
        clock.now_s += pause_s
        if breaker.lets_in:
            breaker.begin()
            getattr(breaker, outcome)()

    assert breaker.wait_s <= LONGEST_PAUSE_S
    clock.now_s += LONGEST_PAUSE_S
    assert breaker.lets_in
