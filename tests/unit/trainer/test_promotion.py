"""`promote` and `rollback` on models of one channel: red tells the class, green tells little."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from idc_contracts.promotion import ModelComparison, ModelPromotion, ModelWithdrawal, Verdict
from idc_modelio.bundles import read_bundle
from idc_modelio.serving import (
    candidates,
    comparison_path,
    next_site_version,
    promotion_path,
    servable_versions,
    withdrawal_path,
)
from idc_trainer import errors
from idc_trainer.__main__ import main
from idc_trainer.commands import promote as promote_command
from support.channel_models import GREEN, RED, write_channel_model, write_channel_patches


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_channel_patches(tmp_path_factory.mktemp("data"), 8)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    write_channel_model(tmp_path / "models", "2", RED)
    return tmp_path / "models"


def _promote(candidate: Path, data: Path, *more: str) -> int:
    return main(["promote", str(candidate), "--data", str(data), "--by", "Ada", *more])


def _candidate(
    models: Path, version: str = "1000", channel: int = RED, learned_from: tuple[str, ...] = ("1", "2")
) -> Path:
    return write_channel_model(candidates(models), version, channel, learned_from)


def test_a_candidate_that_is_no_worse_serves_with_a_record_and_an_unchanged_digest(
    models: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    candidate = _candidate(models)
    digest = read_bundle(candidate).sha256

    assert _promote(candidate, data) == 0

    assert servable_versions(models, "idc") == [1000, 2]
    assert read_bundle(models / "idc" / "1000").sha256 == digest
    assert not candidate.exists()
    record = ModelPromotion.model_validate_json(promotion_path(models, "idc", "1000").read_bytes())
    assert (record.by, record.comparison.verdict, record.comparison.patients) == ("Ada", Verdict.NO_WORSE, 8)
    assert record.comparison.candidate.sha256 == digest
    assert record.comparison.serving is not None
    assert record.comparison.serving.version == "2"
    assert not comparison_path(models, "idc", "1000").exists()
    out = capsys.readouterr().out
    assert "8 patients with both classes, 192 patches" in out
    assert f"to undo it: idc-trainer rollback {models / 'idc'}" in out


def test_a_worse_candidate_is_refused_with_its_figures_in_one_line(
    models: Path, data: Path, error_line: Callable[[], str]
) -> None:
    candidate = _candidate(models, channel=GREEN)

    assert _promote(candidate, data) == errors.CandidateWorse.exit_code == 77

    assert re.search(
        r"idc 1000 is worse than 2, which serves, beyond chance: AUC 0\.\d{3} against \d\.\d{3}, -0\.\d{3} "
        r"\[-0\.\d{3}, -0\.\d{3}\]; balanced accuracy .* \(8 patients\)",
        error_line(),
    )
    assert servable_versions(models, "idc") == [2]
    assert candidate.is_dir()
    assert _comparison(models).verdict is Verdict.WORSE


def _comparison(models: Path) -> ModelComparison:
    return ModelComparison.model_validate_json(comparison_path(models, "idc", "1000").read_bytes())


def test_only_patients_that_neither_model_learned_from_are_compared(
    models: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    candidate = _candidate(models, learned_from=("p0", "p1"))

    assert _promote(candidate, data, "--compare-only") == 0

    assert _comparison(models).patients == 6
    assert "Not compared, since candidate or serving model learned from them: 2 of 8 patients: p0, p1" in (
        capsys.readouterr().err.replace("\n", " ")
    )


def test_comparing_only_changes_nothing_but_the_record(models: Path, data: Path) -> None:
    candidate = _candidate(models)

    assert _promote(candidate, data, "--compare-only") == 0

    assert servable_versions(models, "idc") == [2]
    assert candidate.is_dir()
    assert _comparison(models).candidate_decisions is not None
    assert read_bundle(candidate).sha256 == _comparison(models).candidate.sha256


def test_a_candidate_that_too_few_patients_could_test_is_refused_unless_that_is_meant(
    models: Path, tmp_path: Path, error_line: Callable[[], str]
) -> None:
    few = write_channel_patches(tmp_path / "few", 3)
    candidate = _candidate(models)

    assert _promote(candidate, few) == errors.CandidateUntested.exit_code
    assert "3 patients of the data have both classes and are new to candidate and serving model" in error_line()
    assert servable_versions(models, "idc") == [2]

    assert _promote(candidate, few, "--untested") == 0
    assert servable_versions(models, "idc") == [1000, 2]
    record = ModelPromotion.model_validate_json(promotion_path(models, "idc", "1000").read_bytes())
    assert record.comparison.verdict is Verdict.UNTESTED


def test_a_candidate_that_learned_from_all_patients_is_untested(
    models: Path, tmp_path: Path, error_line: Callable[[], str]
) -> None:
    seen = write_channel_patches(tmp_path / "seen", 2)

    assert _promote(_candidate(models, learned_from=("p0", "p1")), seen) == errors.CandidateUntested.exit_code
    assert "0 patients of the data" in error_line()


def test_where_nothing_serves_the_first_candidate_is_measured_and_serves(tmp_path: Path, data: Path) -> None:
    models = tmp_path / "models"

    assert _promote(_candidate(models), data) == 0

    assert servable_versions(models, "idc") == [1000]
    record = json.loads(promotion_path(models, "idc", "1000").read_text())["comparison"]
    assert (record["serving"], record["auc"]["difference"]) == (None, None)
    assert record["auc"]["candidate"] > 0.9


def test_the_folder_of_a_model_s_candidates_names_the_newest(models: Path, data: Path) -> None:
    _candidate(models, "1000", GREEN)
    _candidate(models, "1001", RED)

    assert _promote(candidates(models) / "idc", data) == 0

    assert servable_versions(models, "idc") == [1001, 2]


def test_an_older_candidate_that_is_promoted_serves_instead_of_a_newer_version(models: Path, data: Path) -> None:
    old = _candidate(models, "1000")
    assert _promote(_candidate(models, "1001"), data) == 0

    assert _promote(old, data) == 0

    assert servable_versions(models, "idc") == [1000, 2]
    assert (models / "idc" / "1001").is_dir()


def test_rollback_lets_the_version_before_serve_and_keeps_the_bundle(
    models: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _promote(_candidate(models), data) == 0
    digest = read_bundle(models / "idc" / "1000").sha256

    assert main(["rollback", str(models / "idc"), "--by", "Ada"]) == 0

    assert servable_versions(models, "idc") == [2]
    assert read_bundle(models / "idc" / "1000").sha256 == digest
    record = ModelWithdrawal.model_validate_json(withdrawal_path(models, "idc", "1000").read_bytes())
    assert (record.by, record.version, record.serves_instead) == ("Ada", "1000", "2")
    assert "idc 2 serves from now on instead of 1000, whose bundle stays" in capsys.readouterr().out


def test_a_version_that_was_rolled_back_is_promoted_again_by_its_place(models: Path, data: Path) -> None:
    assert _promote(_candidate(models), data) == 0
    assert main(["rollback", str(models / "idc")]) == 0

    assert _promote(models / "idc" / "1000", data) == 0

    assert servable_versions(models, "idc") == [1000, 2]


def test_rollback_goes_back_to_a_named_version(models: Path, data: Path) -> None:
    for version in ("1000", "1001"):
        assert _promote(_candidate(models, version), data) == 0

    assert main(["rollback", str(models / "idc"), "--to", "2"]) == 0

    assert servable_versions(models, "idc") == [2]


@pytest.mark.parametrize(("more", "text"), [((), "those before it: none"), (("--to", "7"), "no such version before 2")])
def test_rollback_without_such_an_earlier_version_changes_nothing(
    models: Path, error_line: Callable[[], str], more: tuple[str, ...], text: str
) -> None:
    assert main(["rollback", str(models / "idc"), *more]) == errors.NoEarlierVersion.exit_code

    assert text in error_line()
    assert servable_versions(models, "idc") == [2]


def test_rollback_to_a_damaged_version_is_refused(models: Path, data: Path, error_line: Callable[[], str]) -> None:
    assert _promote(_candidate(models), data) == 0
    (models / "idc" / "2" / "model.bin").write_bytes(b"damaged")

    assert main(["rollback", str(models / "idc")]) == errors.NoEarlierVersion.exit_code
    assert "model.bin" in error_line()
    assert servable_versions(models, "idc") == [1000, 2]


def test_a_damaged_serving_version_is_no_obstacle_for_a_new_one(models: Path, data: Path) -> None:
    (write_channel_model(models, "3") / "model.bin").write_bytes(b"damaged")

    assert _promote(_candidate(models), data) == 0

    record = ModelPromotion.model_validate_json(promotion_path(models, "idc", "1000").read_bytes())
    assert record.comparison.serving is not None
    assert record.comparison.serving.version == "2"


@pytest.mark.parametrize(
    ("path", "code", "text"),
    [
        ("idc/2", errors.WrongSetting, "serves already"),
        ("idc/7", errors.WrongSetting, "is not a candidate"),
        (".candidates/idc", errors.BundleInvalid, "`idc-trainer train` writes one"),
        (".candidates/idc/1000", errors.WrongSetting, "is not a candidate"),
    ],
)
def test_a_path_that_is_no_candidate_is_told(
    models: Path, data: Path, error_line: Callable[[], str], path: str, code: type[errors.TrainerError], text: str
) -> None:
    assert _promote(models / path, data) == code.exit_code
    assert text in error_line()


def test_a_damaged_candidate_is_refused(models: Path, data: Path, error_line: Callable[[], str]) -> None:
    candidate = _candidate(models)
    (candidate / "model.bin").write_bytes(b"damaged")

    assert _promote(candidate, data) == errors.BundleInvalid.exit_code
    assert "model.bin" in error_line()


def test_a_version_that_took_over_during_the_comparison_stops_the_promotion(
    models: Path, data: Path, error_line: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = _candidate(models)
    monkeypatch.setattr(promote_command, "_print", lambda _: write_channel_model(models, "3"))

    assert _promote(candidate, data) == errors.BundleInvalid.exit_code

    assert "was changed during the comparison" in error_line()
    assert servable_versions(models, "idc") == [3, 2]
    assert candidate.is_dir()


def test_an_account_without_a_name_is_recorded_by_its_number(
    models: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("getpass.getuser", nameless)

    assert main(["promote", str(_candidate(models)), "--data", str(data), "--compare-only"]) == 0
    assert re.fullmatch(r"user \d+", _comparison(models).by)


def test_records_can_be_read_by_a_service_of_another_account(models: Path, data: Path) -> None:
    assert _promote(_candidate(models), data) == 0

    assert promotion_path(models, "idc", "1000").stat().st_mode & 0o777 == 0o644


def test_a_site_s_numbers_begin_above_the_project_s_and_are_never_given_twice(models: Path, data: Path) -> None:
    assert next_site_version(models, "idc") == "1000"

    candidate = _candidate(models)
    assert next_site_version(models, "idc") == "1001"

    assert _promote(candidate, data) == 0
    assert main(["rollback", str(models / "idc")]) == 0
    assert next_site_version(models, "idc") == "1001"

    write_channel_model(models, "3")  # an upgrade of the project
    assert next_site_version(models, "idc") == "1001"
    assert np.max(servable_versions(models, "idc")) == 3


def test_a_held_version_is_in_its_place_with_its_figures_and_does_not_serve(models: Path, data: Path) -> None:
    candidate = _candidate(models)

    assert _promote(candidate, data, "--hold") == 0

    assert servable_versions(models, "idc") == [2]
    assert (models / "idc" / "1000").is_dir()
    assert promotion_path(models, "idc", "1000").is_file()
    record = ModelWithdrawal.model_validate_json(withdrawal_path(models, "idc", "1000").read_bytes())
    assert (record.by, record.serves_instead) == ("Ada", "2")


def test_nothing_is_held_where_nothing_serves(tmp_path: Path, data: Path, error_line: Callable[[], str]) -> None:
    candidate = _candidate(tmp_path / "models")

    assert _promote(candidate, data, "--hold") == errors.WrongSetting.exit_code
    assert "omit --hold" in error_line()
    assert candidate.is_dir()
