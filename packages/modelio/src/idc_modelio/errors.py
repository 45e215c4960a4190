"""What can be wrong with a patch or a bundle.

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
    └── SelfTestFailed (ValueError)
"""

import re


class ModelIoError(Exception):
    """Base of this package's errors."""


class PatchError(ModelIoError, ValueError):
    """The bytes are no patch that the model can read."""


class NotAnImage(PatchError):
    """The bytes are not an image of an allowed format."""


class TruncatedImage(PatchError):
    """The image starts well and then ends early or is damaged."""


class UnsupportedColour(PatchError):
    """The image is not 8-bit RGB, is grey all over, or has transparent pixels or several frames."""


class UnsupportedForm(PatchError):
    """The image is of an allowed format, but in a form of it that is not read, such as JPEG 2000 within a TIFF."""


class UnsupportedSize(PatchError):
    """The image's sides are outside of what is taken as one patch."""

    @property
    def measured(self) -> str:
        """What the image's size is, without the limit and the remedy."""
        return re.split("[,:]", str(self))[0]


class BundleError(ModelIoError):
    """A model bundle cannot be used."""


class BundleMissing(BundleError, FileNotFoundError):
    """There is no bundle in that place."""


class BundleDamaged(BundleError, ValueError):
    """The bundle's manifest or one of its files is not what it should be."""


class SelfTestFailed(BundleError, ValueError):
    """The bundle's graph computes something else than when it was made."""
