"""Which of several gateways on one database does the work that only one may do."""

from typing import Final, Protocol


class Leadership(Protocol):
    """A lock that one gateway holds; when that gateway ends, another one gets it."""

    def hold(self) -> bool:
        """Take or keep it; False where another gateway holds it. Blocks.

        Raises StoreUnavailable where the database does not answer: whether it is held is unknown.
        """

    def release(self) -> None:
        """Release it, held or not."""


class _Alone:
    def hold(self) -> bool:
        return True

    def release(self) -> None:
        return


ALONE: Final[Leadership] = _Alone()
"""For a database that no other gateway uses."""
