"""The latest whole slides beside the training's patients, over the interface."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import HttpUrl

from idc_contracts.slides import SlideMeasures
from idc_gateway.settings import GatewaySettings
from support.gateway_fakes import FAKE_MODEL, RednessInference
from support.slides_fake import FakeSlides, problem, serving
from support.stained_patches import made_reference, stained_patches

STATISTICS = "/api/v1/statistics"
FINISHED = datetime(2026, 3, 4, tzinfo=UTC)


@pytest.fixture
def slides() -> FakeSlides:
    return FakeSlides()


@pytest.fixture
async def settings(settings: GatewaySettings, slides: FakeSlides) -> AsyncIterator[GatewaySettings]:
    with serving(slides) as address:
        yield settings.model_copy(update={"slides_url": HttpUrl(address)})


@pytest.fixture(autouse=True)
def _reference(inference: RednessInference) -> None:
    reference = made_reference(stained_patches(seed, 20) for seed in range(30))
    inference.figures = {"reference": reference.model_dump(mode="json")}


def measured(probability: float, unfamiliar: float = 0.0, patches: int = 3000) -> SlideMeasures:
    shares = [0.0] * 10
    shares[int(probability * 10)] = 1.0
    return SlideMeasures(
        slide_id=uuid4(),
        finished_at=FINISHED,
        patches=patches,
        probability=probability,
        unfamiliar=unfamiliar,
        probability_shares=tuple(shares),
    )


def serve(slides: FakeSlides, found: Sequence[SlideMeasures]) -> None:
    slides.latest = [(FAKE_MODEL.sha256, one) for one in found]


async def statistics(client: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(STATISTICS)).json()
    return found


async def test_slides_like_the_patients_of_the_training_have_not_moved(
    client: httpx.AsyncClient, slides: FakeSlides
) -> None:
    trained = next(one for one in (await statistics(client))["measures"] if one["measure"] == "probability")["training"]
    serve(slides, [measured(trained) for _ in range(5)])

    found = (await statistics(client))["slides"]

    assert (found["slides"], found["patches"], found["other_models"]) == (5, 15_000, 0)
    (probability, unfamiliar) = found["measures"]
    assert (probability["measure"], probability["shift"], probability["patients"]) == ("probability", "none", 5)
    assert probability["value"] == pytest.approx(trained)
    assert unfamiliar["measure"] == "unfamiliar"
    assert sum(found["probability_shares"]) == pytest.approx(1)


async def test_slides_that_score_high_have_moved_and_loose_patches_have_not(
    client: httpx.AsyncClient, slides: FakeSlides
) -> None:
    serve(slides, [measured(0.95) for _ in range(5)])

    found = await statistics(client)

    assert found["slides"]["measures"][0]["shift"] == "higher"
    assert {one["shift"] for one in found["measures"]} == {"unknown"}
    assert found["patches"] == 0


async def test_patches_of_a_slide_count_as_one_patient(client: httpx.AsyncClient, slides: FakeSlides) -> None:
    """However many they are, one slide may differ from the training as far as one patient may."""
    serve(slides, [measured(0.5, patches=100_000)])
    one = (await statistics(client))["slides"]["measures"][0]
    serve(slides, [measured(0.5) for _ in range(10)])

    many = (await statistics(client))["slides"]["measures"][0]

    assert one["high"] - one["low"] > 2 * (many["high"] - many["low"])


async def test_slides_of_another_model_are_left_out(client: httpx.AsyncClient, slides: FakeSlides) -> None:
    slides.latest = [("2" * 64, measured(0.9))]

    found = (await statistics(client))["slides"]

    assert (found["slides"], found["other_models"], found["probability_shares"]) == (0, 1, None)


async def test_slides_service_that_fails_is_named_and_the_patches_are_told(
    client: httpx.AsyncClient, slides: FakeSlides
) -> None:
    slides.refusal = problem(503, "busy", "starting")

    found = await statistics(client)

    assert found["slides"] is None
    assert found["slides_trouble"].startswith("the slides service answers 503")
    assert found["has_reference"]
