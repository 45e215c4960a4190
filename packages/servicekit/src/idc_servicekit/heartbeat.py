"""A file whose age tells a health check (`health/heartbeat.sh`) whether a loop still turns."""

from pathlib import Path


class Heartbeat:
    """Touches a file; the loop that must stay alive calls `beat`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def beat(self) -> None:
        """Record that the loop turned just now.

        Raises:
            OSError: The file cannot be written.
        """
        self._path.touch()

    def stop(self) -> None:
        """Take the file away, so that the next check fails at once."""
        self._path.unlink(missing_ok=True)
