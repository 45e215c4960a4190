"""Thresholds and the decisions that they make."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from idc_contracts import Decision, Thresholds

probabilities = st.floats(0.0, 1.0)
thresholds = st.tuples(probabilities, probabilities).map(
    lambda pair: Thresholds(no_idc_below=min(pair), idc_from=max(pair))
)


@given(thresholds, probabilities)
def test_every_probability_gets_the_decision_of_its_interval(cuts: Thresholds, probability: float) -> None:
    decision = cuts.decide(probability)

    assert (decision is Decision.IDC) == (probability >= cuts.idc_from)
    assert (decision is Decision.NO_IDC) == (probability < cuts.no_idc_below)


@given(thresholds, probabilities, probabilities)
def test_a_higher_probability_is_never_decided_lower(cuts: Thresholds, first: float, second: float) -> None:
    order = [Decision.NO_IDC, Decision.UNCERTAIN, Decision.IDC]

    lower, higher = sorted((first, second))

    assert order.index(cuts.decide(lower)) <= order.index(cuts.decide(higher))


@pytest.mark.parametrize("probability", [-0.01, 1.01, math.nan, math.inf])
def test_what_is_not_a_probability_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match=r"from 0\.0 to 1\.0"):
        Thresholds(no_idc_below=0.3, idc_from=0.7).decide(probability)


def test_crossed_thresholds_are_refused() -> None:
    with pytest.raises(ValidationError, match="must not exceed"):
        Thresholds(no_idc_below=0.8, idc_from=0.2)
