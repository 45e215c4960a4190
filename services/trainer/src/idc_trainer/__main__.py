"""Entry point of `idc-trainer`."""

import importlib
import os
import sys
from collections.abc import Sequence

from idc_trainer.errors import TrainerError

_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; errors become one line on standard error and an exit code (see `errors`)."""
    # TensorFlow reads these when it is imported, so the import waits: its start-up notes would bury the one line.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    try:
        importlib.import_module("idc_trainer.app").run(sys.argv[1:] if arguments is None else arguments)
    except TrainerError as exc:
        sys.stderr.write(f"idc-trainer: {exc}\n")
        return exc.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("idc-trainer: stopped; no bundle was written\n")
        return _INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
