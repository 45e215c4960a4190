"""Images in a real folder and in a real S3 server."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from idc_gateway.errors import ImagesUnavailable
from idc_gateway.results.images import ImageStore, image_digest
from idc_gateway.results.object_images import open_images
from support.free_port import free_port

pytestmark = [
    pytest.mark.integration,
    # moto and botocore, not the project, use what Python will take away
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

IMAGE = b"\x89PNG and so on"
NAME = image_digest(IMAGE)


def account_at(port: int) -> Any:
    secrets = {"access_key_id": "account", "secret_access_key": "secret"}
    return {"endpoint": f"http://127.0.0.1:{port}", "region": "us-east-1", **secrets}


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    port = free_port()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    account = account_at(port)
    client = boto3.client(
        "s3",
        endpoint_url=account["endpoint"],
        region_name=account["region"],
        aws_access_key_id="account",
        aws_secret_access_key="secret",
    )
    client.create_bucket(Bucket="patches")
    client.close()
    yield account
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def images(request: pytest.FixtureRequest, tmp_path: Path) -> ImageStore:
    if request.param == "folder":
        return open_images(f"file://{tmp_path}/images")
    return open_images("s3://patches/site", request.getfixturevalue("s3"))


def test_image_comes_back(images: ImageStore) -> None:
    images.put(NAME, IMAGE)
    images.put(NAME, IMAGE)

    assert images.get(NAME) == IMAGE


def test_deleted_image_is_gone_and_may_be_deleted_again(images: ImageStore) -> None:
    images.put(NAME, IMAGE)

    for _ in range(2):
        images.delete(NAME)

    assert images.get(NAME) is None


def test_damaged_image_is_not_returned(images: ImageStore) -> None:
    images.put(NAME, b"something else")

    assert images.get(NAME) is None


def test_bucket_that_is_gone_is_not_taken_for_deleted_images(s3: Any) -> None:
    images = open_images("s3://another/site", s3)

    for act in (lambda: images.put(NAME, IMAGE), lambda: images.get(NAME), lambda: images.delete(NAME)):
        with pytest.raises(ImagesUnavailable, match="does not work"):
            act()


def test_server_that_never_answers_is_reported_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        account = account_at(silent.getsockname()[1])
        with pytest.raises(ImagesUnavailable):
            open_images("s3://patches", account).delete(NAME)


def test_server_that_is_away_is_reported() -> None:
    away = open_images("s3://patches", account_at(free_port()))

    with pytest.raises(ImagesUnavailable, match="image store"):
        away.put(NAME, IMAGE)


@pytest.mark.parametrize("url", ["", "ftp://host/x", "s3://", "file://host/x", "/var/lib"])
def test_unknown_store_is_reported_with_the_remedy(url: str) -> None:
    with pytest.raises(ImagesUnavailable, match="s3://bucket"):
        open_images(url)
