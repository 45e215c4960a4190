"""What a slide's file tells of itself. The texts and numbers come from a hostile file, so each is checked."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Pixels = Annotated[int, Field(ge=1, le=2_000_000)]
Text = Annotated[str, Field(max_length=300)]


class Level(BaseModel):
    """One level of the pyramid."""

    model_config = ConfigDict(frozen=True)

    width_px: Pixels
    height_px: Pixels
    downsample: float = Field(gt=0.0, le=1e6, allow_inf_nan=False, description="Pixels of level 0 for one of this.")
    deviation: float = Field(
        default=0.0, ge=0.0, le=255.0, description="From the mean of level 0's pixels, in grey values 0-255."
    )


class SlideFacts(BaseModel):
    """A slide as its file describes it."""

    model_config = ConfigDict(frozen=True)

    format: str = Field(max_length=64, description="Such as `aperio`, `dicom`, `generic-tiff`, `ome-tiff`.")
    width_px: Pixels
    height_px: Pixels
    um_per_px: float | None = Field(
        default=None, gt=0.0, allow_inf_nan=False, description="Of level 0, as the file says."
    )
    um_per_px_doubt: str | None = Field(default=None, description="Why that is not to be believed, as a sentence.")
    objective_power: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)
    levels: tuple[Level, ...] = Field(min_length=1, max_length=64, description="The finest first.")
    warnings: tuple[Text, ...] = Field(default=(), max_length=8, description="What a reader must know, as sentences.")
