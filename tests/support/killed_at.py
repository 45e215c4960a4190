"""Runs the service of slides until it calls a function, where it is killed as by `kill -9`.

`python -m support.killed_at idc_slides.records.review_change_store:save_record`
"""

import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Final

from idc_slides.__main__ import main

TESTS: Final = str(Path(__file__).parents[1])
"""To be set as PYTHONPATH."""


def _killed(*_arguments: object, **_more: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    module, _, names = sys.argv[1].partition(":")
    *owners, name = names.split(".")
    owner: object = import_module(module)
    for part in owners:
        owner = getattr(owner, part)
    getattr(owner, name)  # a name that does not exist would kill nothing
    setattr(owner, name, _killed)
    sys.argv = sys.argv[:1]
    sys.exit(main())
