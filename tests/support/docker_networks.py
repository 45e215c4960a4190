"""Networks of the container engine on this machine."""

import subprocess


def free_network() -> str:
    """The first three numbers of a network that no container has: a stack that was cut off may have left its own."""
    networks = _docker("network", "ls", "--quiet").split()
    taken = _docker("network", "inspect", *networks, "--format", "{{range .IPAM.Config}}{{.Subnet}} {{end}}").split()
    used = {subnet.rsplit(".", 1)[0] for subnet in taken}
    return next(network for third in range(1, 255) if (network := f"10.213.{third}") not in used)


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=60, check=True).stdout
