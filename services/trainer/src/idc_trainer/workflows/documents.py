"""Writes the documents of a bundle: the model card and the report."""

from pathlib import Path

import numpy as np

from idc_contracts.bundle import BundleManifest
from idc_trainer.export.model_card import Findings, model_card
from idc_trainer.learning.fitting import EPOCH_STEPS
from idc_trainer.report.content import Chart, Curve, ReportContent
from idc_trainer.report.page import write_report
from idc_trainer.workflows.phases import Trained


def write_documents(manifest: BundleManifest, found: Findings, trained: Trained, folder: Path) -> None:
    """Write `MODEL_CARD.md` and `report/` into a bundle's folder, without any patient's pixels.

    Raises:
        OutputUnwritable, OutputFull: They cannot be written.
    """
    (folder / "MODEL_CARD.md").write_text(model_card(manifest, found), encoding="utf-8")
    content = ReportContent(
        title=f"Model {manifest.name}, version {manifest.version}: the test patients",
        command=manifest.command,
        data_sha256=manifest.dataset.sha256,
        scored=found.parts.test.scored,
        evaluation=found.parts.test.evaluation,
        thresholds=manifest.thresholds,
        notes=(
            f"Test patients: {', '.join(manifest.split.test)}. Slides and errors are not shown, so that a bundle holds "
            "no patient's pixels: `idc-trainer evaluate` writes a report that shows them.",
        ),
        left_out=found.patches.index.left_out,
        training=_training_charts(trained),
    )
    write_report(content, folder / "report")


def _training_charts(trained: Trained) -> tuple[Chart, ...]:
    charts = []
    for title, name in (
        ("Training: cross-entropy of P(IDC)", "idc_loss"),
        ("Training: cross-entropy of the image's quality", "quality_loss"),
        ("Training: learning rate", "learning_rate"),
    ):
        curves = tuple(
            _curve(f"network {number}", tuple(getattr(epoch, name) for epoch in epochs))
            for number, epochs in enumerate(trained.epochs, start=1)
        )
        charts.append(Chart(title, f"after {EPOCH_STEPS} steps each", name.replace("_", " "), curves))
    return tuple(charts)


def _curve(name: str, values: tuple[float, ...]) -> Curve:
    return Curve(name, np.arange(1.0, len(values) + 1), np.array(values, np.float64))
