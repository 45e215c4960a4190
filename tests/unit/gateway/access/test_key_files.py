"""Keys that stand in files: another key in the file counts in a running gateway."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from idc_gateway.access.key_files import FileKey, follow_first_key, read_key
from idc_gateway.access.keys import Keyring
from idc_gateway.store import Store
from support.eventually import eventually
from support.gateway_accounts import opens

OLD, NEW = "idc_" + "o" * 60, "idc_" + "n" * 60


def exchange(path: Path, text: str) -> None:
    """As the bootstrap does it: a new file takes the place of the old one."""
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").rename(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(OLD)
    return path


def test_exchanged_key_for_metrics_counts_at_once_and_replaces_the_old_one(path: Path) -> None:
    key = FileKey(path)
    assert key.matches(OLD)

    exchange(path, NEW)

    assert key.matches(NEW)
    assert not key.matches(OLD)


@pytest.mark.parametrize("spoil", [lambda path: exchange(path, "short"), Path.unlink])
def test_spoiled_file_leaves_the_key_for_metrics_as_it_was(path: Path, spoil: Callable[[Path], None]) -> None:
    key = FileKey(path)

    spoil(path)

    assert key.matches(OLD)
    exchange(path, NEW)
    assert key.matches(NEW)


@pytest.fixture
async def keyring(store: Store, path: Path) -> AsyncIterator[Keyring]:
    keyring = Keyring(store.accounts)
    keyring.set_first_key(read_key(path))
    following = asyncio.create_task(follow_first_key(keyring, path, every_s=0.01))
    yield keyring
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following


async def test_exchanged_first_key_is_taken_in_by_a_running_gateway(keyring: Keyring, store: Store, path: Path) -> None:
    (before,) = store.accounts.keys()

    exchange(path, "short")
    exchange(path, NEW)
    await eventually(lambda: store.accounts.keys() != [before], timeout_s=30)

    assert await opens(keyring, NEW)
    assert not await opens(keyring, OLD)
