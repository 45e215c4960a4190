"""An answer's head leaves with its body in one write, and never later than the loop's next turn."""

import asyncio

from idc_servicekit.lingering_close import LingeringTransport

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"


class Written(asyncio.Transport):
    """Notes each write, and the end."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def is_closing(self) -> bool:
        return b"closed" in self.writes

    def close(self) -> None:
        self.writes.append(b"closed")


def wrapped(transport: Written) -> LingeringTransport:
    return LingeringTransport(transport, is_client_sending=lambda: False, linger=lambda: None)


async def test_head_and_body_are_written_together() -> None:
    transport = Written()
    answer = wrapped(transport)

    answer.write(HEAD)
    answer.write(b"ok")
    await asyncio.sleep(0)

    assert transport.writes == [HEAD + b"ok"]


async def test_head_whose_body_comes_later_does_not_wait_for_it() -> None:
    transport = Written()
    answer = wrapped(transport)

    answer.write(HEAD)
    await asyncio.sleep(0)
    answer.write(b"ok")

    assert transport.writes == [HEAD, b"ok"]


async def test_head_is_sent_before_the_connection_closes() -> None:
    transport = Written()
    answer = wrapped(transport)

    answer.write(HEAD)
    answer.close()

    assert transport.writes == [HEAD, b"closed"]
