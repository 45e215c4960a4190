"""The callback by which a workflow reports how far it is."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with the step's name, the items done and the items in total."""
