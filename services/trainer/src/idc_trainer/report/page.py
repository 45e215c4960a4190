"""Writes a report: `index.html`, one file that needs no network, with `figures.json` and `left-out.json`."""

import importlib.resources
from html import escape
from pathlib import Path
from typing import Final

from idc_trainer.data.left_out import left_out_json, tell_left_out
from idc_trainer.errors import output_error
from idc_trainer.report import tables
from idc_trainer.report.charts import draw, precision_recall_chart, reliability_chart, roc_chart
from idc_trainer.report.content import NOTICE, Chart, ReportContent
from idc_trainer.report.pictures import slides, worst_errors
from idc_trainer.report.slider import slider

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
"""The browser loads nothing, whatever a file name contains."""


def write_report(content: ReportContent, folder: Path) -> None:
    """Write a report into `folder`, which is made where it is missing.

    Raises:
        OutputUnwritable, OutputFull: It cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # a file name may hold bytes that are no text
        (folder / "index.html").write_text(_page(content), encoding="utf-8", errors="backslashreplace")
        figures = content.evaluation.model_copy(update={"command": content.command})
        (folder / "figures.json").write_text(figures.model_dump_json(indent=2) + "\n", encoding="utf-8")
        (folder / "left-out.json").write_text(left_out_json(content.left_out), encoding="utf-8")
    except OSError as exc:
        raise output_error(folder, exc) from exc


def _page(content: ReportContent) -> str:
    style = (importlib.resources.files("idc_trainer.report") / "page.css").read_text(encoding="utf-8")
    title = escape(content.title)
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{title}</title><meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<style>{style}</style></head><body><h1>{title}</h1><p class='notice'>{NOTICE}</p>{_sections(content)}"
        "</body></html>\n"
    )


def _sections(content: ReportContent) -> str:
    scored, evaluation = content.scored, content.evaluation
    parts = [
        *(f"<p>{escape(note)}</p>" for note in content.notes),
        "<h2>Figures</h2>",
        f"<p>Sensitivity, specificity, balanced accuracy and F1 are over the decided patches; coverage is their share. "
        f"Intervals: {evaluation.resamples} bootstrap resamples of the patients; per patient, of its patches.</p>",
        *(
            ["<p>There is one patient only: intervals by patient say nothing.</p>"]
            if len(evaluation.patients) == 1
            else []
        ),
        tables.summary(evaluation),
        "<h2>Patients</h2>",
        tables.per_patient(evaluation),
        "<h2>Curves</h2>",
        _charts((roc_chart(scored), precision_recall_chart(scored), reliability_chart(scored))),
        "<h2>Decisions</h2>",
        tables.confusion(scored),
        "<h2>Other thresholds</h2>",
        slider(scored, content.thresholds),
    ]
    if content.training:
        parts += ["<h2>Training</h2>", _charts(content.training)]
    if content.image_of:
        parts += ["<h2>Slides</h2>", slides(scored, content.image_of)]
        parts += ["<h2>Worst errors</h2>", worst_errors(scored, content.image_of)]
    parts += ["<h2>Files left out</h2>", *_left_out(content)]
    parts.append(
        f"<h2>Made by</h2><pre>{escape(content.command)}</pre><p>Patches: <code>{content.data_sha256}</code></p>"
    )
    return "".join(parts)


def _charts(charts: tuple[Chart, ...]) -> str:
    return f"<div class='charts'>{''.join(draw(chart) for chart in charts)}</div>"


def _left_out(content: ReportContent) -> tuple[str, ...]:
    if not content.left_out:
        return ("<p>None: every file of the data set was used.</p>",)
    lines = "\n".join(tell_left_out(content.left_out, more="left-out.json names all"))
    return (f"<pre>{escape(lines)}</pre>",)
