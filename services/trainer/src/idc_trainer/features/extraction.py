"""Computes missing features: reads, decodes and infers concurrently, a block at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_trainer.data.decoding import decoded_ahead, ranges
from idc_trainer.data.index import PatchIndex
from idc_trainer.features.store import FeatureStore, write_block
from idc_trainer.features.variants import Variant
from idc_trainer.progress import Progress

BLOCK: Final = 1024
"""Patches in a block; two blocks are in memory, one of which is decoded while the other is computed."""


@dataclass(frozen=True)
class Extractor:
    width: int
    """The number of features of a patch."""
    run: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    """From patches, RGB, uint8, shape (N, 50, 50, 3), to their features, float32, shape (N, width)."""


def extract(
    index: PatchIndex, variant: Variant, extractor: Extractor, folder: Path, progress: Progress
) -> FeatureStore:
    """Complete a store so that it has the features of all patches of an index.

    Args:
        index: The patches; memory use does not grow with their number.
        variant: How the patches are changed.
        extractor: The feature graph.
        folder: The folder of this graph's stores, one for each variant.
        progress: Called after each block.

    Raises:
        OutputUnwritable, OutputFull: The store cannot be written.
        DataUnreadable: A file was changed since it was indexed.
    """

    def see(row: int) -> NDArray[np.uint8]:
        return variant.apply(index.decode(row), bytes(index.digests[row]))

    place = folder / variant.key
    missing = np.flatnonzero(~FeatureStore(place, extractor.width).has(index.digests))
    done = len(index) - len(missing)
    blocks = [missing[block.start : block.stop].tolist() for block in ranges(len(missing), BLOCK)]
    for rows, patches in zip(blocks, decoded_ahead(blocks, see), strict=True):
        write_block(place, index.digests[rows], extractor.run(patches))
        done += len(rows)
        progress(f"features, {variant.key}", done, len(index))
    return FeatureStore(place, extractor.width)
