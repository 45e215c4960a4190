"""The stick's worker: `idc-ncs MODEL.onnx [DEVICE]`.

It talks to the inference service over its standard input and output. First it writes one line of JSON:
`{"device": "MYRIAD", "available": ["CPU", "MYRIAD"], "height_px": 50, "width_px": 50, "outputs": ["probability"]}`, or
`{"error": "…"}` and exits. Then, in a loop, it reads a count N (uint32, little-endian) and N patches (uint8, RGB,
height x width x 3), and writes a byte 0 and for each output, in that order, N values (float32, little-endian), or a
byte 1, a length (uint32) and an error text.
"""

import json
import os
import struct
import sys
from typing import Any, BinaryIO

import numpy as np
from openvino.inference_engine import IECore

MAX_PATCHES = 1024
REQUESTS = 4
"""Infer requests in flight: the stick computes one while the next ones travel over USB."""

# By default the processor may compute in bfloat16, which moved P(IDC) by 0.03; the stick always computes in float16.
CONFIG = {"CPU": {"ENFORCE_BF16": "NO"}}


class Graph:
    """The compiled graph, batch 1."""

    def __init__(self, path: str, device: str) -> None:
        core = IECore()
        self.available = list(core.available_devices)
        network = core.read_network(path)
        self._input = next(iter(network.input_info))
        self.outputs = list(network.outputs)
        _, self.height_px, self.width_px, _ = network.input_info[self._input].input_data.shape
        network.input_info[self._input].precision = "U8"
        self._compiled = core.load_network(network, device, CONFIG.get(device, {}), num_requests=REQUESTS)

    def infer(self, patches: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
        """Results, float32, shape (outputs, N), of patches of uint8, shape (N, height, width, 3)."""
        results = np.empty((len(self.outputs), len(patches)), np.float32)
        requests = self._compiled.requests
        for start in range(len(patches) + REQUESTS):
            done = start - REQUESTS
            if done >= 0:
                self._collect(requests[done % REQUESTS], results, done)
            if start < len(patches):
                requests[start % REQUESTS].async_infer({self._input: patches[start : start + 1]})
        return results

    def _collect(self, request: Any, results: "np.ndarray[Any, Any]", place: int) -> None:
        if request.wait(-1) != 0:
            raise RuntimeError("the device did not finish a patch: was the stick unplugged?")
        blobs = request.output_blobs
        results[:, place] = [blobs[output].buffer.ravel()[0] for output in self.outputs]


def serve(graph: Graph, source: BinaryIO, sink: BinaryIO) -> None:
    """Score patches until the input ends."""
    patch_bytes = graph.height_px * graph.width_px * 3
    while True:
        head = source.read(4)
        if len(head) < 4:
            return
        (count,) = struct.unpack("<I", head)
        if not 0 < count <= MAX_PATCHES:
            raise ValueError(f"{count} patches: 1 to {MAX_PATCHES} go at once")
        body = source.read(count * patch_bytes)
        if len(body) < count * patch_bytes:
            return
        patches = np.frombuffer(body, np.uint8).reshape(count, graph.height_px, graph.width_px, 3)
        try:
            sink.write(b"\0" + graph.infer(patches).astype("<f4").tobytes())
        except RuntimeError as exc:
            text = str(exc).encode()[:1000]
            sink.write(b"\1" + struct.pack("<I", len(text)) + text)
        sink.flush()


def main() -> int:
    """Compile and serve; return the exit code."""
    arguments = sys.argv[1:]
    if len(arguments) not in (1, 2):
        sys.stderr.write("usage: idc-ncs MODEL.onnx [DEVICE]\n")
        return 64
    # Only this program writes answers: what libraries print goes to standard error.
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    device = arguments[1] if len(arguments) == 2 else "MYRIAD"
    try:
        graph = Graph(arguments[0], device)
    except (RuntimeError, OSError, ValueError) as exc:
        sink.write(json.dumps({"error": str(exc)[:1000]}).encode() + b"\n")
        sink.flush()
        return 69
    hello = {
        "device": device,
        "available": graph.available,
        "height_px": graph.height_px,
        "width_px": graph.width_px,
        "outputs": graph.outputs,
    }
    sink.write(json.dumps(hello).encode() + b"\n")
    sink.flush()
    serve(graph, sys.stdin.buffer, sink)
    return 0


if __name__ == "__main__":
    sys.exit(main())
