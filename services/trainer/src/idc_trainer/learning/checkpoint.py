"""Checkpoints of a training, so that a killed run resumes after its last complete epoch."""

import json
import shutil
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import keras

from idc_modelio.durable import write_durably
from idc_trainer.errors import CacheDamaged, output_error


@dataclass(frozen=True)
class Epoch:
    """What is known after some steps; the losses are means over them."""

    number: int
    """From 1."""
    loss: float
    idc_loss: float
    """Cross-entropy of P(IDC), patches only."""
    quality_loss: float
    """Cross-entropy of the second output."""
    learning_rate: float
    """After the epoch."""


class Checkpoint:
    """A folder with weights, optimiser and history of the last complete epoch.

    A new epoch is written to another name and replaces the old one by a rename, so that one of them is always complete.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def restore(self, model: keras.Model) -> tuple[Epoch, ...]:
        """Load weights and optimiser of the last complete epoch into a model; returns all epochs so far.

        Raises:
            CacheDamaged: The checkpoint cannot be read or is not of this model.
        """
        epochs = self._history()
        if epochs:
            self._load(model, self._place(epochs[-1]))
        return epochs

    def save(self, model: keras.Model, before: tuple[Epoch, ...], epoch: Epoch) -> tuple[Epoch, ...]:
        """Save an epoch; returns all epochs so far.

        Raises:
            OutputUnwritable, OutputFull: It cannot be written; earlier epochs stay intact.
        """
        epochs, place = (*before, epoch), self._place(epoch)
        try:
            place.mkdir(parents=True, exist_ok=True)
            model.save_weights(place / "model.weights.h5")
            history = json.dumps([asdict(epoch) for epoch in epochs])
            write_durably(self._folder / "history.json", history.encode())
        except OSError as exc:
            raise output_error(self._folder, exc) from exc
        for old in before:
            shutil.rmtree(self._place(old), ignore_errors=True)
        return epochs

    def _place(self, epoch: Epoch) -> Path:
        return self._folder / f"epoch-{epoch.number}"

    def _history(self) -> tuple[Epoch, ...]:
        path = self._folder / "history.json"
        try:
            return tuple(Epoch(**epoch) for epoch in json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, TypeError) as exc:
            raise CacheDamaged(f"cannot read {path} ({exc}): delete {self._folder} to train from the start") from exc

    def _load(self, model: keras.Model, place: Path) -> None:
        try:
            with warnings.catch_warnings():
                # Keras only warns of layers that the file lacks, and leaves them unchanged.
                warnings.simplefilter("error", UserWarning)
                model.load_weights(place / "model.weights.h5")
        except (
            OSError,
            ValueError,
            KeyError,
            RuntimeError,
            UserWarning,
        ) as exc:  # the first four for damage
            raise CacheDamaged(f"cannot resume from {place}: delete {self._folder} to train from the start") from exc
