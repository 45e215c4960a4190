"""The trainer compared with OpenVINO's `benchmark_app` and with the training of 2018, and its memory, in one run.

`IDC_DATA=... uv run --frozen --all-packages python benchmarks/trainer.py [--quick]`; without IDC_DATA the patches are
synthetic.

- Feature extraction (read, decode, resize, infer, keep) into an empty cache, against `benchmark_app` on the same graph
  with the same configuration, alternately; the ratio is the median of the rounds.
- From patches to a bundle with an empty cache, against 40 epochs of InceptionV3 at 299 px with all weights trained, as
  in the system of 2018: estimated from timed steps of 32 patches (weights do not change the time).
- Peak memory of indexing, extraction and the heads' fit, each in a process of its own, for 7,787 and 100,000 patches
  with different contents, at a small input so that it takes minutes and not hours.
"""

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import keras
import numpy as np
from PIL import Image, PngImagePlugin

from idc_trainer.splits.choose import SplitRequest
from idc_trainer.data.index import PatchIndex, index_patches
from idc_trainer.data.layouts import open_patches
from idc_trainer.data.reading import DataSet
from idc_trainer.data.source import Listing, PatchFile, PatientsFrom
from idc_trainer.graphs.conversion import save_ir, to_openvino
from idc_trainer.learning.network import build_feature_model
from idc_trainer.features.extraction import Extractor, extract
from idc_trainer.graphs.runner import BATCH, GraphRunner
from idc_trainer.features.variants import Plain
from idc_trainer.learning.operating_point import Target
from idc_trainer.learning.recipe import HEAD_SCHEDULE, NONE, Recipe, Schedule
from idc_trainer.workflows.members import HeadsOnFeatures
from idc_trainer.workflows.preparation import Source, read_backbone
from idc_trainer.workflows.training import TrainingRequest, train
from support.benchmark_app import benchmark_app
from support.made_patches import write_patch_folder

EPOCHS_2018: Final = 40
BATCH_2018: Final = 32
FULL: Final = 7787
LEAST_PATIENTS: Final = 8
REPEATED: Final = 100_000


class DistinctPatches:
    """Any number of patches, each with different content, generated when it is read."""

    root = Path("made up")

    def __init__(self, count: int) -> None:
        self.listing = Listing([_file(number) for number in range(count)], PatientsFrom.NAMES)
        rng = np.random.default_rng(0)
        self._images = [Image.fromarray(rng.integers(0, 256, (50, 50, 3)).astype(np.uint8)) for _ in range(8)]

    def read(self, file: PatchFile) -> bytes:
        """One patch as PNG, with its path in it, so that no two are the same file."""
        note = PngImagePlugin.PngInfo()
        note.add_text("path", file.path)
        buffer = io.BytesIO()
        self._images[len(file.path) % 8].copy().save(buffer, "PNG", pnginfo=note, compress_level=1)
        return buffer.getvalue()


def _file(number: int) -> PatchFile:
    patient, label = f"p{number % 10}", number // 10 % 2
    return PatchFile(f"{patient}/{label}/{patient}_idx5_x{number}_y1_class{label}.png", patient, label)


def _silent(_step: str, _done: int, _total: int) -> None:
    return None


def _data(folder: Path, count: int) -> Path:
    """At least `count` real patches of whole patients if IDC_DATA is set, else synthetic ones of eight patients."""
    if "IDC_DATA" not in os.environ:
        each = count // 16
        return write_patch_folder(folder / "data", {f"{number}": (each, each) for number in range(8)})
    (folder / "data").mkdir()
    for patient in sorted((Path(os.environ["IDC_DATA"]) / "idc").iterdir()):
        linked = len(list((folder / "data").iterdir()))
        if linked >= LEAST_PATIENTS and _patches(folder / "data") >= count:
            break
        (folder / "data" / patient.name).symlink_to(patient)
    return folder / "data"


def _patches(data: Path) -> int:
    return sum(len(list(patient.glob("*/*.png"))) for patient in data.iterdir())


def _extraction_ratio(data: Path, folder: Path, *, rounds: int, count: int, seconds: int) -> dict[str, float]:
    graph = to_openvino(build_feature_model(read_backbone(Source(DataSet(data), folder, Recipe()))))
    path = save_ir(graph, folder / "features-graph", fp16=False)
    runner, width = GraphRunner(graph), graph.output(0).partial_shape[1].get_length()
    index = index_patches(open_patches(data), _silent, skip_unreadable=False)
    index = index.rows(np.random.default_rng(0).permutation(len(index))[:count])
    ours, ratios = [], []
    for number in range(rounds):
        before = benchmark_app(path, batch=BATCH, seconds=seconds).patches_per_s
        start = time.perf_counter()
        extractor = Extractor(width, lambda patches: runner.run(patches)["features"])
        extract(index, Plain(), extractor, folder / f"round-{number}", _silent)
        ours.append(len(index) / (time.perf_counter() - start))
        after = benchmark_app(path, batch=BATCH, seconds=seconds).patches_per_s
        ratios.append(ours[-1] / ((before + after) / 2))
    return {
        "extraction_patches_per_s": statistics.median(ours),
        "extraction_vs_benchmark_app": statistics.median(ratios),
    }


def _bundle_s(data: Path, folder: Path, steps: int) -> float:
    patients = sorted(child.name for child in data.iterdir())
    test = tuple(patient for patient in ("8951", "8975", "8984") if patient in patients) or tuple(patients[:2])
    source = Source(DataSet(data), folder / "cache", Recipe(schedule=replace(Schedule(), steps=steps)))
    split, target = SplitRequest(test_patients=test), Target(allow_missed=True)
    request = TrainingRequest(source, folder / "models", "benchmarks/trainer.py", split=split, target=target)
    start = time.perf_counter()
    train(request, _silent)
    return time.perf_counter() - start


def _training_2018_s(patches: int, steps: int) -> float:
    network = keras.applications.InceptionV3(include_top=False, weights=None, input_shape=(299, 299, 3), pooling="avg")
    model = keras.Model(network.input, keras.layers.Dense(2, activation="softmax")(network.output))
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    images = rng.random((BATCH_2018, 299, 299, 3), np.float32)
    labels = rng.integers(0, 2, BATCH_2018)
    model.train_on_batch(images, labels)
    start = time.perf_counter()
    for _ in range(steps):
        model.train_on_batch(images, labels)
    return (time.perf_counter() - start) / steps * (patches / BATCH_2018) * EPOCHS_2018


def _peak_mib(count: int) -> float:
    """Index, extract and fit in this process; its peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        schedule = replace(HEAD_SCHEDULE, steps=200)
        recipe = Recipe(input_px=32, stages=("stage3", "stage4"), train_from=NONE, schedule=schedule, passes=1)
        source = Source(DataSet(Path("made up")), Path(folder), recipe)
        index: PatchIndex = index_patches(DistinctPatches(count), _silent, skip_unreadable=False)
        HeadsOnFeatures(source, Path(folder), index, _silent)(0, index)
    # VmHWM and not ru_maxrss, which a child inherits from its parent
    (line,) = (text for text in Path("/proc/self/status").read_text().splitlines() if text.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def _peak_mib_of_a_child(count: int) -> float:
    command = [sys.executable, __file__, "--peak-of", str(count)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=3600)
    return float(done.stdout.strip().splitlines()[-1])


def _measure(*, quick: bool) -> dict[str, float]:
    count, repeated = (512, 5000) if quick else (FULL, REPEATED)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = _data(folder, 512 if quick else FULL)
        found = _extraction_ratio(
            data, folder, rounds=2 if quick else 3, count=512 if quick else 3072, seconds=3 if quick else 8
        )
        bundle_s = _bundle_s(data, folder, steps=20 if quick else Schedule.steps)
        patches = _patches(data)
    old_s = _training_2018_s(patches, steps=1 if quick else 3)
    small, large = _peak_mib_of_a_child(min(count, FULL)), _peak_mib_of_a_child(repeated)
    return found | {
        "patches_to_bundle_s": bundle_s,
        "training_of_2018_s": old_s,
        "training_of_2018_vs_patches_to_bundle": old_s / bundle_s,
        "peak_mib": small,
        "peak_mib_repeated": large,
        "peak_kib_per_patch_more": (large - small) * 1024 / (repeated - min(count, FULL)),
    }


def main() -> None:
    """Measure and print a line for each figure and, last, one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer patches, rounds and steps")
    parser.add_argument("--peak-of", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak_of:
        print(_peak_mib(options.peak_of))
        return
    found = {name: round(value, 3) for name, value in _measure(quick=options.quick).items()}
    for name, value in found.items():
        print(f"{name:40s} {value:12.3f}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
