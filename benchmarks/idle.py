"""Processor time of an idle compose stack, health checks included, in percent of one core.

Without `--project` it builds and starts a stack of its own and removes it afterwards; with it, it measures a stack that
runs. Run with `uv run --frozen python benchmarks/idle.py [--quick] [--project NAME]` on the engine's own machine, as an
account that may use the engine. The last line is JSON.

A container's figure is the processor time of its control group, which the commands of health checks join. `engine` is
the engine's part: dockerd and containerd, which every stack of the machine shares, and for each container its shim with
the runc processes that start health checks. A command that a shim waited for is in both figures.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.compose_stack import ComposeStack

REPOSITORY: Final = Path(__file__).parents[1]
CONTROL_GROUPS: Final = Path("/sys/fs/cgroup")
SETTLE_S: Final = 30.0
"""A stack that has just started still connects, opens its model and warms up."""
TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")


def docker(*arguments: str) -> str:
    """The standard output of a command of the engine."""
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout


def processes_of(project: str) -> dict[str, int]:
    """The first process of each running container of a compose project, by service."""
    ids = docker("ps", "--quiet", "--filter", f"label=com.docker.compose.project={project}").split()
    if not ids:
        sys.exit(f"no container of the project {project!r} runs: start it with `docker compose up --wait`")
    wanted = '{{index .Config.Labels "com.docker.compose.service"}} {{.State.Pid}}'
    lines = docker("inspect", "--format", wanted, *ids).splitlines()
    return {service: int(pid) for service, pid in sorted(line.split() for line in lines)}


def group_usage_s(pid: int) -> float:
    """Processor time of a process' control group since it was made, by cgroup v1 (`cpuacct`) or v2."""
    groups = dict(line.split(":", 2)[1:] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines())
    for controllers, path in groups.items():
        if "cpuacct" in controllers.split(","):
            return int((CONTROL_GROUPS / controllers / path.strip("/") / "cpuacct.usage").read_text()) / 1e9
    statistics = (CONTROL_GROUPS / groups[""].strip("/") / "cpu.stat").read_text().split()
    return int(statistics[statistics.index("usage_usec") + 1]) / 1e6


def process_usage_s(pid: int, *, with_children: bool) -> float:
    """Processor time of a process, and of the children that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11 : 15 if with_children else 13])) / TICKS_A_SECOND


def parent_of(pid: int) -> int:
    """The process that started a process: of a container's first, its shim."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def engine_processes() -> list[int]:
    """The processes of dockerd and containerd."""
    names = {path.parent.name: path.read_text().strip() for path in Path("/proc").glob("[0-9]*/comm")}
    return [int(pid) for pid, name in names.items() if name in ("dockerd", "containerd")]


def usages_s(processes: dict[str, int]) -> tuple[dict[str, float], float]:
    """Processor time until now: of each container, and of the engine."""
    shims = sum(process_usage_s(parent_of(pid), with_children=True) for pid in processes.values())
    engine = sum(process_usage_s(pid, with_children=False) for pid in engine_processes())
    return {service: group_usage_s(pid) for service, pid in processes.items()}, shims + engine


def measure(project: str, seconds: float) -> dict[str, float]:
    """Percent of a core that each container of a running stack takes, their `sum`, and the `engine`'s part."""
    processes = processes_of(project)
    (before, engine_before), start = usages_s(processes), time.monotonic()
    time.sleep(seconds)
    (after, engine_after), passed_s = usages_s(processes), time.monotonic() - start
    percent = {service: 100 * (after[service] - before[service]) / passed_s for service in processes}
    return percent | {"sum": sum(percent.values()), "engine": 100 * (engine_after - engine_before) / passed_s}


def main() -> None:
    """Measure one stack and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", help="measure this running compose project")
    parser.add_argument("--seconds", type=float, default=600, help="how long to measure (default: 600)")
    parser.add_argument("--quick", action="store_true", help="measure for 60 seconds")
    options = parser.parse_args()
    if shutil.which("docker") is None:
        sys.stdout.write("there is no container engine here: nothing to measure\n")
        return
    seconds = 60 if options.quick else options.seconds
    if options.project:
        percent = measure(options.project, seconds)
    else:
        stack = ComposeStack(REPOSITORY, REPOSITORY / "models")
        try:
            stack.start()
            time.sleep(SETTLE_S)
            percent = measure(stack.project, seconds)
        finally:
            stack.remove()
    for name, value in percent.items():
        sys.stdout.write(f"{name:<12} {value:6.2f} %\n")
    sys.stdout.write(json.dumps({name: round(value, 3) for name, value in percent.items()}) + "\n")


if __name__ == "__main__":
    main()
