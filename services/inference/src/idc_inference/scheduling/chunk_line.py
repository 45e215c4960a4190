"""Which chunk the device takes next."""

from collections import deque

from idc_inference.engines.engine import Engine
from idc_inference.scheduling.device_health import DeviceHealth
from idc_inference.scheduling.jobs import Chunk, Job
from idc_inference.scheduling.turns import Turns


class ChunkLine:
    """Jobs that take turns, and chunks to try again. Not safe in threads: its owner has the lock."""

    def __init__(self, engine: Engine, health: DeviceHealth) -> None:
        """Begin empty.

        Args:
            engine: Says how many patches a chunk may have.
            health: Knows what is on the device.
        """
        self._engine, self._health = engine, health
        self._turns = Turns()
        self._second_tries: deque[Chunk] = deque()

    def __len__(self) -> int:
        """The number of jobs that wait for their turn."""
        return len(self._turns)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits, chunks to try again included."""
        return not (self._turns or self._second_tries)

    def add(self, job: Job) -> None:
        """A job gets in line."""
        self._turns.add(job)

    def try_again(self, chunk: Chunk) -> None:
        """Each part of a chunk that failed goes first, by itself."""
        self._second_tries += [Chunk([part], is_second_try=True) for part in chunk.parts]

    def drop_unwanted(self) -> None:
        """Drop jobs that nobody waits for any more."""
        self._turns.drop_unwanted()

    @property
    def has_chunk(self) -> bool:
        """Whether the device can take a chunk, and one waits; a few patches wait for the lone one before them."""
        if not self._health.has_room:
            return False
        has_few = bool(self._turns) and not self._health.has_lone_patch
        return bool(self._second_tries) or has_few or self._turns.patches >= self._engine.least_chunk

    def take(self) -> Chunk | None:
        """The next chunk, which now counts as on the device; None where none waits or there is no room."""
        while self.has_chunk:
            if self._second_tries:
                chunk = self._second_tries.popleft()
                chunk.parts = [part for part in chunk.parts if not part.job.is_unwanted]
            else:
                chunk = Chunk(self._turns.next_parts(self._room()))
            if chunk.parts:
                self._health.began(chunk)
                return chunk
        return None

    def _room(self) -> int:
        """How many patches the next chunk may have."""
        return self._engine.chunk_patches if self._turns.patches >= self._engine.least_chunk else 1
