"""A file whose age tells a health check whether a loop still turns.

`python -m idc_servicekit.heartbeat FILE MAX_AGE_S` exits with 0 while the file is young enough, else with 1.
It needs the standard library alone, so that the check stays cheap on a Raspberry Pi.
"""

import sys
import time
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


def age_s(path: Path) -> float | None:
    """Seconds since the last beat; None where there was none."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return None


def main(arguments: list[str]) -> int:
    """Check one heartbeat file; print one line and return the exit code."""
    path, max_age_s = Path(arguments[0]), float(arguments[1])
    age = age_s(path)
    healthy = age is not None and age <= max_age_s
    sys.stdout.write(f"{path}: {'no beat' if age is None else f'last beat {age:.1f} s ago'}\n")
    return 0 if healthy else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
