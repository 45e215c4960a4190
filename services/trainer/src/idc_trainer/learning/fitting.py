"""The training loop; a killed run resumes after its last complete epoch."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import keras
import tensorflow as tf

from idc_trainer.errors import output_error
from idc_trainer.learning.checkpoint import Checkpoint, Epoch
from idc_trainer.progress import Progress

EPOCH_STEPS: Final = 100
"""After so many steps the state is saved."""


def fit(
    model: keras.Model,
    batches: Callable[[range], tf.data.Dataset],
    steps: int,
    checkpoint: Checkpoint,
    log: Path,
    progress: Progress,
) -> tuple[Epoch, ...]:
    """Train a compiled model for a number of steps.

    Args:
        model: Has the heads `idc` and `quality`; it ends with the weights of the last step.
        batches: The batches of some steps, see `batches.as_dataset`.
        steps: How many.
        checkpoint: Saves each epoch.
        log: The folder of TensorBoard's log.
        progress: Called after each step.

    Returns:
        All epochs, those of a killed run included.

    Raises:
        OutputUnwritable, OutputFull: An epoch or the log cannot be written.
        CacheDamaged: The checkpoint cannot be read.
    """
    epochs = checkpoint.restore(model)
    for start in range(len(epochs) * EPOCH_STEPS, steps, EPOCH_STEPS):
        numbers, number = range(start, min(start + EPOCH_STEPS, steps)), len(epochs) + 1
        _reseed_dropout(model, number)
        losses = _fit_epoch(model, batches(numbers), number, log, _StepProgress(progress, start, steps))
        epochs = checkpoint.save(model, epochs, _epoch(number, losses, model))
    return epochs


@contextmanager
def fitting_precision() -> Iterator[None]:
    """Mixed float16 precision, if TensorFlow finds a GPU, for the layers that are created in the block."""
    before = keras.config.dtype_policy()
    if tf.config.list_physical_devices("GPU"):
        keras.config.set_dtype_policy("mixed_float16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _reseed_dropout(model: keras.Model, number: int) -> None:
    """Let dropout depend on the epoch alone: weights files do not hold its state."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.seed_generator.state.assign([layer.seed, number])


class _StepProgress(keras.callbacks.Callback):  # type: ignore[misc]
    def __init__(self, progress: Progress, done: int, steps: int) -> None:
        super().__init__()
        self._progress, self._done, self._steps = progress, done, steps

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras passes them
        self._progress("training", self._done + batch + 1, self._steps)


def _fit_epoch(
    model: keras.Model, batches: tf.data.Dataset, number: int, log: Path, progress: _StepProgress
) -> dict[str, float]:
    try:
        board = keras.callbacks.TensorBoard(str(log), write_graph=False)
        history = model.fit(
            batches, epochs=number, initial_epoch=number - 1, shuffle=False, verbose=0, callbacks=[progress, board]
        )
    except tf.errors.OpError as exc:
        full = isinstance(exc, tf.errors.ResourceExhaustedError)
        raise output_error(log, OSError(errno.ENOSPC if full else errno.EIO, exc.message)) from exc
    except OSError as exc:
        raise output_error(log, exc) from exc
    return {name: float(values[-1]) for name, values in history.history.items()}


def _epoch(number: int, found: dict[str, float], model: keras.Model) -> Epoch:
    rate = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
    return Epoch(number, found["loss"], found["idc_loss"], found["quality_loss"], rate)
