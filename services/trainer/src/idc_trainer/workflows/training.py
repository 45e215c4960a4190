"""The way from patches to a bundle: split, two phases, export, figures, files."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from idc_trainer.evaluation.bootstrap import evaluate, read_cross_validation
from idc_trainer.evaluation.named_list import read_list, score_list
from idc_trainer.evaluation.scored_patches import score_patches
from idc_trainer.evaluation.sides import MeasuredSide, MeasuredSides
from idc_trainer.export import bundle_writer, self_test
from idc_trainer.export.model_card import Findings, Provenance
from idc_trainer.graphs.runner import GraphRunner
from idc_trainer.learning.operating_point import Target
from idc_trainer.progress import Progress
from idc_trainer.splits.choose import SplitRequest, split_patients
from idc_trainer.splits.divided import DividedPatches
from idc_trainer.workflows.description import Description, describe
from idc_trainer.workflows.documents import write_documents
from idc_trainer.workflows.exporting import export_graphs
from idc_trainer.workflows.phases import Run, Trained, train_phases
from idc_trainer.workflows.preparation import Source, read_index


@dataclass(frozen=True)
class TrainingRequest:
    """What a person asks for."""

    source: Source
    out: Path
    command: str
    """The command as typed; the manifest keeps it."""
    name: str = "idc"
    version: str | None = None
    """None takes the next whole number."""
    split: SplitRequest = field(default_factory=SplitRequest)
    target: Target = field(default_factory=Target)
    report_list: Path | None = None
    cross_validation: Path | None = None
    """The `figures.json` of a cross-validation of the same recipe, for the model card."""
    provenance: Provenance = field(default_factory=Provenance)
    int8: bool = True
    """Whether an INT8 twin is made and kept if it is good enough."""


def train(request: TrainingRequest, progress: Progress) -> Path:
    """Train on the data of a request and write the bundle.

    Returns:
        The bundle's folder.

    Raises:
        TrainerError: See `idc_trainer.errors`; nothing is written then but the cache.
    """
    version = request.version or bundle_writer.next_version(request.out, request.name)
    with bundle_writer.new_bundle(request.out, request.name, version) as folder:
        patches = split_patients(request.split, read_index(request.source, progress))
        cross_validation = read_cross_validation(request.cross_validation) if request.cross_validation else None
        listed = read_list(request.report_list, patches.test) if request.report_list else None
        trained = train_phases(Run(patches, request.source, request.target, progress))
        exported = export_graphs(trained, patches, folder, progress, int8=request.int8)
        sides = _measure(trained, exported.runner, patches, request, progress)
        self_test.write_self_test(exported.runner, request.split.seed, folder)
        manifest = describe(
            Description(request.name, version, request.command, request.target, patches, trained, exported, sides)
        )
        result = score_list(listed, sides.test.scored) if listed else None
        found = Findings(patches, request.provenance, request.source.recipe, sides, result, cross_validation)
        write_documents(manifest, found, trained, folder)
        bundle_writer.write_manifest(folder, manifest, bundle_writer.list_digests(folder))
    return request.out / request.name / version


def _measure(
    trained: Trained, runner: GraphRunner, patches: DividedPatches, request: TrainingRequest, progress: Progress
) -> MeasuredSides:
    """Measure both sides on the compiled graph.

    With cross-fitting, the compiled graph has learned from the validation patients and its own figures would flatter
    it: theirs are those of the heads that never saw them.
    """
    validation, test = patches.validation, patches.test
    if patches.cross_fitted:
        found = trained.learned.validation.probability.astype(np.float32)
    else:
        found = runner.run_all(validation, progress, "scoring validation patches")
    thresholds, seed = trained.learned.thresholds, request.split.seed
    scored = (
        score_patches(validation, found, thresholds),
        score_patches(test, runner.run_all(test, progress, "scoring test patches"), thresholds),
    )
    return MeasuredSides(*(MeasuredSide(side, evaluate(side, seed)) for side in scored))
