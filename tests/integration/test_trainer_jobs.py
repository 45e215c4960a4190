"""The Jobs give the trainer a command line that it takes."""

import pytest

from idc_trainer.app import build_parser
from support.kustomized import JOBS, containers, pods

pytestmark = pytest.mark.integration

COMMAND_LINES = [
    pytest.param(box["args"], id=f"{job}-{box['name']}")
    for job in JOBS
    for pod in pods(f"jobs/{job}").values()
    for box in containers(pod)
    if "idc-sentinel/trainer" in box["image"] and "args" in box
]


def test_each_command_of_the_trainer_that_takes_hours_has_a_job() -> None:
    assert {tuple(line.values[0][:1]) for line in COMMAND_LINES} >= {("train",), ("promote",), ("features",)}


@pytest.mark.parametrize("arguments", COMMAND_LINES)
def test_the_trainer_s_command_line_takes_what_a_job_gives_it(arguments: list[str]) -> None:
    given = [text.replace("$(SHARD)", "3").replace("$(SHARDS)", "8") for text in arguments]

    build_parser(given).parse_args(given)  # it exits where it does not take them
