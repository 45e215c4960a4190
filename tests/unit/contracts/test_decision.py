"""Thresholds and checks, and the decisions that they make."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from idc_contracts import Check, Decision, Reason, Thresholds, decide
from idc_contracts.decision import checks_from_text, checks_to_text

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


checks = st.builds(
    Check,
    reason=st.sampled_from([reason for reason in Reason if reason is not Reason.BETWEEN_THRESHOLDS]),
    output=st.sampled_from(["little_tissue", "out_of_focus", "unfamiliar", "distance"]),
    from_value=st.floats(0.0, 2.0),
)
outputs = st.fixed_dictionaries(
    {name: st.floats(0.0, 5.0) for name in ("little_tissue", "out_of_focus", "unfamiliar", "distance")}
)
found_elsewhere = st.sets(st.sampled_from(list(Reason)))


@given(probabilities, thresholds, outputs, st.lists(checks), found_elsewhere)
def test_a_patch_is_uncertain_if_and_only_if_there_is_a_reason(
    probability: float, cuts: Thresholds, values: dict[str, float], limits: list[Check], also: set[Reason]
) -> None:
    decided = decide(probability, cuts, values, limits, also=also)

    assert (decided.decision is Decision.UNCERTAIN) == bool(decided.reasons)
    if not decided.reasons:
        assert decided.decision is cuts.decide(probability)


@given(probabilities, thresholds, outputs, st.lists(checks), found_elsewhere)
def test_reasons_are_those_of_the_limits_reached_each_once_in_the_order_of_the_enumeration(
    probability: float, cuts: Thresholds, values: dict[str, float], limits: list[Check], also: set[Reason]
) -> None:
    reasons = decide(probability, cuts, values, limits, also=also).reasons

    reached = {limit.reason for limit in limits if values[limit.output] >= limit.from_value}
    between = {Reason.BETWEEN_THRESHOLDS} if cuts.no_idc_below <= probability < cuts.idc_from else set()
    assert set(reasons) == reached | between | also
    assert list(reasons) == [reason for reason in Reason if reason in reasons]


def test_a_model_without_checks_gives_no_reason_but_the_thresholds() -> None:
    cuts = Thresholds(no_idc_below=0.3, idc_from=0.7)

    assert decide(0.2, cuts) == (Decision.NO_IDC, ())
    assert decide(0.5, cuts) == (Decision.UNCERTAIN, (Reason.BETWEEN_THRESHOLDS,))
    assert decide(0.7, cuts) == (Decision.IDC, ())


@pytest.mark.parametrize("values", [{}, {"distance": math.nan}])
def test_a_check_without_a_number_is_refused(values: dict[str, float]) -> None:
    limit = Check(reason=Reason.UNFAMILIAR, output="distance", from_value=1.0)

    with pytest.raises(ValueError, match="'distance', which gave no number"):
        decide(0.9, Thresholds(no_idc_below=0.3, idc_from=0.7), values, [limit])


@pytest.mark.parametrize(
    ("reason", "output", "from_value"),
    [
        (Reason.BETWEEN_THRESHOLDS, "distance", 1.0),
        (Reason.UNFAMILIAR, "probability", 0.5),
        (Reason.UNFAMILIAR, "Not a name", 0.5),
        (Reason.UNFAMILIAR, "distance", math.inf),
    ],
)
def test_a_check_that_cannot_work_is_refused(reason: Reason, output: str, from_value: float) -> None:
    with pytest.raises(ValidationError):
        Check(reason=reason, output=output, from_value=from_value)


@given(st.lists(checks).map(tuple))
def test_checks_survive_their_text(limits: tuple[Check, ...]) -> None:
    assert checks_from_text(checks_to_text(limits)) == limits
