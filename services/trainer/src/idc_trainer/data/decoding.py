"""Decodes patches ahead of their use."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import NDArray

_DECODERS: Final = 2

Patches = NDArray[np.uint8]


def decoded_ahead(blocks: Sequence[Sequence[int]], see: Callable[[int], Patches]) -> Iterator[Patches]:
    """The patches of each block, uint8, shape (N, side, side, 3); the next block is decoded during the caller's work.

    Args:
        blocks: The numbers of the patches of each block; two blocks are in memory at a time.
        see: Decodes one patch by its number, RGB, uint8, shape (side, side, 3); several threads call it.
    """
    with ThreadPoolExecutor(_DECODERS) as decoders:

        def start(block: Sequence[int]) -> list[Future[Patches]]:
            return [decoders.submit(see, number) for number in block]

        pending = start(blocks[0]) if blocks else []
        for place in range(len(blocks)):
            patches = np.stack([future.result() for future in pending])
            pending = start(blocks[place + 1]) if place + 1 < len(blocks) else []
            yield patches


def ranges(count: int, size: int) -> list[range]:
    """The numbers from 0 to `count` - 1 in blocks of `size`; the last may be shorter."""
    return [range(start, min(start + size, count)) for start in range(0, count, size)]
