"""Writes a report: `index.html`, which needs no network, `figures.json`, `patients.svg` and `left-out.json`."""

import base64
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from idc_trainer.data.left_out import left_out_json, tell_left_out
from idc_trainer.errors import output_error
from idc_trainer.evaluation.intervals import LEAST_UNITS
from idc_trainer.evaluation.spread import LEAST_PATCHES
from idc_trainer.report import slide_tables, tables
from idc_trainer.report.charts import (
    COLOURS,
    draw,
    precision_recall_chart,
    reliability_chart,
    risk_coverage_chart,
    roc_chart,
)
from idc_trainer.report.content import NOTICE, ReportContent
from idc_trainer.report.pictures import false_alarms, missed_cancers, slides
from idc_trainer.report.slider import histograms
from idc_trainer.report.spread_figure import spread_figure


def write_report(content: ReportContent, folder: Path) -> None:
    """Write a report into `folder`, which is created if missing; the same content gives the same bytes.

    Raises:
        OutputUnwritable, OutputFull: It cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # A file name may hold bytes that are not valid text.
        (folder / "index.html").write_text(_page(content), encoding="utf-8", errors="backslashreplace")
        (folder / "patients.svg").write_bytes(spread_figure(content.evaluation))
        figures = content.evaluation.model_copy(update={"command": content.command})
        (folder / "figures.json").write_text(figures.model_dump_json(indent=2) + "\n", encoding="utf-8")
        (folder / "left-out.json").write_text(left_out_json(content.left_out), encoding="utf-8")
    except OSError as exc:
        raise output_error(folder, exc) from exc


def _page(content: ReportContent) -> str:
    """The page; the template escapes every value."""
    environment = Environment(
        loader=PackageLoader("idc_trainer.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["plot"] = draw
    scored, evaluation, cuts, images = content.scored, content.evaluation, content.thresholds, content.image_of
    return environment.get_template("page.html.j2").render(
        content=content,
        notice=NOTICE,
        spread_head=tables.SPREAD_HEAD,
        spread=tables.spread(evaluation),
        spread_figure=base64.b64encode(spread_figure(evaluation)).decode(),
        reasons=tables.reasons(evaluation),
        least_patches=LEAST_PATCHES,
        least_units=LEAST_UNITS,
        patient_head=tables.PATIENT_HEAD,
        patients=tables.per_patient(evaluation),
        slides_head=slide_tables.SLIDES_HEAD,
        slide_head=slide_tables.SLIDE_HEAD,
        slide_means=slide_tables.slide_means(evaluation.slides) if evaluation.slides else (),
        per_slide=slide_tables.per_slide(evaluation.slides) if evaluation.slides else (),
        curves=(
            roc_chart(scored),
            precision_recall_chart(scored),
            reliability_chart(scored),
            risk_coverage_chart(evaluation.risk_coverage),
        ),
        colours=COLOURS,
        sliders=(("low", "no_idc", round(cuts.no_idc_below, 3)), ("high", "idc", round(cuts.idc_from, 3))),
        counts=histograms(scored),
        slides=slides(scored, images) if images else None,
        missed=missed_cancers(scored, images) if images else None,
        false_alarms=false_alarms(scored, images) if images else None,
        left_out="\n".join(tell_left_out(content.left_out, more="left-out.json lists all")),
    )
