"""KServe's own client asks a server of the protocol; prints what it got, as JSON. It runs in KServe's environment."""

import asyncio
import json
import sys

import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig


async def main(url: str, model: str) -> None:
    """Readiness, then the same patches as binary tensor and as JSON."""
    client = InferenceRESTClient(RESTConfig(protocol="v2", retries=0))
    patches = np.random.default_rng(1).integers(0, 256, (3, 50, 50, 3), dtype=np.uint8)
    found = {
        "live": await client.is_server_live(url),
        "ready": await client.is_server_ready(url),
        "model_ready": await client.is_model_ready(url, model),
    }
    for kind in ("binary", "json"):
        tensor = InferInput("patch", list(patches.shape), "UINT8")
        tensor.set_data_from_numpy(patches, binary_data=kind == "binary")
        answer = await client.infer(url, InferRequest(model, [tensor]), model_name=model)
        found[kind] = {output.name: output.as_numpy().tolist() for output in answer.outputs}
    await client.close()
    sys.stdout.write(json.dumps(found, default=lambda value: value.decode()))


asyncio.run(main(*sys.argv[1:]))
