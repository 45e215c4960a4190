"""Training: from patches to a bundle."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from idc_modelio.serving import candidates
from idc_trainer.evaluation.bootstrap import MeasuredPart, MeasuredParts, evaluate, read_cross_validation
from idc_trainer.evaluation.named_list import ListResult, read_list
from idc_trainer.evaluation.scored_patches import reasons_of, score_patches
from idc_trainer.export import bundle_writer, self_test
from idc_trainer.export.model_card import Findings, Provenance
from idc_trainer.export.placing import candidate_version
from idc_trainer.graphs.runner import GraphRunner
from idc_trainer.learning.ensemble import CHECKS
from idc_trainer.learning.operating_point import Target
from idc_trainer.progress import Progress
from idc_trainer.splits.choose import SplitRequest, split_patients
from idc_trainer.splits.divided import DividedPatches
from idc_trainer.workflows.description import Description, describe
from idc_trainer.workflows.documents import write_documents
from idc_trainer.workflows.export import export_graphs
from idc_trainer.workflows.phases import Run, Trained, train_phases
from idc_trainer.workflows.preparation import Source, read_index


@dataclass(frozen=True)
class TrainingRequest:
    source: Source
    out: Path
    """The folder of models."""
    command: str
    """The command line, which the manifest keeps."""
    name: str = "idc"
    version: str | None = None
    """None takes the next of a site's own numbers."""
    split: SplitRequest = field(default_factory=SplitRequest)
    target: Target = field(default_factory=Target)
    report_list: Path | None = None
    """A text file of names of test patches that are reported separately."""
    cross_validation: Path | None = None
    """The `figures.json` of a cross-validation of the same recipe, for the model card."""
    provenance: Provenance = field(default_factory=Provenance)
    int8: bool = True
    """Whether an INT8 graph is made, and kept if it is good enough."""


def train(request: TrainingRequest, progress: Progress) -> Path:
    """Train a model and write its bundle as a candidate, which is not served; returns the bundle's folder.

    Raises:
        TrainerError: See `idc_trainer.errors`; nothing but the cache is written then.
    """
    version, root = candidate_version(request.out, request.name, request.version), candidates(request.out)
    with bundle_writer.new_bundle(root, request.name, version) as folder:
        patches = split_patients(request.split, read_index(request.source, progress))
        cross_validation = read_cross_validation(request.cross_validation) if request.cross_validation else None
        listed = read_list(request.report_list, patches.test) if request.report_list else frozenset()
        trained = train_phases(Run(patches, request.source, request.target, progress))
        exported = export_graphs(trained, patches, folder, progress, int8=request.int8)
        parts = _measure(trained, exported.runner, patches, request.split.seed, progress)
        self_test.write_self_test(exported.runner, request.split.seed, folder)
        if exported.twin and exported.twin.kept:
            self_test.write_self_test(GraphRunner(exported.twin.graph), request.split.seed, folder / "int8")
        manifest = describe(
            Description(request.name, version, request.command, request.target, patches, trained, exported, parts)
        )
        tested, result = parts.test.scored, None
        if request.report_list:
            rows = np.isin(tested.names, sorted(listed))
            result = ListResult(request.report_list.stem, tested.rows(rows))
        findings = Findings(patches, request.provenance, request.source.recipe, parts, result, cross_validation)
        write_documents(manifest, findings, trained, folder)
        bundle_writer.write_manifest(folder, manifest, bundle_writer.list_digests(folder))
    return root / request.name / version


def _measure(
    trained: Trained, runner: GraphRunner, patches: DividedPatches, seed: int, progress: Progress
) -> MeasuredParts:
    """Measure on the held-out and on the test patients.

    The classifier's own scores of a held-out patient would flatter it where another member was trained on that patient:
    they are those of the member that was not. Those of the test patients are by the compiled classifier.
    """
    held_out, test, thresholds = trained.held_out, patches.test, trained.thresholds
    outputs = runner.run_all(test, progress, "scoring test patches")
    scored = (
        score_patches(
            held_out.index, held_out.probability.astype(np.float32), thresholds, reasons_of(held_out.outputs, CHECKS)
        ),
        score_patches(test, outputs["probability"], thresholds, reasons_of(outputs, CHECKS)),
    )
    return MeasuredParts(*(MeasuredPart(part, evaluate(part, seed)) for part in scored))
