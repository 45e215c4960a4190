"""The summary for print, in each language."""

import re
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idc_contracts import ModelRef, Reason, Thresholds
from idc_contracts.slides import SlideArea, SlideCut, SlideGrid, SlideScale
from idc_slides.exports.summary import area_text, explanation, summary
from idc_slides.exports.words import LANGUAGES, Words
from idc_slides.findings.conclusion import conclude
from idc_slides.findings.decided import decide_slide
from idc_slides.records.cells import CellGrid, ScreeningModel
from idc_slides.records.slides import FileState, Location, new_slide
from idc_slides.reviews.reviewing import ReviewedSlide
from idc_slides.web.languages import preferred
from support.made_slide_scores import SCORES, made_slide

DE, EN = LANGUAGES["de"], LANGUAGES["en"]
MODEL = ScreeningModel(
    ref=ModelRef(name="idc", version="1", sha256="0" * 64),
    thresholds=Thresholds(no_idc_below=0.4, idc_from=0.6),
    scores=SCORES,
)


@pytest.fixture
def done() -> ReviewedSlide:
    """A slide of 30 x 40 patches, of which two rows are glass, with a name that is no HTML."""
    logits = made_slide(1200, 0.3)[0].reshape(30, 40)
    logits[:2] = np.nan
    grid = CellGrid(logits, np.zeros((30, 40), np.uint8), np.zeros((30, 40), np.uint8))
    grid = grid.with_cause(np.isnan(logits), "glass").with_cause(np.zeros_like(logits, np.bool_), "edge")
    decided = decide_slide(MODEL, grid)
    found = new_slide(Location("folder", "<b>Müller & Söhne.svs"), FileState(1234567, 1), received_by="folder")
    scale = SlideScale(um_per_px=0.2527, stated_by="file", level=0, level_um_per_px=0.2527, factor=15.8, kernel="area")
    facts = {
        "grid": SlideGrid(columns=40, rows=30, pitch_px=800.0),
        "scale": scale,
        "model": MODEL.ref,
        "format": "aperio",
        "width_px": 32000,
        "height_px": 24000,
        "finished_at": datetime(2026, 3, 4, 5, 6, tzinfo=UTC),
        "warnings": ("The colours were corrected.",),
    }
    slide = conclude(found.slide.model_copy(update=facts), decided, (), 1.5)
    return ReviewedSlide(slide, MODEL, decided, [])


def cells_of(page: str) -> dict[str, str]:
    """The rows of the table: what each heading says."""
    return dict(re.findall(r'<th scope="row">(.*?)</th><td[^>]*>(.*?)</td>', page))


def test_summary_is_german_with_german_numbers_and_dates(done: ReviewedSlide) -> None:
    page = summary(done, 1.5, DE)

    assert '<html lang="de">' in page
    assert "Nur für die Forschung. Kein Medizinprodukt. Diese Seite ist keine Diagnose." in page
    cells = cells_of(page)
    assert cells["Gewebe"] == "44,80 mm², 1.120 Ausschnitte"
    assert cells["IDC"].endswith("ein Schnitt wird ab 1,5 mm² gemeldet")
    assert cells["Ausgelassen"] == "Glas: 80"
    assert cells["Maßstab"] == "0,2527 µm pro Pixel, laut Datei"
    assert cells["Datei"] == "aperio, 32.000 \u00d7 24.000 px, 1.234.567 Bytes"
    assert cells["Ausgewertet"] == "4. März 2026, 05:06 UTC"
    assert '<td lang="en">The colours were corrected.</td>' in page


def test_summary_is_english_with_english_numbers_and_dates(done: ReviewedSlide) -> None:
    page = summary(done, 1.5, EN)

    assert '<html lang="en">' in page
    assert "For research use only. Not a medical device. This page is not a diagnosis." in page
    cells = cells_of(page)
    assert cells["Tissue"] == "44.80 mm², 1,120 patches"
    assert cells["Scale"] == "0.2527 µm per pixel, stated by the file"
    assert cells["Screened"] == "4 March 2026, 05:06 UTC"


@pytest.mark.parametrize("words", LANGUAGES.values(), ids=list(LANGUAGES))
def test_name_of_a_file_is_shown_as_text(done: ReviewedSlide, words: Words) -> None:
    page = summary(done, 1.5, words)

    assert "&lt;b&gt;Müller &amp; Söhne.svs" in page
    assert "<b>" not in page


@pytest.mark.parametrize("words", LANGUAGES.values(), ids=list(LANGUAGES))
def test_each_language_names_every_reason_decision_and_month(words: Words) -> None:
    assert set(words.reason_names) == set(Reason)
    assert set(words.decisions) == set(EN.decisions)
    assert set(words.cause_names) == set(EN.cause_names)
    assert len(set(words.months)) == 12


def test_area_that_is_not_known_says_so() -> None:
    assert area_text(None, DE) == "nicht bekannt"
    assert area_text(SlideArea(mm2=1234.5), DE) == "1.234,50 mm²"
    assert area_text(SlideArea(mm2=2.0, low_mm2=1.5, high_mm2=2.5), EN) == "2.00 mm² (95 %: 1.50 to 2.50)"


def test_cut_is_explained_by_how_far_it_moved_and_by_what_took_part() -> None:
    cut = SlideCut(logit=0, low_logit=0, high_logit=0, moved_by=0.9, deviation=0.1, reviews=1, explanation="")

    assert explanation(cut, SCORES, DE) == (
        "Die Werte dieses Schnitts liegen insgesamt hoch: Seine Schwelle ist um +0,9 (Log-Odds) verschoben. "
        "1 beurteilter Ausschnitt ist eingeflossen."
    )
    spreading = SCORES.model_copy(update={"verdict_deviation": 0.7})
    assert explanation(cut, spreading, EN).endswith(
        "1 reviewed patch took part. Reviews moved the scores of the patches around them."
    )
    low = cut.model_copy(update={"moved_by": -0.9, "reviews": 0, "deviation": 0.69})
    assert explanation(low, SCORES, EN) == (
        "This slide scores low as a whole: its cut moved by -0.9 log odds. "
        "The scores hardly tell where this slide's cut is: review some patches."
    )
    assert explanation(cut.model_copy(update={"moved_by": 0.1}), SCORES, EN).startswith("This slide scores like others")
    assert "too few patches" in explanation(cut.model_copy(update={"deviation": None}), SCORES, EN)
    assert "how the scores of a slide are distributed" in explanation(cut, None, EN)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("fr,en;q=0.5,de;q=0.7", "de"),
        ("en-GB,de", "en"),
        ("de;q=0,en", "en"),
        ("fr", "en"),
        ("*", "en"),
        ("de;q=nan, en;q=0.1", "en"),
        ("de;q=x", "en"),
        ("DE", "de"),
    ],
)
def test_language_is_the_one_that_the_header_wants_most(header: str, code: str) -> None:
    assert preferred(header) == code


@given(st.text(max_size=200))
def test_any_header_gives_a_language(header: str) -> None:
    assert preferred(header) in LANGUAGES
