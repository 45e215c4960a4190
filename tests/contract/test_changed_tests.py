"""`make quick` runs the tests that a change asks for, and says what it leaves out."""

import subprocess
from collections import Counter
from pathlib import Path

import pytest

import changed_tests
from changed_tests import MOST_FILES, ROOM_TESTS, asked_by, within_half_a_minute


@pytest.mark.parametrize(
    ("changed", "asked"),
    [
        ("services/gateway/src/idc_gateway/certificates.py", "tests/unit/gateway/test_certificates.py"),
        ("services/trainer/src/idc_trainer/report/templates/page.html.j2", "tests/unit/trainer/test_report.py"),
        ("tests/unit/gateway/slides/conftest.py", "tests/unit/gateway/slides/test_slide_routes.py"),
        ("scripts/generate_reference.py", "tests/contract/test_reference_pages.py"),
        ("broker/bootstrap.sh", "tests/contract/test_shell_scripts.py"),
        ("docs/index.md", "tests/contract/test_documents.py"),
    ],
)
def test_change_asks_for_its_tests(changed: str, asked: str) -> None:
    assert asked in asked_by(changed)


@pytest.mark.parametrize(
    "source",
    ["services/inference/ncs/src/idc_ncs/__main__.py", "packages/modelio/src/idc_modelio/bundles.py"],
)
def test_change_of_any_source_asks_for_the_rules_of_rooms(source: str) -> None:
    assert set(ROOM_TESTS) <= set(asked_by(source))


def test_module_that_is_gone_asks_for_the_tests_of_its_room() -> None:
    asked = asked_by("services/gateway/src/idc_gateway/drift/gone.py")

    assert {test for test in asked if "/gateway/drift/" in test}
    assert not any("/gateway/access/" in test for test in asked)


def test_deleted_renamed_and_unknown_files_have_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    monkeypatch.setattr(changed_tests, "ROOT", tmp_path)
    git("init", "-b", "main")
    for name in ("deleted.py", "before.py", "same.py"):
        (tmp_path / name).write_text(f"{name} = 1\n" * 20)
    git("add", ".")
    git("commit", "-m", "first")
    git("rm", "deleted.py")
    git("mv", "before.py", "after.py")
    (tmp_path / "new.py").touch()

    assert set(changed_tests.changed_since("main")) == {"deleted.py", "before.py", "after.py", "new.py"}


def test_more_tests_than_there_is_time_for_are_left_out_and_changed_ones_are_not() -> None:
    asked = Counter({f"tests/unit/alarm/test_{number:02}.py": 1 for number in range(2 * MOST_FILES)})
    own = "tests/unit/alarm/test_99.py"

    chosen = within_half_a_minute(asked + Counter({own: 1}), [own])

    assert len(chosen) == MOST_FILES
    assert chosen[0] == own


def test_tests_of_other_layers_are_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(changed_tests, "changed_since", lambda _: ["k8s/base/alarm.yaml"])

    changed_tests.main([])

    assert "run `make manifests`, too" in capsys.readouterr().err
