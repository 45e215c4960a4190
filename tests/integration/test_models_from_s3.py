"""The program that copies models from a bucket, with a real S3 server; inference accepts what it copied."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer

from support.free_port import free_port
from support.kustomized import K8S, REPOSITORY
from support.pod_programs import load_program

pytestmark = [
    pytest.mark.integration,
    # moto and botocore, not the project, use what Python will take away
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
program = load_program(K8S / "components/models-s3/fetch_models.py")


@dataclass
class Bucket:
    client: Any
    name: str

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=content)


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    port = free_port()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    endpoint = f"http://127.0.0.1:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="account",
        aws_secret_access_key="secret",
    )
    name = f"idc-{uuid4().hex}"
    client.create_bucket(Bucket=name)
    (tmp_path / "secret").write_text("secret\n")
    for variable, value in {
        "MODELS_URL": f"s3://{name}/models",
        "MODELS_S3_ENDPOINT": endpoint,
        "MODELS_S3_REGION": "us-east-1",
        "MODELS_S3_ACCESS_KEY_ID": "account",
    }.items():
        monkeypatch.setenv(variable, value)
    yield Bucket(client, name)
    client.close()
    server.stop()


def fetch(tmp_path: Path) -> int:
    (tmp_path / "volume").mkdir()
    code: int = program.main([str(tmp_path / "volume"), str(tmp_path / "secret")])
    return code


def test_models_of_the_bucket_arrive_byte_by_byte(bucket: Bucket, tmp_path: Path) -> None:
    shipped = sorted(path for path in (REPOSITORY / "models").glob("idc/*/*") if path.is_file())
    for path in shipped:
        bucket.put(f"models/{path.relative_to(REPOSITORY / 'models')}", path.read_bytes())
    bucket.put("other/idc/3/model.bin", b"not of this prefix")

    assert fetch(tmp_path) == 0

    assert shipped
    arrived = sorted(path for path in (tmp_path / "volume").rglob("*") if path.is_file())
    assert [path.relative_to(tmp_path / "volume") for path in arrived] == [
        path.relative_to(REPOSITORY / "models") for path in shipped
    ]
    assert [path.read_bytes() for path in arrived] == [path.read_bytes() for path in shipped]
    assert (tmp_path / "volume/.choices").is_dir()


def test_bucket_without_a_model_that_may_serve_is_refused(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("models/.candidates/idc/1000/model.bin", b"a candidate")

    assert fetch(tmp_path) == 69


def test_bucket_that_is_not_there_is_named(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODELS_URL", "s3://another/models")

    assert fetch(tmp_path) == 69
    assert "s3://another/models cannot be read" in capsys.readouterr().err
