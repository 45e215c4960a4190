"""Entry point of `idc-trainer`."""

import importlib
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from idc_trainer.errors import TrainerError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; an error becomes one line on standard error and an exit code (see `errors`)."""
    # TensorFlow reads these when it is imported; its start-up messages would bury the one line.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    try:
        words = sys.argv[1:] if arguments is None else arguments
        with _start_up_messages_withheld():
            app = importlib.import_module("idc_trainer.app")
            parser = app.build_parser(words)
        with _interrupted_by_sigterm():
            app.run(parser, words)
    except TrainerError as exc:
        sys.stderr.write(f"idc-trainer: {exc}\n")
        return exc.exit_code
    except KeyboardInterrupt as exc:
        sys.stderr.write("idc-trainer: stopped; no bundle was written\n")
        return 128 + (exc.args[0] if exc.args else signal.SIGINT)  # as shells report it
    return 0


@contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    """Let SIGTERM, which stops containers, clean up like Ctrl-C; process 1 would ignore it otherwise."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt(number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _start_up_messages_withheld() -> Iterator[None]:
    """Withhold what TensorFlow writes to file descriptor 2 while it loads; show it only if loading fails."""
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            yield
        except BaseException:
            notes.seek(0)
            os.write(terminal, notes.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


if __name__ == "__main__":
    sys.exit(main())
