"""Writes what people read of a bundle: the model card and the report."""

from pathlib import Path

import numpy as np

from idc_contracts.bundle import BundleManifest
from idc_trainer.export.model_card import Findings, model_card
from idc_trainer.report.content import Chart, Curve, ReportContent
from idc_trainer.report.page import write_report
from idc_trainer.workflows.phases import Trained


def write_documents(manifest: BundleManifest, found: Findings, trained: Trained, folder: Path) -> None:
    """Write `MODEL_CARD.md` and `report/` into a bundle's folder; no patient's pixels are in them.

    Raises:
        OutputUnwritable, OutputFull: They cannot be written.
    """
    (folder / "MODEL_CARD.md").write_text(model_card(manifest, found), encoding="utf-8")
    content = ReportContent(
        title=f"Model {manifest.name}, version {manifest.version}: the test patients",
        command=manifest.command,
        data_sha256=manifest.dataset.sha256,
        scored=found.sides.test.scored,
        evaluation=found.sides.test.evaluation,
        thresholds=manifest.thresholds,
        notes=(
            f"Test patients: {', '.join(manifest.split.test)}. Slides and single errors are not shown, so that a "
            "bundle holds no patient's pixels: `idc-trainer evaluate` writes a report that shows them.",
        ),
        left_out=found.patches.index.left_out,
        training=_training_charts(trained),
    )
    write_report(content, folder / "report")


def _training_charts(trained: Trained) -> tuple[Chart, ...]:
    losses = np.array(trained.head_losses)
    steps = np.arange(1.0, len(losses) + 1)
    charts = [Chart("Head: loss", "step", "loss", (Curve("loss", steps, losses),))]
    if trained.epochs:
        numbers = np.array([float(epoch.number) for epoch in trained.epochs])
        for title, name in (
            ("Fine-tuning: loss", "loss"),
            ("Fine-tuning: accuracy", "accuracy"),
            ("Fine-tuning: AUC within validation patients", "validation_auc"),
            ("Fine-tuning: learning rate", "learning_rate"),
        ):
            values = np.array([float(getattr(epoch, name)) for epoch in trained.epochs])
            charts.append(Chart(title, "epoch", name.replace("_", " "), (Curve(name, numbers, values),)))
    return tuple(charts)
