"""How `evaluate` and `crossval` present scores: metrics on the terminal, a report on the disk."""

import argparse
import sys
from collections.abc import Iterable, Mapping

import numpy as np
from rich.console import Console
from rich.table import Table

from idc_contracts import Thresholds
from idc_contracts.slide_scores import SlideScores
from idc_trainer.data.index import PatchIndex
from idc_trainer.errors import printable
from idc_trainer.evaluation.bootstrap import Evaluation, evaluate
from idc_trainer.evaluation.scored_patches import ScoredPatches
from idc_trainer.evaluation.slides import evaluate_slides
from idc_trainer.report.content import NOTICE, ReportContent
from idc_trainer.report.page import write_report
from idc_trainer.report.slide_tables import SLIDES_HEAD, slide_means
from idc_trainer.report.tables import SPREAD_HEAD, spread


def report(
    options: argparse.Namespace,
    title: str,
    notes: Iterable[str],
    index: PatchIndex,
    scored: ScoredPatches,
    slide_scores: Mapping[str, SlideScores | None],
) -> None:
    """Measure, write the report and print the metrics.

    Args:
        options: The options of a command with `--report` and `--seed`.
        title: What is reported on.
        notes: What a reader must know about how the metrics were obtained.
        index: The patches, in the order of `scored`.
        scored: The scores of the model or models.
        slide_scores: Of the model that scored each patient.

    Raises:
        OutputUnwritable, OutputFull: The report cannot be written.
    """
    slides = evaluate_slides(scored, slide_scores, options.seed)
    evaluation = evaluate(scored, options.seed).model_copy(update={"slides": slides})
    content = ReportContent(
        title=title,
        command=options.command_line,
        data_sha256=index.sha256(),
        scored=scored,
        evaluation=evaluation,
        thresholds=_middle_thresholds(scored),
        notes=(*notes, *index.source.listing.notes),
        left_out=index.left_out,
        image_of=index.decode,
    )
    write_report(content, options.report)
    _print(evaluation, title)
    sys.stdout.write(printable(f"wrote {options.report / 'index.html'}") + "\n")


def _middle_thresholds(scored: ScoredPatches) -> Thresholds:
    """The initial positions of the sliders: the medians, since each fold has its own thresholds."""
    return Thresholds(
        no_idc_below=round(float(np.median(scored.no_idc_below)), 4),
        idc_from=round(float(np.median(scored.idc_from)), 4),
    )


def _print(evaluation: Evaluation, title: str) -> None:
    table = Table(*SPREAD_HEAD, title=f"{title} - {NOTICE}")
    for row in spread(evaluation):
        table.add_row(*row)
    console = Console(soft_wrap=True)
    console.print(table)
    if evaluation.slides:
        of_slides = Table(*SLIDES_HEAD, title=f"Whole slides: {len(evaluation.slides.slides)}")
        for row in slide_means(evaluation.slides):
            of_slides.add_row(*row)
        console.print(of_slides)
