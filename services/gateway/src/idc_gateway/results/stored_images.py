"""Reads an image back."""

from idc_gateway.results.image_index_store import ImageIndexStore
from idc_gateway.results.images import ImageStore


def read_image(index: ImageIndexStore, images: ImageStore | None, sha256: str | None) -> tuple[bytes, str] | None:
    """An image's bytes and media type; None where it is not, or no longer, stored, or is damaged. Blocks.

    Raises:
        StoreUnavailable: The database does not work.
        ImagesUnavailable: The image store does not work.
    """
    if images is None or sha256 is None:
        return None
    found = index.find(sha256)
    while found is not None:
        data = images.get(found.object_name)
        if data is not None:
            return data, found.media_type
        # Removed and brought again between the two looks, it has another name.
        before, found = found, index.find(sha256)
        if found == before:
            return None
    return None
