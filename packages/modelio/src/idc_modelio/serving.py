"""The folder of models, and which versions in it are served.

```
<models>/
├── <name>/<version>/                           served: the highest number that was not withdrawn
├── .candidates/<name>/<version>/               written by training, never served
├── .candidates/<name>/<version>.comparison.json
├── .serving/<name>/<version>.promotion.json    why the version is in its place
└── .serving/<name>/<version>.withdrawal.json   it is in its place and is not served
```
No model's name starts with a dot, so a server that reads `<models>/<name>/` alone finds no candidate.
"""

from pathlib import Path
from typing import Final

from idc_modelio.bundles import versions

CANDIDATES: Final = ".candidates"
FIRST_SITE_VERSION: Final = 1000
"""Versions from this number on are a site's own; those below are the project's."""


def candidates(models: Path) -> Path:
    """The folder of candidates: `<folder>/<name>/<version>/`."""
    return models / CANDIDATES


def comparison_path(models: Path, name: str, version: str) -> Path:
    """The `ModelComparison` of a candidate, if it was compared."""
    return candidates(models) / name / f"{version}.comparison.json"


def promotion_path(models: Path, name: str, version: str) -> Path:
    """The `ModelPromotion` of a version, if `idc-trainer promote` put it in its place."""
    return models / ".serving" / name / f"{version}.promotion.json"


def withdrawal_path(models: Path, name: str, version: str) -> Path:
    """The `ModelWithdrawal` of a version; while it exists, the version is not served."""
    return models / ".serving" / name / f"{version}.withdrawal.json"


def servable_versions(models: Path, name: str) -> list[int]:
    """The versions in their places that were not withdrawn, newest first.

    Raises:
        OSError: A folder cannot be read.
    """
    return [version for version in versions(models, name) if not withdrawal_path(models, name, str(version)).exists()]


def next_site_version(models: Path, name: str) -> str:
    """The number after the newest of a site's versions and candidates."""
    taken = (*versions(models, name), *versions(candidates(models), name))
    return str(max((*taken, FIRST_SITE_VERSION - 1)) + 1)
