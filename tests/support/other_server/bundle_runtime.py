"""A runtime for MLServer that serves a bundle: what somebody writes who has a server of their own.

It runs in MLServer's environment, which has nothing of this project.
"""

import hashlib
import io
import json
import os
from pathlib import Path

import numpy as np
import openvino as ov
from mlserver import MLModel
from mlserver.codecs import Base64Codec, NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse, MetadataModelResponse, Parameters
from PIL import Image


class BundleRuntime(MLModel):  # type: ignore[misc] # not installed beside the project
    """Answers with P(IDC), the outputs that the bundle's checks need, and what made them."""

    async def load(self) -> bool:
        """Compile once."""
        folder = Path(os.environ["BUNDLE"])
        manifest = (folder / "manifest.json").read_bytes()
        self._manifest = json.loads(manifest)
        checks = self._manifest.get("checks", [])
        self._outputs = ["probability", *{check["output"]: None for check in checks}]
        self._said = {
            "sha256": hashlib.sha256(manifest).hexdigest(),
            "checks": json.dumps(checks),
            **self._manifest["thresholds"],
        }
        config = {"EXECUTION_MODE_HINT": "ACCURACY"}
        self._graph = ov.Core().compile_model(folder / "model.xml", "CPU", config)
        return True

    async def metadata(self) -> MetadataModelResponse:
        """Name and version, thresholds, checks and digest."""
        version = self._manifest["version"]
        parameters = Parameters(version=version, **self._said)
        return MetadataModelResponse(name=self.name, versions=[version], platform="openvino", parameters=parameters)

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """One value of each output for each image."""
        images = Base64Codec.decode_input(payload.inputs[0])
        patches = np.stack([_decode(image) for image in images])
        computed = self._graph(patches)
        return InferenceResponse(
            id=payload.id,
            model_name=self.name,
            model_version=self._manifest["version"],
            parameters=Parameters(**self._said),
            outputs=[NumpyCodec.encode_output(name, computed[name].reshape(-1)) for name in self._outputs],
        )


def _decode(data: bytes) -> np.ndarray:  # type: ignore[type-arg]
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))
