"""The second phase on a short backbone at 32 px: what learns, when it stops, and how a killed run goes on."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

from idc_trainer.backbones.base import BuiltBackbone
from idc_trainer.backbones.registry import build_backbone
from idc_trainer.data.index import PatchIndex
from idc_trainer.errors import CacheDamaged, OutputUnwritable, WrongSetting
from idc_trainer.learning import fine_tuning
from idc_trainer.learning.checkpoint import Checkpoint, Epoch
from idc_trainer.learning.fine_tuning import check_stage, fine_tune
from idc_trainer.learning.head import HeadSettings, LinearHead
from idc_trainer.learning.learner import ValidationScores
from idc_trainer.learning.recipe import FineTuning, Recipe
from idc_trainer.learning.tensorboard_log import TensorBoardLog
from idc_trainer.progress import Progress
from idc_trainer.splits.divided import DividedPatches
from idc_trainer.splits.split import PatientSplit
from support.memory_patches import made_index

SETTINGS = FineTuning(epochs=3, batch=8, steps_per_epoch=4, learning_rate=3e-3, patience=9)
RECIPE = Recipe(input_px=32, stages=("stage3", "stage4"), head=HeadSettings(0.3, 0.1), fine_tuning=SETTINGS)


@pytest.fixture(scope="module")
def data() -> DividedPatches:
    index = made_index({"a": (8, 8), "b": (8, 8), "c": (6, 6)})
    return DividedPatches(index, PatientSplit(("a", "b"), ("c",), ()))


def _backbone() -> BuiltBackbone:
    return build_backbone("efficientnet_lite0", 32, ("stage3", "stage4"), None)


def _head() -> LinearHead:
    return LinearHead(np.zeros(64, np.float32), 0.0)


class _Killed(BaseException):
    """Stands for SIGKILL."""


def _run(
    folder: Path,
    data: DividedPatches,
    recipe: Recipe = RECIPE,
    *,
    kill_at: tuple[str, int] | None = None,
    backbone: BuiltBackbone | None = None,
) -> tuple[BuiltBackbone, tuple[Epoch, ...], list[int]]:
    """Fine-tune; returns the network, all epochs, and the numbers of the epochs that were trained now."""
    trained: list[int] = []
    network = backbone or _backbone()

    def progress(step: str, done: int, _total: int) -> None:
        if kill_at and kill_at[0] in step and done == kill_at[1]:
            raise _Killed

    epochs = fine_tune(
        network, _head(), data, recipe, Checkpoint(folder), progress, lambda epoch, *_: trained.append(epoch.number)
    )
    return network, epochs, trained


@pytest.fixture(scope="module")
def whole_run(
    data: DividedPatches, tmp_path_factory: pytest.TempPathFactory
) -> tuple[BuiltBackbone, tuple[Epoch, ...], Path]:
    folder = tmp_path_factory.mktemp("whole")
    network, epochs, _ = _run(folder, data)
    return network, epochs, folder


Whole = tuple[BuiltBackbone, tuple[Epoch, ...], Path]


def test_the_loss_falls_and_the_classes_are_distinguished(whole_run: Whole) -> None:
    _, epochs, _ = whole_run

    assert [epoch.number for epoch in epochs] == [1, 2, 3]
    assert epochs[-1].loss < epochs[0].loss < 0.8
    assert epochs[-1].validation_auc > 0.8
    assert 0.4 < epochs[0].accuracy <= 1


def test_the_learning_rate_falls_along_half_a_cosine_to_zero(whole_run: Whole) -> None:
    rates = [epoch.learning_rate for epoch in whole_run[1]]

    np.testing.assert_allclose(rates, [3e-3 * (1 + np.cos(np.pi * n / 3)) / 2 for n in (1, 2, 3)], atol=1e-8)


def test_the_last_stage_learns_and_what_lies_before_stays_frozen(whole_run: Whole) -> None:
    before, after = _backbone().model, whole_run[0].model
    changed = {
        layer.name
        for layer in before.layers
        for old, new in zip(layer.get_weights(), after.get_layer(layer.name).get_weights(), strict=True)
        if not np.array_equal(old, new)
    }

    frozen = [layer.name for layer in before.layers if layer.get_weights()]
    assert changed
    assert all(name.startswith(("blocks_3", "blocks_4")) for name in changed)
    assert {name for name in frozen if name.startswith(("blocks_3", "blocks_4"))} == changed


@pytest.mark.parametrize(("from_stage", "first"), [(None, "blocks_5"), ("stage4", "blocks_3"), ("stage5", "blocks_5")])
def test_learning_begins_with_the_stage_that_was_named(from_stage: str | None, first: str) -> None:
    backbone = build_backbone("efficientnet_lite0", 32, ("stage3", "stage4", "stage5"), None)

    fine_tuning._unfreeze(backbone, from_stage)

    learning = [layer.name for layer in backbone.model.layers if layer.trainable and layer.get_weights()]
    assert learning[0].startswith(first)
    assert learning[-1] == "blocks_7__project_conv"


def test_batch_normalisation_keeps_its_statistics() -> None:
    pixels = keras.Input((8, 8, 3))
    early = keras.layers.BatchNormalization(name="early")(keras.layers.Conv2D(2, 3, name="c1")(pixels))
    late = keras.layers.BatchNormalization(name="late")(keras.layers.Conv2D(2, 3, name="c2")(early))
    backbone = BuiltBackbone("two", ("first", "second"), 8, keras.Model(pixels, [early, late]), "none", "0" * 64)

    fine_tuning._unfreeze(backbone, None)

    assert [layer.name for layer in backbone.model.layers if layer.trainable and layer.weights] == ["c2"]


def test_a_backbone_read_at_one_stage_learns_as_a_whole() -> None:
    backbone = build_backbone("efficientnet_lite0", 32, ("stage3",), None)

    fine_tuning._unfreeze(backbone, None)

    assert all(layer.trainable for layer in backbone.model.layers if layer.get_weights())


@pytest.mark.parametrize(
    ("stages", "text"), [(("stage3", "stage4"), "choose one of stage4"), (("stage3",), "also use earlier --stages")]
)
def test_a_stage_with_nothing_before_it_is_refused(stages: tuple[str, ...], text: str) -> None:
    with pytest.raises(WrongSetting, match=text):
        check_stage(build_backbone("efficientnet_lite0", 32, stages, None), "stage3")


def _model() -> keras.Model:
    backbone = _backbone()
    fine_tuning._unfreeze(backbone, None)
    return fine_tuning._build(backbone, _head(), RECIPE, SETTINGS)


def _moments_of(folder: Path) -> list[np.ndarray]:
    """Adam's moments as a checkpoint gives them to a new model; they come behind its steps and its rate."""
    model = _model()
    Checkpoint(folder).restore(model)
    assert int(model.optimizer.iterations) == SETTINGS.steps_per_epoch
    return [np.asarray(variable) for variable in model.optimizer.variables if variable.shape]


def test_a_killed_run_that_goes_on_ends_where_an_uninterrupted_one_ends(
    data: DividedPatches, whole_run: Whole, tmp_path: Path
) -> None:
    """Killed in the middle of epoch 2: epoch 1 is not trained again, and Adam's moments go on, too."""
    with pytest.raises(_Killed):
        _run(tmp_path, data, kill_at=("epoch 2", 2))

    moments = _moments_of(tmp_path)
    assert len(moments) > 2
    assert min(np.abs(moment).sum() for moment in moments) > 0

    network, epochs, trained = _run(tmp_path, data)

    assert trained == [2, 3]
    for found, expected in zip(epochs, whole_run[1], strict=True):
        assert found.loss == pytest.approx(expected.loss, abs=1e-5)
        assert found.validation_auc == expected.validation_auc
        assert found.learning_rate == pytest.approx(expected.learning_rate)
    for new, old in zip(network.model.get_weights(), whole_run[0].model.get_weights(), strict=True):
        np.testing.assert_allclose(new, old, atol=1e-5)


def test_with_mixed_precision_the_optimiser_goes_on_too(tmp_path: Path) -> None:
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


def test_a_finished_run_trains_nothing_again(data: DividedPatches, whole_run: Whole) -> None:
    network, epochs, trained = _run(whole_run[2], data)

    assert trained == []
    assert epochs == whole_run[1]
    for new, old in zip(network.model.get_weights(), whole_run[0].model.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)


def _scripted(monkeypatch: pytest.MonkeyPatch, values: list[float]) -> None:
    """Let the epochs reach these AUCs on the validation patients."""
    script = iter(values)
    monkeypatch.setattr(fine_tuning, "mean_patient_auc", lambda *_: next(script))


def test_training_stops_when_patience_is_over_and_the_best_epoch_is_used(
    data: DividedPatches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _scripted(monkeypatch, [0.6, 0.8, 0.7, 0.8, 0.9])
    settings = replace(SETTINGS, epochs=5, steps_per_epoch=1, patience=2)
    kept: dict[int, list[Any]] = {}
    network = _backbone()

    epochs = fine_tune(
        network,
        _head(),
        data,
        replace(RECIPE, fine_tuning=settings),
        Checkpoint(tmp_path),
        lambda *_: None,
        lambda epoch, *_: kept.update({epoch.number: network.model.get_weights()}),
    )

    assert [epoch.number for epoch in epochs] == [1, 2, 3, 4]
    for found, best, last in zip(network.model.get_weights(), kept[2], kept[4], strict=True):
        np.testing.assert_array_equal(found, best)
        del last
    assert any(not np.array_equal(best, last) for best, last in zip(kept[2], kept[4], strict=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch-2", "epoch-4", "history.json"]
    _, again, trained = _run(tmp_path, data, replace(RECIPE, fine_tuning=settings))
    assert (again, trained) == (epochs, [])


@pytest.fixture
def kept_run(data: DividedPatches, whole_run: Whole, tmp_path: Path) -> Path:
    shutil.copytree(whole_run[2], tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize("content", ["", "[", '[{"number": 1}]', '{"a": 1}', "[1]", "\x00\xff"])
def test_a_damaged_history_is_reported_with_what_to_delete(data: DividedPatches, kept_run: Path, content: str) -> None:
    (kept_run / "history.json").write_text(content)

    with pytest.raises(CacheDamaged, match=r"delete .*run to train from the start"):
        _run(kept_run, data)


@pytest.mark.parametrize(
    "damaged",
    [lambda whole: whole[:5000], lambda whole: whole.replace(b"HEAP", b"HEAX"), lambda _: b"x" * 100, lambda _: None],
    ids=["cut off", "no tree", "no HDF5", "absent"],
)
def test_a_damaged_checkpoint_is_reported_with_what_to_delete(
    data: DividedPatches, kept_run: Path, damaged: Callable[[bytes], bytes | None]
) -> None:
    path = kept_run / "epoch-3" / "model.weights.h5"
    content = damaged(path.read_bytes())
    path.unlink()
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(CacheDamaged, match=r"delete .*run to train from the start") as refused:
        _run(kept_run, data)
    assert "\n" not in str(refused.value)


def test_a_checkpoint_of_another_network_is_an_error(data: DividedPatches, kept_run: Path) -> None:
    other = build_backbone("efficientnet_lite0", 32, ("stage3",), None)
    model = fine_tuning._build(other, LinearHead(np.zeros(24, np.float32), 0.0), RECIPE, SETTINGS)

    with pytest.raises(CacheDamaged):
        Checkpoint(kept_run).restore(model)


def test_weights_of_an_epoch_that_is_not_listed_are_passed_over(kept_run: Path) -> None:
    """Killed between the weights and the list of epochs."""
    (kept_run / "history.json").unlink()
    (kept_run / "history.json.new").write_text("[half")
    model, untouched = _model(), _model()

    assert Checkpoint(kept_run).restore(model) == ()
    for found, expected in zip(model.get_weights(), untouched.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert len(Checkpoint(kept_run).save(model, (), Epoch(1, 1.0, 0.5, 0.5, 1e-3))) == 1


def test_a_checkpoint_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(OutputUnwritable, match="name a writable folder"):
        Checkpoint(tmp_path / "file" / "run").save(_model(), (), Epoch(1, 1.0, 0.5, 0.5, 1e-3))


def test_batches_are_the_same_for_the_same_seed_and_differ_between_epochs(data: DividedPatches) -> None:
    first, again, other = (
        [patches for patches, _ in fine_tuning._batches(data.train, RECIPE, SETTINGS, number)] for number in (1, 1, 2)
    )

    assert [batch.shape for batch in first] == [(8, 50, 50, 3)] * 4
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert any(not np.array_equal(one, two) for one, two in zip(first, other, strict=True))


def _log(folder: Path) -> EventAccumulator:
    log = EventAccumulator(str(folder), size_guidance={"tensors": 0, "images": 0})
    log.Reload()
    return log


def _scalars(log: EventAccumulator, tag: str) -> list[tuple[int, float]]:
    return [(event.step, float(tensor_util.make_ndarray(event.tensor_proto))) for event in log.Tensors(tag)]


def test_the_log_holds_curves_sample_patches_and_their_predictions(data: DividedPatches, tmp_path: Path) -> None:
    log = TensorBoardLog(tmp_path)
    patches = np.stack([data.validation.decode(row) for row in range(3)])
    labels = np.array([True, False, True])
    for number in (1, 2):
        log.head_step(number, 0.7 / number)
        epoch = Epoch(number, 0.5 / number, 0.75, 0.9, 1e-4)
        log.epoch(epoch, patches, np.array([0.9, 0.2, 0.625], np.float32), labels)
    log.validation(ValidationScores(np.array([0.9, 0.2, 0.4]), labels, np.full(3, "a")), 0.5)

    found = _log(tmp_path)

    assert _scalars(found, "head/loss") == [(1, pytest.approx(0.7)), (2, pytest.approx(0.35))]
    assert _scalars(found, "fine-tuning/loss") == [(1, 0.5), (2, 0.25)]
    assert _scalars(found, "fine-tuning/accuracy") == [(1, 0.75), (2, 0.75)]
    assert _scalars(found, "fine-tuning/learning rate") == [(1, pytest.approx(1e-4)), (2, pytest.approx(1e-4))]
    assert _scalars(found, "validation/AUC within patients")[0] == (1, pytest.approx(0.9))
    assert _scalars(found, "head/AUC within patients") == [(0, 0.5)]
    assert _scalars(found, "head/accuracy") == [(0, pytest.approx(2 / 3))]
    image = tensor_util.make_ndarray(found.Tensors("validation/patches")[0].tensor_proto)
    assert image[:2].tolist() == [b"50", b"50"]
    assert len(image) == 2 + 3
    text = tensor_util.make_ndarray(found.Tensors("validation/predictions")[0].tensor_proto).item().decode()
    assert "| 1 | IDC | 0.900 |" in text
    assert "| 2 | no IDC | 0.200 |" in text


def test_a_log_that_cannot_be_written_is_reported_in_one_line(tmp_path: Path, silent: Progress) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(OutputUnwritable, match="name a writable folder") as refused:
        TensorBoardLog(tmp_path / "file" / "log")
    assert "\n" not in str(refused.value)


def test_validation_patches_are_scored_in_their_order(data: DividedPatches, monkeypatch: pytest.MonkeyPatch) -> None:
    def brightness(patches: np.ndarray, training: bool) -> np.ndarray:
        assert not training
        return patches.mean((1, 2, 3))[:, None]

    index: PatchIndex = data.validation
    monkeypatch.setattr(fine_tuning, "_VALIDATION_BATCH", 5)

    found = fine_tuning._validate(brightness, index)

    np.testing.assert_allclose(found, [index.decode(row).mean() for row in range(len(index))], rtol=1e-5)
