"""Reads an image back."""

from idc_gateway.results.image_index_store import ImageIndexStore
from idc_gateway.results.images import ImageStore


def read_image(index: ImageIndexStore, images: ImageStore | None, sha256: str | None) -> tuple[bytes, str] | None:
    """An image's bytes and media type; None where it is not stored or is damaged. Blocks."""
    if images is None or sha256 is None:
        return None
    before, stored = None, index.find(sha256)
    while stored is not None and stored != before:
        object_name, media_type = stored
        data = images.get(object_name)
        if data is not None:
            return data, media_type
        # If it was removed and stored again in between, it has another name.
        before, stored = stored, index.find(sha256)
    return None
