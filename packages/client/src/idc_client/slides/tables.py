"""Slides as tables for a person, in the words of the field."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich.markup import escape
from rich.table import Table

from idc_client import terminal

HEADINGS: Final = ("slide", "state", "decision", "IDC mm²", "uncertain mm²", "tissue mm²", "id")


def slide_table(slides: Iterable[dict[str, Any]]) -> Table:
    """One line for each slide."""
    return terminal.table(HEADINGS, [_row(slide) for slide in slides])


def remarks_of(slide: dict[str, Any]) -> Sequence[str]:
    """What a reader must know of one slide, as sentences: why it failed, the cut, the warnings."""
    remarks = [] if is_screened(slide) else [why_not(slide)]
    if slide.get("cut") is not None:
        remarks.append(slide["cut"]["explanation"])
    return [f"{slide['name']}: {text}" for text in (*remarks, *slide.get("warnings", ()))]


def why_not(slide: dict[str, Any]) -> str:
    """Why a slide has no result."""
    if slide.get("failure") is not None:
        return str(slide["failure"]["detail"])
    if slide["state"] == "needs_scale":
        return "the file does not say its scale: state it with --um-per-px"
    return f"it is {slide['state']}"


def is_screened(slide: dict[str, Any]) -> bool:
    """Whether a slide has a result."""
    return bool(slide["state"] == "done")


def _row(slide: dict[str, Any]) -> list[str]:
    decision = slide.get("decision")
    return [
        escape(terminal.printable(slide["name"])),
        _state(slide),
        terminal.styled(decision) if decision else "",
        _area(slide.get("idc")),
        _area(slide.get("uncertain")),
        _area(slide.get("tissue")),
        f"[dim]{escape(slide['id'])}[/]",
    ]


def _state(slide: dict[str, Any]) -> str:
    state = str(slide["state"]).replace("_", " ")
    return f"{state}, {slide.get('progress', 0.0):.0%}" if state == "running" else escape(state)


def _area(area: dict[str, Any] | None) -> str:
    """An area with its 95 % interval, where there is one."""
    if area is None:
        return ""
    low, high = area.get("low_mm2"), area.get("high_mm2")
    interval = f" ({low:.1f}-{high:.1f})" if low is not None and high is not None else ""
    return f"{area['mm2']:.1f}{interval}"
