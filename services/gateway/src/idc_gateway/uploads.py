"""From a request's body to images that can be decoded."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

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
        checked.append(CheckedImage(upload.name, upload.data, header.width_px, header.height_px))
    return checked


def _label(upload: Upload) -> str:
    return f"image {upload.name!r}" if upload.name else "the body"


def _parts(body: bytes, headers: Headers, max_images: int) -> list[Upload]:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    parser = MultiPartParser(headers, stream(), max_files=max_images, max_fields=0)
    # The body is bounded and in memory already: a temporary file would only cost a copy.
    parser.spool_max_size = len(body) + 1
    try:
        form = asyncio.run(parser.parse())
    except (MultiPartException, KeyError, UnicodeError) as exc:
        reason = exc.message if isinstance(exc, MultiPartException) else "malformed headers"
        raise BadMultipart(f"the multipart body cannot be read: {reason} Send files named {PART_NAME!r}.") from exc
    uploads = []
    for field, part in form.multi_items():
        if field != PART_NAME or not isinstance(part, UploadFile):
            raise BadMultipart(f"the multipart body has a part {field[:64]!r}: send files named {PART_NAME!r} alone")
        uploads.append(Upload((part.filename or "")[:MAX_NAME_LENGTH], part.file.read()))
        part.file.close()
    if not uploads:
        raise EmptyBody(f"the multipart body has no part {PART_NAME!r}: send one or many")
    return uploads
