"""Compares the trainer's feature extraction, decoding included, with OpenVINO's bare asynchronous loop.

Both run the same compiled graph on the same made-up patches, in turns. The bare loop is what OpenVINO's
`benchmark_app` times (`-hint throughput`, input already in memory); it is written out here because that program takes
no uint8 batch from memory and would be another process with other settings.
"""

import argparse
import io
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import openvino as ov
from PIL import Image

from idc_trainer.data.patches import list_patches, read_patch_set
from idc_trainer.backbones.efficientnet_lite0 import build_backbone
from idc_trainer.export.openvino_ir import to_openvino
from idc_trainer.features.runner import BATCH, COMPILE_CONFIG, GraphRunner
from idc_trainer.backbones.keras_model import build_feature_model
from idc_trainer.learning.recipe import Recipe
from idc_trainer.backbones.torch_weights import default_weights_path, read_weights


def _write_patches(root: Path, count: int) -> None:
    rng = np.random.default_rng(0)
    for index in range(count):
        folder = root / f"p{index % 4}" / str(index % 2)
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.clip(rng.normal(180, 40, (50, 50, 3)), 0, 255).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        (folder / f"p_x{index}_class{index % 2}.png").write_bytes(buffer.getvalue())


def _silent(_step: str, _done: int, _total: int) -> None:
    return None


def _trainer_patches_per_s(root: Path, runner: GraphRunner) -> float:
    start = time.perf_counter()
    data = read_patch_set(list_patches(root), _silent)
    runner.run(data.patches, _silent)
    return len(data) / (time.perf_counter() - start)


def _bare_patches_per_s(compiled: ov.CompiledModel, count: int) -> float:
    batch = np.random.default_rng(0).integers(0, 256, (BATCH, 50, 50, 3)).astype(np.uint8)
    queue = ov.AsyncInferQueue(compiled)
    start = time.perf_counter()
    for _ in range(count // BATCH):
        queue.start_async({0: batch})
    queue.wait_all()
    return (count // BATCH) * BATCH / (time.perf_counter() - start)


def main() -> None:
    """Time both in turns and print the medians and, last, one JSON line of ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a third of the patches and of the rounds")
    quick = parser.parse_args().quick
    count, rounds = (512, 3) if quick else (1536, 7)
    backbone = build_backbone(read_weights(default_weights_path()))
    graph = to_openvino(build_feature_model(backbone, Recipe().input_px), "features")
    compiled, runner = ov.Core().compile_model(graph, "CPU", COMPILE_CONFIG), GraphRunner(graph)
    with tempfile.TemporaryDirectory() as folder:
        _write_patches(Path(folder), count)
        _bare_patches_per_s(compiled, count // 4)
        pairs = [
            (_trainer_patches_per_s(Path(folder), runner), _bare_patches_per_s(compiled, count)) for _ in range(rounds)
        ]
    trainer, bare = np.median(np.array(pairs), axis=0)
    print(f"trainer {trainer:.0f} patches/s, bare OpenVINO loop {bare:.0f} patches/s, medians of {rounds} rounds")
    ratio = float(np.median([ours / theirs for ours, theirs in pairs]))
    print(json.dumps({"feature_extraction_vs_openvino_loop": round(ratio, 3)}))


if __name__ == "__main__":
    main()
