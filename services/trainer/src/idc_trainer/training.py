"""The way from patches to a bundle: split, two phases, export, figures, files."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from idc_trainer.data.choose import SplitRequest, split_patients
from idc_trainer.data.divided import DividedPatches
from idc_trainer.data.index import PatchIndex
from idc_trainer.data.source import Progress
from idc_trainer.evaluation.figures import Side, SideScores
from idc_trainer.evaluation.named_list import read_list, score_list
from idc_trainer.export import bundle_writer, self_test
from idc_trainer.export.description import Description, describe
from idc_trainer.export.documents import write_documents
from idc_trainer.export.graphs import export_graphs
from idc_trainer.features.runner import GraphRunner
from idc_trainer.learning.operating_point import Target
from idc_trainer.phases import Run, Trained, train_phases
from idc_trainer.preparation import Source, read_index


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
        listed = read_list(request.report_list, patches.test) if request.report_list else None
        trained = train_phases(Run(patches, request.source, request.target, progress))
        exported = export_graphs(trained, patches, folder, progress, int8=request.int8)
        sides = (
            _validation_scores(trained, exported.runner, patches, progress),
            _scores("test", exported.runner, patches.test, progress),
        )
        self_test.write_self_test(exported.runner, request.split.seed, folder)
        manifest = describe(Description(request, version, patches, trained, exported, sides))
        result = score_list(listed, sides[1]) if listed else None
        write_documents(manifest, sides, trained, result, request.cross_validation, folder)
        bundle_writer.write_manifest(folder, manifest, bundle_writer.list_digests(folder))
    return request.out / request.name / version


def _validation_scores(
    trained: Trained, runner: GraphRunner, patches: DividedPatches, progress: Progress
) -> SideScores:
    """What the validation patches got when the thresholds were chosen on them.

    With cross-fitting the compiled graph has learned from these patients: its own figures would flatter it.
    """
    validation = patches.validation
    if not patches.cross_fitted:
        return _scores("validation", runner, validation, progress)
    probability = trained.learned.validation.probability.astype(np.float32)
    return SideScores("validation", probability, validation.labels, validation.patients, validation.names)


def _scores(side: Side, runner: GraphRunner, patches: PatchIndex, progress: Progress) -> SideScores:
    probability = runner.run_all(patches, progress, f"scoring {side} patches")
    return SideScores(side, probability, patches.labels, patches.patients, patches.names)
