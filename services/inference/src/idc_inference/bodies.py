"""Reads a request's body with a bound."""

from starlette.requests import ClientDisconnect, Request

from idc_inference.errors import BadRequest, RequestTooLarge


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The whole body, never more than `max_bytes` of it in memory.

    Raises:
        RequestTooLarge: The body is longer, by its `Content-Length` or as it arrives.
        BadRequest: The client went away before the end.
    """
    too_large = RequestTooLarge(f"the body is larger than {max_bytes} bytes: send fewer patches at once")
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced[:20]) > max_bytes:
        raise too_large
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > max_bytes:
                raise too_large
    except ClientDisconnect as exc:
        raise BadRequest("the connection ended before the body did") from exc
    return bytes(body)
