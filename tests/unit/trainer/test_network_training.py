"""Training of a short network at 32 px: what learns, and how a killed run resumes."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from idc_trainer.artefacts.kinds import Quality
from idc_trainer.backbones.base import BuiltBackbone
from idc_trainer.backbones.folding import served
from idc_trainer.backbones.registry import build_backbone
from idc_trainer.data.index import PatchIndex
from idc_trainer.data.reading import DataSet
from idc_trainer.errors import CacheDamaged, OutputUnwritable, WrongSetting
from idc_trainer.evaluation.measures import mean_patient_auc
from idc_trainer.learning import fitting
from idc_trainer.learning.batches import PATCH_SHAPE, PatchBatches, as_dataset
from idc_trainer.learning.checkpoint import Checkpoint, Epoch
from idc_trainer.learning.network import (
    build_feature_model,
    build_trainable,
    check_stage,
    read_heads,
    set_trained_layers,
)
from idc_trainer.learning.recipe import ALL, NONE, Recipe, Schedule
from idc_trainer.workflows.members import Fitted, WholeNetwork
from idc_trainer.workflows.preparation import Source
from support.memory_patches import made_index

SCHEDULE = Schedule(steps=12, batch=16, learning_rate=3e-3, warmup_steps=1)
RECIPE = Recipe(input_px=32, stages=("stage3", "stage4"), train_from="stage4", schedule=SCHEDULE)
EPOCH_STEPS = 4


@pytest.fixture(autouse=True)
def _short_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "EPOCH_STEPS", EPOCH_STEPS)


@pytest.fixture(scope="module")
def index() -> PatchIndex:
    return made_index({"a": (8, 8), "b": (8, 8)})


def _backbone(stages: tuple[str, ...] = RECIPE.stages) -> BuiltBackbone:
    return build_backbone("efficientnet_lite0", 32, stages, None)


class _Killed(BaseException):
    """Stands for SIGKILL."""


def _run(
    folder: Path, index: PatchIndex, recipe: Recipe = RECIPE, *, kill_at: int | None = None
) -> tuple[Fitted, list[int]]:
    """Train; returns the network and the numbers of the steps that were trained now."""
    steps: list[int] = []

    def progress(_step: str, done: int, _total: int) -> None:
        if done == kill_at:
            raise _Killed
        steps.append(done)

    return WholeNetwork(Source(DataSet(folder), folder, recipe), folder, progress)(0, index), steps


@pytest.fixture(scope="module")
def whole_run(index: PatchIndex, tmp_path_factory: pytest.TempPathFactory) -> tuple[Fitted, Path]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fitting, "EPOCH_STEPS", EPOCH_STEPS)
        folder = tmp_path_factory.mktemp("whole")
        fitted, steps = _run(folder, index)
    assert steps == list(range(1, 13))
    return fitted, folder


def test_a_network_that_was_trained_separates_the_classes_of_a_new_patient(tmp_path: Path) -> None:
    recipe = replace(RECIPE, train_from=ALL, schedule=replace(SCHEDULE, steps=40, batch=32))
    fitted, _ = _run(tmp_path, made_index({"a": (20, 20), "b": (20, 20)}), recipe)
    new = made_index({"c": (20, 20)}, seed=1)

    patches = np.stack([new.decode(row) for row in range(len(new))])
    features = np.asarray(build_feature_model(fitted.backbone)(patches, training=False)["features"])

    assert mean_patient_auc(fitted.heads.logits(features), new.labels, new.patients) > 0.9
    assert fitted.epochs[-1].loss < fitted.epochs[0].loss
    assert fitted.backbone.fine_tuned_from == "all"


def test_the_learning_rate_rises_and_then_falls_along_half_a_cosine_to_zero(whole_run: tuple[Fitted, Path]) -> None:
    rates = [epoch.learning_rate for epoch in whole_run[0].epochs]

    expected = [3e-3 * (1 + np.cos(np.pi * (step - 1) / 11)) / 2 for step in (4, 8, 12)]
    np.testing.assert_allclose(rates, expected, atol=1e-8)


def test_the_named_stage_learns_and_what_lies_before_stays_frozen(whole_run: tuple[Fitted, Path]) -> None:
    before, after = served(_backbone()).model, whole_run[0].backbone.model
    changed = {
        layer.name
        for layer in before.layers
        for old, new in zip(layer.get_weights(), after.get_layer(layer.name).get_weights(), strict=True)
        if not np.array_equal(old, new)
    }

    learning = [layer.name for layer in before.layers if layer.get_weights()]
    assert changed == {name for name in learning if name.startswith(("blocks_3", "blocks_4"))}


@pytest.mark.parametrize(
    ("train_from", "first"), [(ALL, "conv_stem"), ("stage4", "blocks_3"), ("stage5", "blocks_5"), (NONE, None)]
)
def test_training_begins_with_the_stage_that_was_named(train_from: str, first: str | None) -> None:
    backbone = _backbone(("stage3", "stage4", "stage5"))

    set_trained_layers(backbone, train_from)

    learning = [layer.name for layer in backbone.model.layers if layer.trainable and layer.weights]
    assert (learning[0].startswith(first) if first else learning == []) is True
    assert not [name for name in learning if name.endswith("_bn")], "batch normalisation keeps its statistics"


@pytest.mark.parametrize("train_from", ["stage3", "stage9", ""])
def test_a_stage_with_nothing_before_it_is_refused(train_from: str) -> None:
    with pytest.raises(WrongSetting, match="choose one of all, none, stage4"):
        check_stage(_backbone(), train_from)


def test_a_killed_run_that_resumes_ends_where_an_uninterrupted_one_ends(
    index: PatchIndex, whole_run: tuple[Fitted, Path], tmp_path: Path
) -> None:
    """Killed in the middle of epoch 2: epoch 1 is not trained again, and the optimiser's moments are kept."""
    with pytest.raises(_Killed):
        _run(tmp_path, index, kill_at=6)

    resumed, steps = _run(tmp_path, index)

    assert steps == list(range(5, 13))
    for found, expected in zip(resumed.epochs, whole_run[0].epochs, strict=True):
        assert found.loss == pytest.approx(expected.loss, abs=1e-4)
        assert found.learning_rate == pytest.approx(expected.learning_rate)
    pairs = zip(resumed.backbone.model.get_weights(), whole_run[0].backbone.model.get_weights(), strict=True)
    for new, old in pairs:
        np.testing.assert_allclose(new, old, atol=1e-4)


def test_a_finished_run_trains_nothing_again(index: PatchIndex, whole_run: tuple[Fitted, Path]) -> None:
    again, steps = _run(whole_run[1], index)

    assert steps == []
    assert again.epochs == whole_run[0].epochs
    for name in ("idc_weight", "quality_bias"):
        np.testing.assert_array_equal(getattr(again.heads, name), getattr(whole_run[0].heads, name))


def test_the_log_holds_the_losses(whole_run: tuple[Fitted, Path]) -> None:
    log = EventAccumulator(str(next(whole_run[1].rglob("tensorboard/train"))), size_guidance={"tensors": 0})
    log.Reload()

    assert {"epoch_loss", "epoch_idc_loss", "epoch_quality_loss"} <= set(log.Tags()["tensors"])
    assert [event.step for event in log.Tensors("epoch_loss")] == [0, 1, 2]


def _model(recipe: Recipe = RECIPE) -> keras.Model:
    backbone = _backbone()
    set_trained_layers(backbone, recipe.train_from)
    return build_trainable(backbone, recipe.schedule, 0)


def test_with_mixed_precision_the_optimiser_resumes_too(tmp_path: Path) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model, again = _model(), _model()
        for number, variable in enumerate(model.optimizer.variables):
            variable.assign(np.full(variable.shape, number))
        Checkpoint(tmp_path).save(model, (), Epoch(1, 1.0, 0.5, 0.5, 1e-3))
        Checkpoint(tmp_path).restore(again)
    finally:
        keras.config.set_dtype_policy(before)

    assert len(again.optimizer.variables) == len(model.optimizer.variables)
    for new, old in zip(again.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(new), np.asarray(old))


@pytest.fixture
def kept_run(whole_run: tuple[Fitted, Path], tmp_path: Path) -> Path:
    shutil.copytree(whole_run[1], tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize("content", ["", "[", '[{"number": 1}]', '{"a": 1}', "[1]", "\x00\xff"])
def test_a_damaged_history_names_what_to_delete(index: PatchIndex, kept_run: Path, content: str) -> None:
    (kept_run / "network-1" / "history.json").write_text(content)

    with pytest.raises(CacheDamaged, match=r"delete .*network-1 to train from the start"):
        _run(kept_run, index)


@pytest.mark.parametrize(
    "damaged",
    [lambda whole: whole[:5000], lambda whole: whole.replace(b"HEAP", b"HEAX"), lambda _: b"x" * 100, lambda _: None],
    ids=["cut off", "no tree", "no HDF5", "absent"],
)
def test_a_damaged_checkpoint_names_what_to_delete(
    index: PatchIndex, kept_run: Path, damaged: Callable[[bytes], bytes | None]
) -> None:
    path = kept_run / "network-1" / "epoch-3" / "model.weights.h5"
    content = damaged(path.read_bytes())
    path.unlink()
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(CacheDamaged, match=r"delete .*network-1 to train from the start") as refused:
        _run(kept_run, index)
    assert "\n" not in str(refused.value)


def test_a_checkpoint_of_another_network_is_rejected(kept_run: Path) -> None:
    other = build_trainable(_backbone(("stage3",)), SCHEDULE, 0)

    with pytest.raises(CacheDamaged):
        Checkpoint(kept_run / "network-1").restore(other)


def test_weights_of_an_epoch_that_is_not_listed_are_ignored(kept_run: Path) -> None:
    """Killed between the weights and the list of epochs."""
    folder = kept_run / "network-1"
    (folder / "history.json").unlink()
    (folder / "history.json.new").write_text("[half")
    model = _model()

    assert Checkpoint(folder).restore(model) == ()
    assert len(Checkpoint(folder).save(model, (), Epoch(1, 1.0, 0.5, 0.5, 1e-3))) == 1


def test_a_checkpoint_that_cannot_be_written_is_an_error_of_the_output(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(OutputUnwritable, match="name a writable folder"):
        Checkpoint(tmp_path / "file" / "run").save(_model(), (), Epoch(1, 1.0, 0.5, 0.5, 1e-3))


def test_only_the_last_epoch_stays_on_disk(whole_run: tuple[Fitted, Path]) -> None:
    kept = {path.name for path in (whole_run[1] / "network-1").iterdir()}

    assert kept == {"epoch-3", "history.json", "tensorboard"}


def test_batches_repeat_with_seed_network_and_step_and_else_differ(index: PatchIndex) -> None:
    first, again = (PatchBatches(index, RECIPE, 0).make(3).inputs for _ in range(2))
    others = [
        PatchBatches(index, RECIPE, 0).make(4),
        PatchBatches(index, RECIPE, 1).make(3),
        PatchBatches(index, replace(RECIPE, seed=1), 0).make(3),
    ]

    np.testing.assert_array_equal(first, again)
    assert all(not np.array_equal(first, other.inputs) for other in others)


def test_a_batch_has_as_many_of_each_class_and_artefacts_without_a_label(index: PatchIndex) -> None:
    batch = PatchBatches(index, RECIPE, 0).make(0)

    patches = batch.are_patches == 1
    assert batch.inputs.shape == (16, *PATCH_SHAPE)
    assert patches.sum() == 16 - RECIPE.schedule.artefacts
    assert abs(batch.labels[patches].sum() - patches.sum() / 2) < 1
    assert (batch.qualities[patches] == Quality.PATCH).all()
    assert (batch.qualities[~patches] != Quality.PATCH).all()


def test_the_pipeline_gives_the_batches_of_its_steps_in_order(index: PatchIndex) -> None:
    make = PatchBatches(index, RECIPE, 0).make

    found = list(as_dataset(make, range(2, 5), PATCH_SHAPE, np.uint8))

    for step, (inputs, targets, weights) in zip(range(2, 5), found, strict=True):
        batch = make(step)
        np.testing.assert_array_equal(np.asarray(inputs), batch.inputs)
        np.testing.assert_array_equal(np.asarray(targets["quality"]), batch.qualities)
        np.testing.assert_array_equal(np.asarray(weights["idc"]), batch.are_patches)


def test_the_heads_of_a_model_compute_its_logits() -> None:
    backbone = _backbone()
    model, patches = build_trainable(backbone, SCHEDULE, 0), np.full((2, 50, 50, 3), 128, np.uint8)

    heads = read_heads(model)

    features = np.asarray(build_feature_model(backbone)(patches, training=False)["features"])
    np.testing.assert_allclose(
        heads.logits(features), np.asarray(model(patches, training=False)["idc"])[:, 0], atol=1e-4
    )


@pytest.mark.parametrize(
    "settings", [{"networks": 3, "folds": 2}, {"networks": 0}, {"schedule": Schedule(batch=2)}], ids=str
)
def test_a_recipe_that_makes_no_sense_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(WrongSetting):
        Recipe(**settings)  # type: ignore[arg-type]
