"""The way from patches to a bundle: backbone, head, calibration, thresholds, export, figures, files."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idc_contracts import Thresholds, utc_now
from idc_contracts.bundle import Backbone, BundleManifest, Calibration, Dataset, OperatingPoint, Parity, SelfTest, Split
from idc_trainer.backbones.efficientnet_lite0 import BackboneGraph, build_backbone
from idc_trainer.backbones.keras_model import build_classifier, build_feature_model
from idc_trainer.backbones.torch_weights import WEIGHTS_SHA256, WEIGHTS_SOURCE, default_weights_path, read_weights
from idc_trainer.data.patches import PATCH, PatchSet, Progress, list_patches, read_patch_set
from idc_trainer.data.split import PatientSplit, check_split, choose_split, read_split_file
from idc_trainer.errors import OneClassOnly
from idc_trainer.evaluation.figures import SideScores, measure_patients
from idc_trainer.evaluation.named_list import ListResult, read_list, score_list
from idc_trainer.export import bundle_writer, self_test
from idc_trainer.export.model_card import write_model_card
from idc_trainer.export.onnx_graph import write_onnx
from idc_trainer.export.openvino_ir import read_graph, save_ir, to_openvino
from idc_trainer.export.parity import PATCHES, check_parity
from idc_trainer.features.runner import GraphRunner
from idc_trainer.learning import calibration
from idc_trainer.learning.augmentation import jitter_stain, turn
from idc_trainer.learning.head import LinearHead, balanced_weights, fit_head, logits
from idc_trainer.learning.operating_point import choose_thresholds, reached
from idc_trainer.learning.recipe import Recipe
from idc_trainer.report.page import write_report

_SELF_TEST_FILE = "selftest.npz"
_SELF_TEST_TOLERANCE = 0.02


@dataclass(frozen=True)
class TrainingRequest:
    """What a person asks for."""

    data: Path
    out: Path
    command: str
    """The command as typed; the manifest keeps it."""
    name: str = "idc"
    version: str | None = None
    """None takes the next whole number."""
    seed: int = 0
    test_patients: tuple[str, ...] = ()
    validation_patients: tuple[str, ...] = ()
    split_file: Path | None = None
    target_sensitivity: float = 0.95
    target_specificity: float = 0.95
    weights: Path | None = None
    report_list: Path | None = None
    recipe: Recipe = field(default_factory=Recipe)


@dataclass(frozen=True)
class TrainedModel:
    """What was learned: everything that the exported graphs hold."""

    backbone: BackboneGraph
    head: LinearHead
    """Calibration included."""
    calibration: Calibration
    thresholds: Thresholds


def train(request: TrainingRequest, progress: Progress) -> Path:
    """Train on the data of a request and write the bundle.

    Returns:
        The bundle's folder.

    Raises:
        TrainerError: See `idc_trainer.errors`; nothing is written then.
    """
    version = request.version or bundle_writer.next_version(request.out, request.name)
    with bundle_writer.new_bundle(request.out, request.name, version) as folder:
        backbone = build_backbone(read_weights(request.weights or default_weights_path()), request.recipe.stages)
        data = _read_data(request, progress)
        split = _split(request, data)
        check_split(split, data)
        listed = read_list(request.report_list, data) if request.report_list else None
        model = learn(backbone, data, split, request, progress)
        runner, parity = _export(model, data.of(split.train), request, folder, progress)
        sides = [_score(runner, side, data.of(patients), progress) for side, patients in _measured(split)]
        result = score_list(listed, sides) if listed else None
        _write_self_test(runner, request.seed, folder)
        draft = _describe(request, version, data, split, model, parity, sides)
        _write_documents(draft, sides, result, folder)
        files = bundle_writer.list_digests(folder)
        bundle_writer.write_manifest(folder, BundleManifest.model_validate({**dict(draft), "files": files}))
    return request.out / request.name / version


def _read_data(request: TrainingRequest, progress: Progress) -> PatchSet:
    data = read_patch_set(list_patches(request.data), progress)
    if len(set(data.labels.tolist())) < 2:
        raise OneClassOnly(f"{request.data} has one class only: bring patches of class 0 and of class 1")
    return data


def _split(request: TrainingRequest, data: PatchSet) -> PatientSplit:
    if request.split_file:
        return read_split_file(request.split_file)
    return choose_split(data.classes_of(), request.seed, request.test_patients, request.validation_patients)


def learn(
    backbone: BackboneGraph, data: PatchSet, split: PatientSplit, request: TrainingRequest, progress: Progress
) -> TrainedModel:
    """Fit the head on the training patients, then calibration and thresholds on the validation patients."""
    recipe, train_set, validation = request.recipe, data.of(split.train), data.of(split.validation)
    runner = GraphRunner(to_openvino(build_feature_model(backbone, recipe.input_px), "features"))
    passes = [
        runner.run(patches, progress, f"features of training patches, pass {index + 1} of {recipe.stain_passes + 1}")
        for index, patches in enumerate(_training_passes(train_set.patches, recipe, request.seed))
    ]
    labels, patients = np.tile(train_set.labels, len(passes)), np.tile(train_set.patients, len(passes))
    gains = np.repeat(np.array(recipe.stage_gains), backbone.stage_widths)
    head = fit_head(np.concatenate(passes), labels, patients, gains, recipe.penalty)
    scores = logits(head, runner.run(validation.patches, progress, "features of validation patches"))
    fitted = calibration.fit_calibration(scores, validation.labels, validation.patients)
    thresholds = choose_thresholds(
        calibration.apply_to_scores(fitted, scores),
        validation.labels,
        validation.patients,
        request.target_sensitivity,
        request.target_specificity,
    )
    return TrainedModel(backbone, calibration.apply_to_head(fitted, head), fitted, thresholds)


def _training_passes(patches: NDArray[np.uint8], recipe: Recipe, seed: int) -> Iterator[NDArray[np.uint8]]:
    rng = np.random.default_rng(seed)
    yield patches
    for _ in range(recipe.stain_passes):
        yield jitter_stain(turn(patches, rng), recipe.stain_strength, rng, recipe.stain_shift)


def _export(
    model: TrainedModel, train_set: PatchSet, request: TrainingRequest, folder: Path, progress: Progress
) -> tuple[GraphRunner, Parity]:
    classifier = build_classifier(model.backbone, request.recipe.input_px, model.head)
    runner = GraphRunner(read_graph(save_ir(to_openvino(classifier, "probability"), folder)))
    onnx_path = folder / "model.onnx"
    write_onnx(model.backbone, request.recipe.input_px, model.head, onnx_path)
    rows = np.random.default_rng(request.seed).permutation(len(train_set))[:PATCHES]
    parity = check_parity(classifier, runner, read_graph(onnx_path), train_set.patches[rows], progress)
    return runner, parity


def _measured(split: PatientSplit) -> list[tuple[Any, tuple[str, ...]]]:
    return [("validation", split.validation), ("test", split.test)]


def _score(runner: GraphRunner, side: Any, patches: PatchSet, progress: Progress) -> SideScores:
    probability = runner.run(patches.patches, progress, f"scoring {side} patches")
    return SideScores(side, probability, patches.labels, patches.patients, patches.names)


def _write_self_test(runner: GraphRunner, seed: int, folder: Path) -> None:
    patches = self_test.made_up_patches(seed)
    probability = runner.run(patches, lambda *_: None)
    np.savez_compressed(folder / _SELF_TEST_FILE, patches=patches, probability=probability)


def _describe(
    request: TrainingRequest,
    version: str,
    data: PatchSet,
    split: PatientSplit,
    model: TrainedModel,
    parity: Parity,
    sides: list[SideScores],
) -> BundleManifest:
    """The manifest without its list of files."""
    used = data.of((*split.train, *split.validation, *split.test))
    return BundleManifest.model_construct(
        schema_version=1,
        name=request.name,
        version=version,
        created_at=utc_now(),
        code_version=package_version("idc-trainer"),
        command=request.command,
        labels=("no_idc", "idc"),
        patch=PATCH,
        backbone=Backbone(
            name="efficientnet_lite0",
            stages=model.backbone.stages,
            input_px=request.recipe.input_px,
            weights_source=WEIGHTS_SOURCE,
            weights_sha256=WEIGHTS_SHA256,
        ),
        calibration=model.calibration,
        thresholds=model.thresholds,
        operating_point=_operating_point(request, sides[0], model.thresholds),
        split=Split(id=split.id, train=split.train, validation=split.validation, test=split.test),
        dataset=Dataset(sha256=used.sha256(), patches=len(used), positives=int(used.labels.sum())),
        metrics=tuple(m for side in sides for m in measure_patients(side, model.thresholds, request.seed)),
        self_test=SelfTest(file=_SELF_TEST_FILE, patches=self_test.COUNT, tolerance=_SELF_TEST_TOLERANCE),
        parity=parity,
        precision="FP16",
        files={},
    )


def _operating_point(request: TrainingRequest, validation: SideScores, thresholds: Thresholds) -> OperatingPoint:
    weights = balanced_weights(validation.labels, validation.patients)
    found = reached(thresholds, validation.probability, validation.labels, weights)
    return OperatingPoint(
        target_sensitivity=request.target_sensitivity,
        target_specificity=request.target_specificity,
        validation_sensitivity=round(found.sensitivity, 4),
        validation_specificity=round(found.specificity, 4),
        validation_coverage=round(found.coverage, 4),
    )


def _write_documents(draft: BundleManifest, sides: list[SideScores], result: ListResult | None, folder: Path) -> None:
    write_model_card(draft, sides, result, folder / "MODEL_CARD.md")
    (folder / "report").mkdir()
    write_report(draft, sides, folder / "report" / "index.html")
