"""What exports for people say: a file for each language."""

from typing import Final

from idc_slides.exports.words.de import DE
from idc_slides.exports.words.en import EN
from idc_slides.exports.words.words import Words

LANGUAGES: Final = {words.code: words for words in (EN, DE)}
"""By their codes; the first is for whoever wants none of them."""

__all__ = ["LANGUAGES", "Words"]
