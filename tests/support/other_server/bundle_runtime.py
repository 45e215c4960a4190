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
from mlserver.codecs import Base64Codec, NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse, MetadataModelResponse, Parameters
from PIL import Image


class BundleRuntime(MLModel):  # type: ignore[misc] # not installed beside the project
    """Answers with each output of the graph, the decision by the bundle's thresholds and checks, and what made it."""

    async def load(self) -> bool:
        """Compile once."""
        folder = Path(os.environ["BUNDLE"])
        manifest = (folder / "manifest.json").read_bytes()
        self._manifest = json.loads(manifest)
        self._checks = self._manifest.get("checks", [])
        self._said = {
            "sha256": hashlib.sha256(manifest).hexdigest(),
            **self._manifest["thresholds"],
            "checks": json.dumps(self._checks),
        }
        config = {"EXECUTION_MODE_HINT": "ACCURACY"}
        self._graph = ov.Core().compile_model(folder / "model.xml", "CPU", config)
        return True

    async def metadata(self) -> MetadataModelResponse:
        """Name and version, thresholds and digest."""
        version = self._manifest["version"]
        parameters = Parameters(version=version, **self._said)
        return MetadataModelResponse(name=self.name, versions=[version], platform="openvino", parameters=parameters)

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """One value of each output and one decision for each image."""
        images = Base64Codec.decode_input(payload.inputs[0])
        patches = np.stack([_decode(image) for image in images])
        results = self._graph(patches)
        outputs = {output.any_name: np.asarray(results[output]).reshape(-1) for output in self._graph.outputs}
        decisions = [
            self._decide({name: values[row] for name, values in outputs.items()}) for row in range(len(patches))
        ]
        return InferenceResponse(
            id=payload.id,
            model_name=self.name,
            model_version=self._manifest["version"],
            parameters=Parameters(**self._said),
            outputs=[
                *(NumpyCodec.encode_output(name, values) for name, values in outputs.items()),
                StringCodec.encode_output("decision", decisions),
            ],
        )

    def _decide(self, outputs: dict[str, float]) -> str:
        if any(outputs[check["output"]] >= check["from_value"] for check in self._checks):
            return "uncertain"
        probability = outputs["probability"]
        if probability >= self._said["idc_from"]:
            return "idc"
        return "no_idc" if probability < self._said["no_idc_below"] else "uncertain"


def _decode(data: bytes) -> np.ndarray:  # type: ignore[type-arg]
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))
