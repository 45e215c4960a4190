"""What patches were called, over patients; risk against coverage; against counting by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idc_trainer.evaluation.bootstrap import evaluate
from idc_trainer.evaluation.scored_patches import REASONS, ScoredPatches, join_scored
from idc_trainer.evaluation.spread import LEAST_PATCHES, QUANTILES, called, risk_coverage
from support.made_scores import made_scores


def _with_reasons(scored: ScoredPatches, seed: int = 0) -> ScoredPatches:
    reasons = np.random.default_rng(seed).random((len(scored), len(REASONS))) < 0.1
    return ScoredPatches(**{**vars(scored), "reasons": reasons})


@given(st.integers(0, 10_000))
@settings(max_examples=20)
def test_every_patch_of_a_class_is_called_one_thing_and_a_reason_makes_it_uncertain(seed: int) -> None:
    scored = _with_reasons(made_scores({"a": (20, 10), "b": (5, 8)}, seed), seed)
    assert scored.reasons is not None

    found = called(scored, label=True)

    assert found is not None
    said = []
    for p, reasons in zip(scored.probability[scored.labels], scored.reasons[scored.labels], strict=True):
        said.append("uncertain" if reasons.any() or 0.4 <= p < 0.6 else "idc" if p >= 0.6 else "no_idc")
    shares = {name: said.count(name) / len(said) for name in ("idc", "no_idc", "uncertain")}
    assert {name: getattr(found, name) for name in shares} == pytest.approx(shares, abs=1e-4)
    assert found.reasons["unfamiliar"] == pytest.approx(scored.reasons[scored.labels, 1].mean(), abs=1e-4)
    assert set(found.reasons) == {"between_thresholds", *REASONS}


def test_patches_keep_their_reasons_when_chosen_and_joined() -> None:
    scored = _with_reasons(made_scores({"a": (9, 9), "b": (4, 4)}))

    joined = join_scored([scored.of("a"), scored.of("b")])

    assert joined.reasons is not None
    assert np.array_equal(joined.reasons, scored.reasons)
    assert made_scores({"a": (2, 2)}).of("a").reasons is None


def test_quantiles_are_over_patients_with_enough_patches_and_the_mean_over_all() -> None:
    scored = made_scores({**{f"p{n}": (20, 12) for n in range(6)}, "few": (20, LEAST_PATCHES - 1), "none": (15, 0)})

    found = evaluate(scored, seed=0)

    misses = {name: figures.misses.value for name, figures in found.patients.items() if figures.misses}
    counted = [value for name, value in misses.items() if name != "few"]
    spread = found.spread["misses"]
    assert (spread.patients, spread.counted) == (7, 6)
    assert spread.mean.value == pytest.approx(np.mean(list(misses.values())), abs=1e-4)
    assert [spread.quantiles[percent] for percent in QUANTILES] == pytest.approx(
        np.percentile(counted, QUANTILES), abs=1e-4
    )
    assert found.spread["false_alarms"].counted == 8
    assert found.spread["ece"].mean.value == pytest.approx(
        np.mean([figures.ece.value for figures in found.patients.values() if figures.ece]), abs=1e-4
    )


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=30)
def test_risk_is_the_share_of_errors_among_the_surest_patches(seed: int, reasons: bool) -> None:
    scored = made_scores({"a": (20, 10), "b": (5, 8)}, seed)
    scored = _with_reasons(scored, seed) if reasons else scored

    found = risk_coverage(scored)

    sizes = {"a": 30, "b": 13}
    rows = sorted(
        (scored.has_reason[n], -abs(float(scored.probability[n]) - 0.5), 1 / sizes[str(scored.patients[n])] / 2, n)
        for n in range(43)
    )
    weight = wrong = area = 0.0
    risks = []
    for _, _, share, n in rows:
        weight += share
        wrong += share * ((scored.probability[n] >= 0.5) != scored.labels[n])
        area += share * wrong / weight
        risks.append((weight, wrong / weight))
    if not reasons:  # those with a reason are one tie, which the loop breaks
        assert found.area == pytest.approx(area, abs=1e-3)
    for coverage, risk in zip(found.coverage[:10], found.risk[:10], strict=True):
        assert any(abs(coverage - w) < 1e-3 and abs(risk - r) < 1e-3 for w, r in risks)
    assert found.coverage[-1] == pytest.approx(1.0)
    assert found.risk[-1] == pytest.approx(risks[-1][1], abs=1e-4)
