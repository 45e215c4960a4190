"""Slides from an S3 server (moto), where the administrator allowed it."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from support import calls
from support.eventually import wait_until
from support.inference_process import inference_process
from support.made_slide_files import write_made_slide
from support.slides_process import slides_process

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

CALLER = {"X-IDC-Caller": "scanner"}


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host.replace('0.0.0.0', '127.0.0.1')}:{port}"
    server.stop()


def test_an_allowed_object_is_fetched_and_others_are_refused(
    tmp_path: Path, tiny_models_dir: Path, endpoint: str
) -> None:
    client = boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id="k", aws_secret_access_key="s", region_name="us-east-1"
    )
    client.create_bucket(Bucket="scans")
    path = write_made_slide(tmp_path / "s.tiff", columns=12, rows=10, lesion=3)
    client.upload_file(str(path), "scans", "in/s.tiff")
    client.upload_file(str(path), "scans", "private/s.tiff")
    (tmp_path / "secret").write_text("s\n")
    settings = {
        "SLIDES_S3_ALLOWED": "s3://scans/in/*",
        "SLIDES_S3_ENDPOINT": endpoint,
        "SLIDES_S3_REGION": "us-east-1",
        "SLIDES_S3_ACCESS_KEY_ID": "k",
        "SLIDES_S3_SECRET_ACCESS_KEY_FILE": str(tmp_path / "secret"),
    }
    (tmp_path / "slides").mkdir()
    with (
        inference_process(tiny_models_dir) as inference,
        slides_process(tmp_path / "data", tmp_path / "slides", inference, **settings) as address,
    ):
        answers = {
            url: calls.post(f"{address}/slides", json={"url": url}, headers=CALLER, timeout=60)
            for url in ("s3://scans/in/s.tiff", "s3://scans/private/s.tiff", "s3://scans/in/../private/s.tiff")
        }
        absent = calls.post(f"{address}/slides", json={"url": "s3://scans/in/none.svs"}, headers=CALLER, timeout=60)
        slide_id = answers["s3://scans/in/s.tiff"].json()["id"]
        wait_until(lambda: calls.get(f"{address}/slides/{slide_id}").json()["state"] == "done", "it is done")
        tile = calls.get(f"{address}/slides/{slide_id}_files/8/0_0.jpeg")
        calls.delete(f"{address}/slides/{slide_id}", headers=CALLER)
        left = list((tmp_path / "data" / "files").iterdir())

    assert [answer.status_code for answer in answers.values()] == [201, 422, 422]
    assert absent.status_code == 422
    assert tile.headers["Content-Type"] == "image/jpeg"
    assert left == []
