"""Makes an INT8 twin of a bundle, to measure its speed alone: its quality is not known, and nobody serves it."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import openvino as ov

from idc_contracts.bundle import MANIFEST_NAME
from idc_modelio.bundles import file_sha256, read_bundle

ROOT = Path(__file__).parents[1]


def add_int8_twin(models: Path, version: int) -> None:
    """Write `<models>/idc/<version + 1>` beside `<models>/idc/<version>`."""
    source, folder = models / "idc" / str(version), models / "idc" / str(version + 1)
    subprocess.run([ROOT / "scripts" / "install_peer.sh", "nncf"], check=True)
    shutil.copytree(source, folder)
    manifest = read_bundle(source).manifest
    self_test = folder / manifest.self_test.file
    python = ROOT / ".tools" / "peers" / "nncf" / "bin" / "python"
    command = [python, ROOT / "benchmarks" / "quantize.py", source / "model.xml", self_test, folder / "model.xml"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with np.load(self_test) as vector:
        patches = vector["patches"]
    graph = ov.Core().compile_model(folder / "model.xml", "CPU", {"EXECUTION_MODE_HINT": "ACCURACY"})
    np.savez(self_test, patches=patches, probability=np.asarray(graph(patches)[0]).reshape(-1))
    changed = {
        "version": str(version + 1),
        "precision": "INT8",
        "files": {name: file_sha256(folder / name) for name in manifest.files},
    }
    (folder / MANIFEST_NAME).write_text(manifest.model_copy(update=changed).model_dump_json(indent=2))
