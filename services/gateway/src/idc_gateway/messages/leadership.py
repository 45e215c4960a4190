"""Which of several gateways that share one database does what only one may do."""

from typing import Final, Protocol


class Leadership(Protocol):
    """One gateway holds it; where that one ends, another gets it."""

    def hold(self) -> bool:
        """Take or keep it; False where another gateway has it. Blocks.

        Raises:
            StoreUnavailable: The database does not answer; whether it is held is unknown.
        """

    def release(self) -> None:
        """Give it up, held or not."""


class _Alone:
    def hold(self) -> bool:
        return True

    def release(self) -> None:
        return


ALONE: Final[Leadership] = _Alone()
"""For a database that no other gateway uses."""
