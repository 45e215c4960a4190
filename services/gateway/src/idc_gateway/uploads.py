"""From a request's body to images that can be decoded."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from idc_gateway.classifications import CheckedImage, Upload
from idc_gateway.errors import BadMultipart, BodyTooLarge, EmptyBody, NotAnImage, UnusableImage
from idc_modelio import errors as patch_errors
from idc_modelio.patches import inspect_image

PART_NAME = "images"
MAX_NAME_LENGTH = 255


def uploads_of(body: bytes, headers: Headers, *, max_images: int, max_image_bytes: int) -> list[Upload]:
    """The images of a body: its parts where it is multipart, else the body itself. Blocks; call it in a thread.

    Raises:
        EmptyBody: There is no image.
        BadMultipart: The body is malformed multipart, or has other or too many parts.
        BodyTooLarge: One image has too many bytes.
    """
    if headers.get("content-type", "").lower().startswith("multipart/"):
        uploads = _parts(body, headers, max_images)
    else:
        uploads = [Upload("", body)]
    for upload in uploads:
        if not upload.data:
            raise EmptyBody(f"{_label(upload)} is empty: send the bytes of one image")
        if len(upload.data) > max_image_bytes:
            raise BodyTooLarge(f"{_label(upload)} has {len(upload.data)} bytes: a patch has at most {max_image_bytes}")
    return uploads


def check_images(uploads: Sequence[Upload]) -> list[CheckedImage]:
    """Prove that each image can be decoded to a patch. Blocks; call it in a thread.

    Raises:
        NotAnImage: One is no image of an allowed format.
        UnusableImage: One is damaged, or its size or colour is none of a patch.
    """
    checked = []
    for upload in uploads:
        try:
            header = inspect_image(upload.data)
        except patch_errors.NotAnImage as exc:
            raise NotAnImage(f"{_label(upload)}: {exc}") from exc
        except patch_errors.PatchError as exc:
            raise UnusableImage(f"{_label(upload)}: {exc}") from exc
        checked.append(
            CheckedImage(
                upload.name,
                upload.data,
                header.width_px,
                header.height_px,
                f"image/{header.format.lower()}",
                upload.origin,
            )
        )
    return checked


def _label(upload: Upload) -> str:
    return f"image {upload.name!r}" if upload.name else "the body"


def _parts(body: bytes, headers: Headers, max_images: int) -> list[Upload]:
    _check_end(body, headers)
    try:
        parts = asyncio.run(_read_parts(body, headers, max_images))
    except (MultiPartException, KeyError, UnicodeError) as exc:
        reason = exc.message if isinstance(exc, MultiPartException) else "malformed headers"
        raise BadMultipart(f"the multipart body cannot be read: {reason} Send files named {PART_NAME!r}.") from exc
    for field, upload in parts:
        if field != PART_NAME or upload is None:
            raise BadMultipart(f"the multipart body has a part {field[:64]!r}: send files named {PART_NAME!r} alone")
    uploads = [upload for _, upload in parts if upload is not None]
    if not uploads:
        raise EmptyBody(f"the multipart body has no part {PART_NAME!r}: send one or many")
    return uploads


def _check_end(body: bytes, headers: Headers) -> None:
    # The parser takes a cut-off body for a shorter one; the closing boundary tells them apart (RFC 2046, 5.1.1).
    _, options = parse_options_header(headers["content-type"])
    boundary = options.get(b"boundary", b"")
    if not boundary or not body.rstrip(b"\r\n \t").endswith(b"--" + boundary + b"--"):
        raise BadMultipart("the multipart body has no boundary, or ends before its closing boundary: send it whole")


async def _read_parts(body: bytes, headers: Headers, max_images: int) -> list[tuple[str, Upload | None]]:
    """Every part by its field's name; None for one that is no file."""

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    parser = MultiPartParser(headers, stream(), max_files=max_images, max_fields=0)
    # The body is bounded and in memory already: a temporary file would only cost a copy.
    parser.spool_max_size = len(body) + 1
    form = await parser.parse()
    try:
        return [(field, await _read_file(part)) for field, part in form.multi_items()]
    finally:
        await form.close()


async def _read_file(part: UploadFile | str) -> Upload | None:
    if isinstance(part, str):
        return None
    return Upload((part.filename or "")[:MAX_NAME_LENGTH], await part.read())
