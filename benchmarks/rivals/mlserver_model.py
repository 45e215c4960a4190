"""The model as a custom runtime of MLServer, which speaks the same protocol."""

from typing import Any

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse

from graph import compiled, decode


class PatchRuntime(MLModel):  # type: ignore[misc] # not installed beside the project
    """Takes BYTES with base64 content, as MLServer's documentation has it for images."""

    async def load(self) -> bool:
        """Compile once."""
        self._graph = compiled()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """P(IDC) of each image."""
        from mlserver.codecs import Base64Codec  # noqa: PLC0415

        images = Base64Codec.decode_input(payload.inputs[0])
        batch: Any = np.stack([decode(image) for image in images])
        probability = self._graph(batch)[0].reshape(-1)
        output = NumpyCodec.encode_output("probability", np.asarray(probability))
        return InferenceResponse(model_name=self.name, outputs=[output])
