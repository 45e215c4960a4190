"""How `evaluate` and `crossval` present scores: metrics on the terminal, a report on the disk."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from idc_contracts import Thresholds
from idc_trainer.data.index import PatchIndex
from idc_trainer.errors import printable
from idc_trainer.evaluation.bootstrap import Evaluation, evaluate
from idc_trainer.evaluation.scored_patches import ScoredPatches
from idc_trainer.report.content import NOTICE, ReportContent
from idc_trainer.report.page import write_report
from idc_trainer.report.tables import format_estimate


@dataclass(frozen=True)
class Subject:
    """What is reported on."""

    title: str
    command: str
    notes: tuple[str, ...]


def report(subject: Subject, index: PatchIndex, scored: ScoredPatches, folder: Path, seed: int) -> None:
    """Measure, write the report and print the metrics.

    Args:
        subject: What is reported on.
        index: The patches, in the order of `scored`.
        scored: The scores of the model or models.
        folder: Where the report is written.
        seed: Seed of the bootstrap.

    Raises:
        OutputUnwritable, OutputFull: The report cannot be written.
    """
    evaluation = evaluate(scored, seed)
    content = ReportContent(
        title=subject.title,
        command=subject.command,
        data_sha256=index.sha256(),
        scored=scored,
        evaluation=evaluation,
        thresholds=_middle_thresholds(scored),
        notes=(*subject.notes, *index.source.listing.notes),
        left_out=index.left_out,
        image_of=index.decode,
    )
    write_report(content, folder)
    _print(evaluation, subject.title)
    sys.stdout.write(printable(f"wrote {folder / 'index.html'}") + "\n")


def _middle_thresholds(scored: ScoredPatches) -> Thresholds:
    """The initial positions of the sliders: the medians, since each fold has thresholds of its own."""
    return Thresholds(
        no_idc_below=round(float(np.median(scored.no_idc_below)), 4),
        idc_from=round(float(np.median(scored.idc_from)), 4),
    )


def _print(evaluation: Evaluation, title: str) -> None:
    table = Table("patient", "patches", "AUC", "balanced accuracy", "coverage", "ECE", title=f"{title} - {NOTICE}")
    for patient, figures in evaluation.patients.items():
        cells = (figures.auc, figures.balanced_accuracy, figures.coverage, figures.ece)
        table.add_row(patient, str(figures.patches), *map(format_estimate, cells))
    pooled = evaluation.pooled
    cells = (evaluation.within_patients, evaluation.mean_balanced_accuracy, pooled.coverage, pooled.ece)
    table.add_section()
    table.add_row("mean of patients, pooled", str(pooled.patches), *map(format_estimate, cells))
    Console(soft_wrap=True).print(table)
