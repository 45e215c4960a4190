"""Makes an INT8 twin of a bundle, to measure its speed alone: its quality is unknown, and it is never served."""

import shutil
from pathlib import Path

import numpy as np
import openvino as ov

from idc_contracts.bundle import MANIFEST_NAME
from idc_modelio.bundles import file_sha256, read_bundle
from idc_trainer.export.int8 import quantize


def add_int8_twin(models: Path, version: int) -> None:
    """Write `<models>/idc/<version + 1>` beside `<models>/idc/<version>`.

    It is calibrated on the bundle's own self-test patches: for speed their number is enough, for quality it is not.
    """
    source, folder = models / "idc" / str(version), models / "idc" / str(version + 1)
    shutil.copytree(source, folder)
    manifest = read_bundle(source).manifest
    self_test = folder / manifest.self_test.file
    with np.load(self_test) as vector:
        patches = vector["patches"]
    core = ov.Core()
    ov.save_model(quantize(core.read_model(source / "model.xml"), patches), folder / "model.xml")
    graph = core.compile_model(folder / "model.xml", "CPU", {"EXECUTION_MODE_HINT": "ACCURACY"})
    np.savez(self_test, patches=patches, probability=np.asarray(graph(patches)[0]).reshape(-1))
    changed = {
        "version": str(version + 1),
        "precision": "INT8",
        "files": {name: file_sha256(folder / name) for name in manifest.files},
    }
    (folder / MANIFEST_NAME).write_text(manifest.model_copy(update=changed).model_dump_json(indent=2))
