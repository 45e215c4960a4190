"""The model in LitServe, as its documentation has it: batching on, one worker on the processor."""

import base64
import os
from typing import Any

import litserve as ls
import numpy as np
from graph import compiled, decode


class Patches(ls.LitAPI):
    """Decodes one PNG, predicts batches."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - LitServe gives it
        """Compile once a worker."""
        self.graph = compiled()

    def decode_request(self, request: dict[str, str]) -> Any:
        """JSON with the image in base64, as its documentation sends images."""
        return decode(base64.b64decode(request["image_bytes"]))

    def batch(self, inputs: list[Any]) -> Any:
        """Stack."""
        return np.stack(inputs)

    def predict(self, batch: Any) -> Any:
        """P(IDC) of each."""
        return self.graph(batch)[0].reshape(-1)

    def unbatch(self, output: Any) -> list[Any]:
        """One for each request."""
        return list(output)

    def encode_response(self, output: Any) -> dict[str, float]:
        """JSON."""
        return {"probability": float(output)}


if __name__ == "__main__":
    api = Patches(max_batch_size=4, batch_timeout=0.002)
    server = ls.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(os.environ["RIVAL_PORT"]), generate_client_file=False, log_level="warning")
