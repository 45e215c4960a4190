"""The Jobs give the trainer a command line that it takes."""

from pathlib import Path

import pytest

from idc_trainer.app import build_parser
from support.kustomized import JOBS, pods

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("folder", JOBS)
def test_the_trainer_s_command_line_takes_what_a_job_gives_it(folder: str) -> None:
    ((box,),) = [pod["containers"] for _, pod in pods(folder)]
    arguments = [text.replace("$(SHARD)", "3").replace("$(SHARDS)", "8") for text in box["args"]]

    options = build_parser(arguments).parse_args(arguments)

    assert options.cache == Path("/cache")
