"""Series of images in which each image is stored once, however often it is sent."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from idc_gateway import executors
from idc_gateway.classifying.outcomes import Outcome
from idc_gateway.classifying.uploads import Upload
from idc_gateway.errors import AlreadyDone
from idc_gateway.idempotency.job import Job
from idc_gateway.idempotency.receipts import fingerprint_of
from idc_gateway.results.classifications import Classification, PatchOrigin
from idc_gateway.results.results_store import ResultsStore

TRIES: Final = 5
"""Another request can store the same image in between; with each try fewer images are left to lose."""

Classify = Callable[[Sequence[Upload]], Awaitable[list[Outcome]]]


@dataclass(frozen=True)
class Series:
    """The series that a request's images belong to; it lasts as long as its results, and has no owner."""

    name: str
    labels: PatchOrigin
    """The labels that the sender gave to all images of the request."""
    shows_reviews: bool = True
    """Whether the sender may read others' reviews of a stored result."""

    def key_of(self, upload: Upload) -> str:
        """What makes an image the same image: series, file name, labels and content."""
        given = self.labels
        labels = (given.patient, given.slide, given.x, given.y, given.w, given.h)
        # What is not given adds nothing: images that an older version stored must be known again.
        scale = () if given.um_per_px is None else (given.um_per_px,)
        return fingerprint_of([self.name.encode(), upload.name.encode(), repr(labels + scale).encode(), upload.data])


@dataclass(frozen=True)
class ClassifyJob(Job):
    """A request, or a part of one, to classify images."""

    series: Series | None = None
    """In which each image is stored once only."""


async def each_once(
    results: ResultsStore, series: Series, uploads: Sequence[Upload], first_index: int, classify: Classify
) -> list[Outcome]:
    """Classify the images that the series does not have yet; the others get the results that are stored.

    Args:
        results: Where to look.
        series: Whose images these are.
        uploads: The images.
        first_index: The place of the first one in its request.
        classify: Classifies and stores the images it is given, all or none of them, in their order.

    Raises:
        AlreadyDone: Other requests kept storing the same images.
        GatewayError: What `classify` raises.
    """
    keys = await executors.decoding(lambda: [series.key_of(upload) for upload in uploads])
    keyed = dict(zip(keys, uploads, strict=True))
    for _ in range(TRIES):
        stored = await executors.reads(results.stored_once, list(keyed))
        missing = [replace(upload, once_key=key) for key, upload in keyed.items() if key not in stored]
        try:
            outcomes = await classify(missing) if missing else []
        except AlreadyDone:
            continue
        fresh = {upload.once_key: outcome for upload, outcome in zip(missing, outcomes, strict=True)}
        return [
            _again(series, index, stored[key]) if key in stored else replace(fresh[key], index=index)
            for index, key in enumerate(keys, first_index)
        ]
    raise AlreadyDone("other requests are storing the same images: try again in a second")


def _again(series: Series, index: int, result: Classification) -> Outcome:
    classification = result if series.shows_reviews else replace(result, review=None)
    return Outcome(index, result.name, classification, is_repeated=True)
