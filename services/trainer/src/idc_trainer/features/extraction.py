"""Computes the features that a store still lacks: reads, decodes and infers side by side, a block at a time."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from idc_trainer.data.index import PatchIndex
from idc_trainer.data.source import Progress
from idc_trainer.features.store import FeatureStore, FeatureWriter
from idc_trainer.features.variants import Variant

BLOCK: Final = 1024
"""Patches that are in memory at a time, twice: one block is decoded while the one before it runs."""
_DECODERS: Final = 2


class FeatureRunner(Protocol):
    """Computes the features of patches; `runner.GraphRunner` is one."""

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of one patch's features: (width,)."""

    def run(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The features of patches, RGB, uint8, shape (N, 50, 50, 3); float32, shape (N, width), in their order."""


def extract(
    index: PatchIndex, variant: Variant, runner: FeatureRunner, folder: Path, progress: Progress, *, part: str = "all"
) -> FeatureStore:
    """Complete a store so that it has the features of all patches of an index.

    Args:
        index: The patches; memory use does not grow with their number.
        variant: How the patches are seen.
        runner: The feature graph.
        folder: Where the stores of this graph are; the variant's store is a folder in it.
        progress: Told of each block.
        part: The part to write to, for writers that fill one store side by side.

    Raises:
        OutputUnwritable, OutputFull: The store cannot be written.
        DataUnreadable: A file changed since it was indexed.
    """
    place = folder / variant.key
    (width,) = runner.output_shape
    lacking = np.flatnonzero(~FeatureStore(place, width).has(index.digests))
    if len(lacking):
        with FeatureWriter(place, width, part) as writer:
            done = len(index) - len(lacking)
            for rows, patches in _decoded(index, lacking, variant):
                writer.append(index.digests[rows], runner.run(patches))
                done += len(rows)
                progress(f"features, {variant.key}", done, len(index))
    return FeatureStore(place, width)


def _decoded(
    index: PatchIndex, rows: NDArray[np.intp], variant: Variant
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.uint8]]]:
    """Blocks of rows and their patches; the next block is decoded while the caller works on this one."""
    blocks = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
    with ThreadPoolExecutor(_DECODERS) as decoders:

        def start(block: NDArray[np.intp]) -> list[Future[NDArray[np.uint8]]]:
            return [decoders.submit(_see, index, int(row), variant) for row in block]

        pending = start(blocks[0])
        for number, block in enumerate(blocks):
            patches = np.stack([future.result() for future in pending])
            pending = start(blocks[number + 1]) if number + 1 < len(blocks) else []
            yield block, patches


def _see(index: PatchIndex, row: int, variant: Variant) -> NDArray[np.uint8]:
    return variant.apply(index.decode(row), bytes(index.digests[row]))
