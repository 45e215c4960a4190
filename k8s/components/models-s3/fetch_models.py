"""Copies model bundles from a bucket into an empty folder, before inference starts.

    fetch_models.py FOLDER SECRET-FILE

MODELS_URL (`s3://bucket/prefix`), MODELS_S3_ENDPOINT, MODELS_S3_REGION and MODELS_S3_ACCESS_KEY_ID name the bucket,
SECRET-FILE holds the account's secret. Inference verifies what arrives. Exit codes: 0; 69 no model can be read.
"""

import os
import sys
from pathlib import Path, PurePosixPath
from typing import Any, cast
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

EX_UNAVAILABLE = 69


def bucket(secret_file: Path) -> S3Store:
    """The bucket that the environment names."""
    url = urlsplit(os.environ["MODELS_URL"])
    endpoint = os.environ.get("MODELS_S3_ENDPOINT", "")
    plain = endpoint.startswith("http://")
    return S3Store(
        url.netloc,
        prefix=url.path.strip("/") or None,
        region=os.environ.get("MODELS_S3_REGION") or None,
        access_key_id=os.environ["MODELS_S3_ACCESS_KEY_ID"],
        secret_access_key=secret_file.read_text().strip(),
        endpoint=endpoint or None,
        client_options=cast(Any, {"allow_http": plain}),
    )


def fetch(store: S3Store, folder: Path) -> int:
    """Copy every object `<model>/<version>/…`; returns how many there were."""
    count = 0
    for page in obstore.list(store):
        for found in page:
            path = PurePosixPath(found["path"])
            if ".." in path.parts or path.is_absolute() or path.parts[0].startswith("."):
                continue
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                for piece in obstore.get(store, str(path)):
                    file.write(piece)
            count += 1
    return count


def main(arguments: list[str]) -> int:
    folder, secret_file = (Path(argument) for argument in arguments)
    # inference keeps an administrator's choice here
    (folder / ".choices").mkdir(exist_ok=True)
    try:
        count = fetch(bucket(secret_file), folder)
    except (BaseError, OSError) as error:
        print(f"models: {os.environ['MODELS_URL']} cannot be read: {error}", file=sys.stderr)
        return EX_UNAVAILABLE
    if not count:
        print(f"models: {os.environ['MODELS_URL']} holds no model", file=sys.stderr)
        return EX_UNAVAILABLE
    print(f"models: {count} files from {os.environ['MODELS_URL']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
