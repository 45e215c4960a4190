"""The language in which a reader wants what is written for people."""

from collections.abc import Iterator
from typing import Annotated, Literal

from fastapi import Depends, Header

from idc_slides.exports.words import LANGUAGES, Words


async def _words_of(
    language: Literal["en", "de"] | None = None, accept_language: Annotated[str, Header(max_length=1024)] = ""
) -> Words:
    return LANGUAGES[language or preferred(accept_language)]


InTheirLanguage = Annotated[Words, Depends(_words_of)]


def preferred(accept_language: str) -> str:
    """The code of the language that an `Accept-Language` header (RFC 9110, 12.5.4) wants most; else the first."""
    wanted = sorted(_weighed(accept_language), reverse=True, key=lambda pair: pair[1])
    return next((code for code, weight in wanted if code in LANGUAGES and weight > 0), next(iter(LANGUAGES)))


def _weighed(accept_language: str) -> Iterator[tuple[str, float]]:
    """Each language with its weight, 0-1; what is no weight counts as none at all."""
    for part in accept_language.split(","):
        tag, _, weight = part.partition(";")
        try:
            yield tag.strip().lower().partition("-")[0], float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
