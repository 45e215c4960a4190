"""Writes what people read of a bundle: the model card and the report."""

from pathlib import Path

from idc_contracts.bundle import BundleManifest
from idc_trainer.evaluation.figures import SideScores
from idc_trainer.evaluation.named_list import ListResult
from idc_trainer.export.model_card import write_model_card
from idc_trainer.phases import Trained
from idc_trainer.report.page import write_report


def write_documents(
    manifest: BundleManifest,
    sides: tuple[SideScores, ...],
    trained: Trained,
    result: ListResult | None,
    cross_validation: Path | None,
    folder: Path,
) -> None:
    """Write `MODEL_CARD.md` and `report/index.html` into a bundle's folder; no patient's pixels are in them."""
    write_model_card(manifest, list(sides), result, folder / "MODEL_CARD.md")
    (folder / "report").mkdir()
    write_report(manifest, list(sides), folder / "report" / "index.html")
