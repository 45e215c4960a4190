"""The model that ships with the project."""

from typing import Final

from support.checkout import REPOSITORY

SHIPPED_VERSION: Final = "3"
SHIPPED_BUNDLE: Final = REPOSITORY / "models" / "idc" / SHIPPED_VERSION
