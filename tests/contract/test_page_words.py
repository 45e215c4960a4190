"""The page has German words for whatever the gateway and the slides service refuse, and for why a slide fails."""

import re
from pathlib import Path

import pytest

from idc_gateway.errors import GatewayError
from idc_slides.errors import SlidesError

WORDS = Path("services/gateway/page/src/words/de/problems.ts")
SLIDES = Path("services/slides/src/idc_slides")
CODE = re.compile(r"(?:SlideUnreadable|SlideFailed)\(\s*\"([a-z-]+)\"|super\(\)\.__init__\(\"([a-z-]+)\", detail\)")


def translated(part: str) -> set[str]:
    """The keys of one part of the German words."""
    text = WORDS.read_text(encoding="utf-8").split(f"  {part}: {{")[1].split("\n  },")[0]
    return set(re.findall(r"^    \"?([a-z-]+)\"?: ", text, re.MULTILINE))


def kinds_below(base: type[GatewayError] | type[SlidesError]) -> set[str]:
    found = {str(base.kind)}
    for error in base.__subclasses__():
        found |= kinds_below(error)
    return found


@pytest.mark.parametrize("base", [GatewayError, SlidesError])
def test_each_refusal_has_german_words(base: type[GatewayError] | type[SlidesError]) -> None:
    assert kinds_below(base) - translated("refusals") == set()


def test_each_reason_why_a_slide_fails_has_german_words() -> None:
    sources = [path.read_text(encoding="utf-8") for path in SLIDES.rglob("*.py")]
    codes = {code for source in sources for found in CODE.findall(source) for code in found if code}

    assert len(codes) > 10
    assert codes - translated("failures") == set()
