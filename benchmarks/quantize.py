"""Quantizes a graph with NNCF, in NNCF's environment: `quantize.py MODEL.xml SELFTEST.npz OUT.xml`."""

import sys

import nncf
import numpy as np
import openvino as ov


def main(source: str, self_test: str, target: str) -> None:
    """Calibrate on the bundle's own self-test patches: for speed their number is enough, for quality it is not."""
    patches = np.load(self_test)["patches"]
    calibration = nncf.Dataset([patches[number : number + 1] for number in range(len(patches))])
    graph = ov.Core().read_model(source)
    quantized = nncf.quantize(graph, calibration, preset=nncf.QuantizationPreset.MIXED, subset_size=len(patches))
    ov.save_model(quantized, target, compress_to_fp16=True)


main(*sys.argv[1:])
