"""HTTP calls with a bound that a busy machine does not reach; httpx itself gives up after 5 s."""

from functools import partial
from typing import Final

import httpx

TIMEOUT_S: Final = 60

get = partial(httpx.get, timeout=TIMEOUT_S)
post = partial(httpx.post, timeout=TIMEOUT_S)
put = partial(httpx.put, timeout=TIMEOUT_S)
patch = partial(httpx.patch, timeout=TIMEOUT_S)
delete = partial(httpx.delete, timeout=TIMEOUT_S)
head = partial(httpx.head, timeout=TIMEOUT_S)
