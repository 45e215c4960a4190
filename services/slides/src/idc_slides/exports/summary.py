"""A page for print about one slide."""

import base64
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from idc_contracts.slide_scores import SlideScores
from idc_contracts.slides import SlideArea, SlideCut
from idc_slides.exports.picture import picture
from idc_slides.exports.words import Words
from idc_slides.reviews.reviewing import ReviewedSlide
from idc_slidescores.fitting import SMALL, VAGUE


def summary(done: ReviewedSlide, minimum_idc_mm2: float, words: Words) -> str:
    """The page as HTML, with the map in it.

    Args:
        done: A slide that is done.
        minimum_idc_mm2: The site's minimum.
        words: The page's language.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files("idc_slides.exports").joinpath("summary.html").read_text("utf-8"))
    slide = done.slide
    return template.render(
        slide=slide,
        w=words,
        areas={name: area_text(getattr(slide, name), words) for name in ("idc", "uncertain", "tissue")},
        cut=explanation(slide.cut, done.model.scores, words) if slide.cut else "",
        minimum=words.short(minimum_idc_mm2),
        map=base64.b64encode(picture(done.decided)).decode(),
    )


def area_text(area: SlideArea | None, words: Words) -> str:
    """An area with its interval, where there is one."""
    if area is None:
        return words.unknown
    text = f"{words.number(area.mm2, 2)} mm²"
    if area.low_mm2 is None or area.high_mm2 is None:
        return text
    return f"{text} ({words.interval(words.number(area.low_mm2, 2), words.number(area.high_mm2, 2))})"


def explanation(cut: SlideCut, scores: SlideScores | None, words: Words) -> str:
    """Where a slide's cut lies and why, in some sentences."""
    w = words.explained
    if scores is None:
        return w.no_distribution
    if cut.deviation is None:
        return w.too_few
    by = words.signed(cut.moved_by)
    if abs(cut.moved_by) < SMALL * scores.shift_deviation:
        moved = w.like(by)
    else:
        moved = w.high(by) if cut.moved_by > 0 else w.low(by)
    is_reviewed = cut.reviews > 0
    sentences = {
        moved: True,
        w.reviews(cut.reviews): is_reviewed,
        w.spread: is_reviewed and scores.verdict_deviation > 0,
        w.vague: cut.deviation > VAGUE * scores.shift_deviation,
    }
    return " ".join(sentence for sentence, holds in sentences.items() if holds)
