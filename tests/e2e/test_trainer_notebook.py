"""The notebook runs from its first cell to its last on a small made set, and is kept without outputs."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from idc_modelio.bundles import read_bundle
from support.made_patches import write_patch_folder

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

NOTEBOOK = Path(__file__).parents[2] / "services" / "trainer" / "notebooks" / "train.ipynb"
PATIENTS = {"a": (10, 10), "b": (10, 8), "c": (12, 8), "d": (0, 6)}


def test_the_notebook_makes_a_bundle_and_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        "DATA": str(write_patch_folder(tmp_path / "data", PATIENTS)),
        "OUT": str(tmp_path / "models"),
        "CACHE": str(tmp_path / "cache"),
        "TEST_PATIENTS": "a",
        "STEPS": "30",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"IDC_NOTEBOOK_{name}", value)
    notebook = nbformat.read(NOTEBOOK, as_version=4)

    NotebookClient(notebook, timeout=600, kernel_name="python3").execute(cwd=str(tmp_path))

    assert read_bundle(tmp_path / "models" / ".candidates" / "idc" / "1000").manifest.split.test == ("a",)
    assert "not a medical device" in (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    shown = "".join(str(cell.get("outputs", "")) for cell in notebook.cells)
    assert "Model card: idc, version 1" in shown
    assert "Proof(patches=16" in shown


def test_the_notebook_is_kept_without_outputs_and_says_what_it_is_not() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)

    code = [cell for cell in notebook.cells if cell.cell_type == "code"]

    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert "not a medical device" in notebook.cells[0].source
