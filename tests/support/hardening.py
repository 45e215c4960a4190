"""What a running container of the project may not do."""

from typing import Any


def assert_hardened(description: dict[str, Any]) -> None:
    """Check what `docker inspect` says of a container: no root, no capability, no writable root, bounded memory."""
    host = description["HostConfig"]
    assert description["Config"]["User"] == "10001:10001"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["Memory"] > 0
    assert not host["Privileged"]
