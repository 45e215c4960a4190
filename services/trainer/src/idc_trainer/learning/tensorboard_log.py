"""TensorBoard logs of training: `tensorboard --logdir <folder>`."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from idc_trainer.errors import output_error
from idc_trainer.learning.checkpoint import Epoch
from idc_trainer.learning.learner import ValidationScores


class TensorBoardLog:
    """The log of one run in a folder; every method raises `OutputUnwritable` or `OutputFull` if it cannot write."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with self._translated_errors():
            self._writer = tf.summary.create_file_writer(str(folder))

    def head_step(self, step: int, loss: float) -> None:
        with self._translated_errors(), self._writer.as_default(step):
            tf.summary.scalar("head/loss", loss)

    def epoch(
        self, epoch: Epoch, patches: NDArray[np.uint8], probability: NDArray[np.float32], labels: NDArray[np.bool_]
    ) -> None:
        """Log an epoch of fine-tuning with some validation patches, uint8 [N, 50, 50, 3] RGB, and their P(IDC)."""
        rows = "\n".join(
            f"| {number} | {'IDC' if label else 'no IDC'} | {p:.3f} |"
            for number, (p, label) in enumerate(zip(probability, labels, strict=True), start=1)
        )
        with self._translated_errors(), self._writer.as_default(epoch.number):
            tf.summary.scalar("fine-tuning/loss", epoch.loss)
            tf.summary.scalar("fine-tuning/accuracy", epoch.accuracy)
            tf.summary.scalar("fine-tuning/learning rate", epoch.learning_rate)
            tf.summary.scalar("validation/AUC within patients", epoch.validation_auc)
            tf.summary.image("validation/patches", patches, max_outputs=len(patches))
            tf.summary.text("validation/predictions", f"| patch | truth | P(IDC) |\n|---|---|---|\n{rows}")
            self._writer.flush()

    def validation(self, scores: ValidationScores, auc: float) -> None:
        """Log the metrics of the finished head on the validation patches."""
        with self._translated_errors(), self._writer.as_default(0):
            tf.summary.scalar("head/AUC within patients", auc)
            tf.summary.scalar("head/accuracy", float(np.mean((scores.probability >= 0.5) == scores.labels)))
            tf.summary.histogram("validation/P(IDC) of IDC", scores.probability[scores.labels])
            tf.summary.histogram("validation/P(IDC) of no IDC", scores.probability[~scores.labels])
            self._writer.flush()

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Turn TensorFlow's errors into this package's."""
        try:
            yield
        except tf.errors.OpError as exc:
            full = isinstance(exc, tf.errors.ResourceExhaustedError)
            raise output_error(self._folder, OSError(errno.ENOSPC if full else errno.EIO, exc.message)) from exc
