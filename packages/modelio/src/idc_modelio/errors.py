"""Errors of patches and bundles.

ModelIoError
├── PatchError (ValueError)
│   ├── NotAnImage
│   ├── TruncatedImage
│   ├── UnsupportedColour
│   ├── UnsupportedForm
│   └── UnsupportedSize
└── BundleError
    ├── BundleMissing (FileNotFoundError)
    ├── BundleDamaged (ValueError)
    ├── GraphMissing (ValueError)
    └── SelfTestFailed (ValueError)
"""

import re


class ModelIoError(Exception):
    """Base of this package's errors."""


class PatchError(ModelIoError, ValueError):
    """The bytes are not a patch that the model can read."""


class NotAnImage(PatchError):
    """The bytes are not an image of an allowed format."""


class TruncatedImage(PatchError):
    """The image ends early or is damaged."""


class UnsupportedColour(PatchError):
    """The image is not 8-bit RGB, is grey all over, or has transparent pixels or several frames."""


class UnsupportedForm(PatchError):
    """The image has an allowed format in an unsupported form, such as JPEG 2000 within a TIFF."""


class UnsupportedSize(PatchError):
    """The image is smaller or larger than a patch."""

    @property
    def measured(self) -> str:
        """The size of the image, without the limit and the remedy."""
        return re.split("[,:]", str(self))[0]


class BundleError(ModelIoError):
    """A model bundle cannot be used."""


class BundleMissing(BundleError, FileNotFoundError):
    """There is no bundle in this folder."""


class BundleDamaged(BundleError, ValueError):
    """The manifest or a file of the bundle is wrong."""


class GraphMissing(BundleError, ValueError):
    """The bundle has no graph of this precision."""


class SelfTestFailed(BundleError, ValueError):
    """The bundle's graph computes something else than when it was made."""
