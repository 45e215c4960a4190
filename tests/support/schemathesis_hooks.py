"""Bytes that are patches, for the tests of the gateway's description: random bytes would never be accepted."""

import schemathesis
from hypothesis import strategies as st

from support.demo_patches import solid_png

_PATCHES = st.sampled_from([solid_png((250, 0, 0)), solid_png((10, 0, 0)), solid_png((128, 0, 0))])

for media_type in ("image/png", "image/jpeg", "image/tiff", "image/bmp", "image/webp", "application/octet-stream"):
    schemathesis.openapi.media_type(media_type, _PATCHES)
schemathesis.openapi.format("binary", _PATCHES)
