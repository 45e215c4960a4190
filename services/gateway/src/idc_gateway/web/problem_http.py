"""HTTP/1.1 with bounded heads, whose refusals are problems (RFC 9457)."""

from http import HTTPStatus
from typing import Any

from idc_gateway.web.problems import MEDIA_TYPE, members
from idc_servicekit.bounded_http import BoundedHttpProtocol


class ProblemHttpProtocol(BoundedHttpProtocol):
    """Answers what is not HTTP with a problem document."""

    def refusal(self, text: str) -> tuple[str, dict[str, Any]]:
        return MEDIA_TYPE, members(HTTPStatus.BAD_REQUEST, "bad-http", text)
