"""What became of each image of a request."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from idc_gateway.errors import GatewayError
from idc_gateway.results.classifications import Classification


@dataclass(frozen=True)
class Failure:
    """Why an image was not classified."""

    status: int
    """The HTTP status that the image by itself would have got."""
    kind: str
    detail: str

    @property
    def status_code(self) -> HTTPStatus:
        """The status as HTTP names it."""
        return HTTPStatus(self.status)

    @classmethod
    def of(cls, error: GatewayError) -> "Failure":
        """The failure that an error means for one image."""
        return cls(int(error.status), error.kind, str(error))


@dataclass(frozen=True)
class Outcome:
    """One image's result, or why it has none."""

    index: int
    """The image's place in the request, from 0."""
    name: str
    classification: Classification | None = None
    failure: Failure | None = None
    is_repeated: bool = False
    """Whether the result was there before; nothing was stored for this request then."""


@dataclass(frozen=True)
class StoredOutcome:
    """An outcome as a receipt keeps it."""

    name: str
    classification_id: UUID | None
    failure: Failure | None


def to_receipt(outcomes: Sequence[Outcome]) -> bytes:
    """JSON of the outcomes, results by their ids."""
    return json.dumps(
        [
            {
                "name": outcome.name,
                "id": str(outcome.classification.id) if outcome.classification else None,
                "failure": vars(outcome.failure) if outcome.failure else None,
            }
            for outcome in outcomes
        ]
    ).encode()


def from_receipt(answer: bytes) -> list[StoredOutcome]:
    return [
        StoredOutcome(
            item["name"],
            UUID(item["id"]) if item["id"] else None,
            Failure(**item["failure"]) if item["failure"] else None,
        )
        for item in json.loads(answer)
    ]
