"""What a bundle says of the scores of a slide's cells."""

from typing import Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from idc_contracts.base import Contract


class SlideScores(Contract):
    """How the scores of a slide's cells are made, and how they are distributed.

    The score of a cell is a weighted mean over the cells around it, in logits. The distributions are of cross-fitted
    scores of training patients.

    A slide's scores are N(idc_mean + d, idc_deviation) for IDC and N(no_idc_mean + d, no_idc_deviation) for the rest,
    with a shift d of the whole slide from N(0, shift_deviation).
    """

    window: int = Field(ge=1, le=25, description="Side of the square of cells that are averaged; odd.")
    mean: Literal["logit", "evidence"] = Field(
        default="logit",
        description="What is averaged: the logit, or the evidence -ln(1 - P), which is brought back to a logit.",
    )
    floor: float = Field(
        default=-20.0,
        ge=-20.0,
        le=20.0,
        description="For the fit and the area, lower scores count as this one; decisions use the score itself.",
    )
    cells_as_one: int = Field(
        default=100, ge=1, description="So many cells tell as much of the slide's shift as one independent cell."
    )
    verdict_deviation: float = Field(
        default=0.0,
        ge=0.0,
        le=5.0,
        description="How far, in logits, scores are off for reasons that neighbours share: a verdict moves the scores "
        "around it; 0 leaves them.",
    )
    idc_mean: float = Field(ge=-20.0, le=20.0)
    idc_deviation: float = Field(ge=0.01, le=20.0)
    no_idc_mean: float = Field(ge=-20.0, le=20.0)
    no_idc_deviation: float = Field(ge=0.01, le=20.0)
    shift_deviation: float = Field(ge=0.01, le=20.0)
    patients: int = Field(ge=1, description="Patients behind these numbers.")

    @model_validator(mode="after")
    def _can_cut(self) -> Self:
        if self.window % 2 == 0:
            raise ValueError(f"window {self.window} has no middle: it must be odd")
        if self.idc_mean <= self.no_idc_mean:
            raise ValueError(f"idc_mean {self.idc_mean} must exceed no_idc_mean {self.no_idc_mean}")
        return self


def slide_scores_to_text(scores: SlideScores | None) -> str:
    """Distributions of scores as one JSON text, as they stand in the parameters of the Open Inference Protocol."""
    return _SLIDE_SCORES.dump_json(scores).decode()


def slide_scores_from_text(text: str) -> SlideScores | None:
    """The opposite of `slide_scores_to_text`.

    Raises:
        pydantic.ValidationError: The text is neither the JSON of such distributions nor `null`.
    """
    return _SLIDE_SCORES.validate_json(text)


_SLIDE_SCORES: TypeAdapter[SlideScores | None] = TypeAdapter(SlideScores | None)
