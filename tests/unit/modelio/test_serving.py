"""Which numbers are given to a site's models, and which versions may be served."""

from pathlib import Path

from idc_modelio.serving import candidates, next_site_version, servable_versions, withdrawal_path


def test_a_site_s_numbers_follow_its_newest_version_or_candidate_and_begin_at_1000(tmp_path: Path) -> None:
    assert next_site_version(tmp_path, "idc") == "1000"

    for place in (tmp_path / "idc" / "7", candidates(tmp_path) / "idc" / "8", tmp_path / "other" / "1500"):
        place.mkdir(parents=True)
    assert next_site_version(tmp_path, "idc") == "1000"

    (candidates(tmp_path) / "idc" / "1003").mkdir()
    (candidates(tmp_path) / "idc" / ".1009-abc").mkdir()
    assert next_site_version(tmp_path, "idc") == "1004"

    (tmp_path / "idc" / "1010").mkdir()
    assert next_site_version(tmp_path, "idc") == "1011"


def test_a_candidate_and_a_withdrawn_version_are_not_servable(tmp_path: Path) -> None:
    for place in (tmp_path / "idc" / "2", tmp_path / "idc" / "1000", candidates(tmp_path) / "idc" / "1001"):
        place.mkdir(parents=True)
    assert servable_versions(tmp_path, "idc") == [1000, 2]

    withdrawal = withdrawal_path(tmp_path, "idc", "1000")
    withdrawal.parent.mkdir(parents=True)
    withdrawal.write_text("")
    assert servable_versions(tmp_path, "idc") == [2]
