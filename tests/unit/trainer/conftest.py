"""Fixtures of the trainer's tests."""

from collections.abc import Callable

import numpy as np
import pytest

from idc_trainer.data.patches import PatchSet


@pytest.fixture
def silent() -> Callable[[str, int, int], None]:
    """Progress that no one watches."""

    def tell(_step: str, _done: int, _total: int) -> None:
        return None

    return tell


@pytest.fixture
def make_set() -> Callable[..., PatchSet]:
    """Builds a set of blank patches from (patient, label) pairs; digests are all different unless given."""

    def build(owners: list[tuple[str, int]], digests: list[str] | None = None) -> PatchSet:
        names = [f"{index}.png" for index in range(len(owners))]
        return PatchSet(
            patches=np.zeros((len(owners), 50, 50, 3), np.uint8),
            labels=np.array([label == 1 for _, label in owners]),
            patients=np.array([patient for patient, _ in owners]),
            names=np.array(names),
            digests=np.array(digests or names),
        )

    return build
