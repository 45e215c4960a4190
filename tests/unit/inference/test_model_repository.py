"""Which versions are served, as the folder changes."""

import logging
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from idc_contracts.bundle import Precision
from idc_inference.app import open_repository
from idc_inference.errors import ModelUnavailable, UnknownModel
from idc_inference.metrics import Metrics
from idc_inference.models.repository import ModelRepository
from idc_inference.models.served_model import OpenEngine, load_model
from idc_inference.settings import InferenceSettings
from idc_modelio.outputs import Outputs
from idc_modelio.serving import candidates, withdrawal_path
from support.inference_fakes import RednessEngine, serve_fake
from support.tiny_bundle import add_int8_graph, write_tiny_bundle


class Bench:
    """A repository over a folder, with the engines that it opened."""

    def __init__(self, models: Path, precision: Precision = Precision.FP16, **options: int) -> None:
        self.engines: list[RednessEngine] = []
        self.graphs: list[Path] = []
        self.metrics = Metrics()
        load = partial(load_model, open_engine=self._open, metrics=self.metrics, precision=precision)
        self.repository = ModelRepository(models, "idc", load, self.metrics, **options)
        self.repository.refresh()

    def _open(self, path: Path, sha256: str) -> object:
        self.engines.append(RednessEngine())
        self.graphs.append(path)
        return serve_fake(self.engines[-1])(path, sha256)

    def look_until_settled(self) -> None:
        self.repository.refresh()
        self.repository.refresh()

    def changes(self, outcome: str) -> float:
        """How many versions were loaded, refused or unloaded, as the metrics count them."""
        name = "idc_inference_model_changes_total"
        return self.metrics.registry.get_sample_value(name, {"outcome": outcome}) or 0

    @property
    def newest(self) -> str:
        return self.repository.newest().ref.version

    def served(self) -> list[int]:
        return sorted(self.repository.versions.served)


def damage(bundle: Path) -> None:
    (bundle / "model.bin").write_bytes(b"damaged")


def test_newest_version_is_served(tmp_path: Path) -> None:
    for version in ("2", "10", "9"):
        write_tiny_bundle(tmp_path, version=version)

    assert Bench(tmp_path).served() == [10]


def test_int8_graph_is_served_where_it_is_asked_for_and_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = write_tiny_bundle(tmp_path)
    with caplog.at_level(logging.WARNING):
        without = Bench(tmp_path, Precision.INT8)
    add_int8_graph(folder)

    served = [Bench(tmp_path, precision) for precision in Precision]

    assert without.repository.newest().precision is Precision.FP16
    assert "no INT8 graph" in caplog.text
    assert [bench.repository.newest().precision for bench in served] == [Precision.FP16, Precision.INT8]
    assert [bench.graphs for bench in served] == [[folder / "model.xml"], [folder / "int8" / "model.xml"]]


def test_int8_graph_that_fails_its_own_self_test_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path)
    add_int8_graph(folder, probability=0.5)

    assert Bench(tmp_path).newest == "1"
    assert "fails its self-test" in Bench(tmp_path, Precision.INT8).repository.versions.refused[1]


def test_damaged_newest_version_is_logged_counted_shown_and_the_older_one_served(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_tiny_bundle(tmp_path, version="1")
    damage(write_tiny_bundle(tmp_path, version="2"))

    with caplog.at_level(logging.ERROR):
        bench = Bench(tmp_path)

    assert bench.newest == "1"
    assert bench.changes("refused") == 1
    assert "model.bin" in bench.repository.versions.refused[2]
    assert "version 2 of idc is not served" in caplog.text


def test_new_version_takes_over_and_the_old_one_is_closed(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path, version="1")
    bench = Bench(tmp_path)

    write_tiny_bundle(tmp_path, version="2")
    bench.look_until_settled()

    assert bench.served() == [2]
    assert bench.changes("loaded") == 2
    assert bench.changes("unloaded") == 1


def test_version_that_is_still_copied_is_left_alone_until_it_rests(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path, version="1")
    bench = Bench(tmp_path)
    whole = write_tiny_bundle(tmp_path / "elsewhere", version="2")
    place = tmp_path / "idc" / "2"

    place.mkdir()
    for file in sorted(whole.iterdir()):
        bench.repository.refresh()
        shutil.copy(file, place / file.name)
    bench.look_until_settled()

    assert bench.served() == [2]
    assert bench.changes("refused") == 0


def test_damaged_new_version_leaves_the_old_one_and_is_tried_once(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path, version="1")
    bench = Bench(tmp_path)

    damage(write_tiny_bundle(tmp_path, version="2"))
    for _ in range(3):
        bench.look_until_settled()

    assert bench.newest == "1"
    assert bench.changes("refused") == 1


def test_repaired_version_is_served_and_forgiven(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path, version="1")
    damage(write_tiny_bundle(tmp_path, version="2"))
    bench = Bench(tmp_path)

    shutil.rmtree(tmp_path / "idc" / "2")
    write_tiny_bundle(tmp_path, version="2")
    bench.look_until_settled()

    assert bench.newest == "2"
    assert bench.repository.versions.refused == {}


def test_removing_the_newest_version_rolls_back(tmp_path: Path) -> None:
    for version in ("1", "2"):
        write_tiny_bundle(tmp_path, version=version)
    bench = Bench(tmp_path)

    shutil.rmtree(tmp_path / "idc" / "2")
    bench.look_until_settled()

    assert bench.served() == [1]


def test_version_that_was_rolled_back_can_come_back(tmp_path: Path) -> None:
    for version in ("1", "2"):
        write_tiny_bundle(tmp_path, version=version)
    bench = Bench(tmp_path)

    (tmp_path / "idc" / "2").rename(tmp_path / "aside")
    bench.look_until_settled()
    (tmp_path / "aside").rename(tmp_path / "idc" / "2")
    bench.look_until_settled()

    assert bench.served() == [2]
    assert bench.changes("loaded") == 3


def test_last_version_stays_when_its_folder_goes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_tiny_bundle(tmp_path)
    bench = Bench(tmp_path)

    shutil.rmtree(tmp_path / "idc")
    for _ in range(3):
        bench.repository.refresh()

    assert bench.newest == "1"
    assert caplog.text.count("still serving the last one") == 1


def test_served_version_that_is_damaged_in_place_is_shown_and_goes_on_as_it_was(tmp_path: Path) -> None:
    bundle = write_tiny_bundle(tmp_path)
    bench = Bench(tmp_path)

    damage(bundle)
    bench.look_until_settled()

    assert bench.newest == "1"
    assert not bench.engines[0].is_closed
    assert 1 in bench.repository.versions.refused


def test_pinned_version_is_served_whatever_comes(tmp_path: Path) -> None:
    for version in ("1", "2"):
        write_tiny_bundle(tmp_path, version=version)
    bench = Bench(tmp_path, pinned=1)

    write_tiny_bundle(tmp_path, version="3")
    bench.look_until_settled()

    assert bench.served() == [1]


def test_several_versions_answer_by_their_numbers(tmp_path: Path) -> None:
    for version in ("1", "2", "3"):
        write_tiny_bundle(tmp_path, version=version)

    repository = Bench(tmp_path, max_served=2).repository

    assert repository.find("2").ref.version == "2"
    assert repository.find(None).ref.version == "3"
    for missing in ("1", "x", "", "-3", "9" * 30):
        with pytest.raises(UnknownModel, match="versions served: 2, 3"):
            repository.find(missing)


def test_model_in_use_is_closed_only_after_its_last_request(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path, version="1")
    bench = Bench(tmp_path)
    model = bench.repository.acquire(None)

    with model.in_use():
        write_tiny_bundle(tmp_path, version="2")
        bench.look_until_settled()
        scored = model.scheduler.submit(np.zeros((1, 50, 50, 3), np.uint8)).result(60)
        was_closed = bench.engines[0].is_closed
    model.scheduler.close()

    assert scored.probability == [0]
    assert not was_closed
    assert bench.engines[0].is_closed
    assert not model.acquire()


def test_empty_folder_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path)
    bench = Bench(tmp_path)

    (tmp_path / "idc" / "2").mkdir()
    bench.look_until_settled()

    assert bench.newest == "1"
    assert "no manifest.json" in bench.repository.versions.refused[2]


class Wrong(RednessEngine):
    """Computes something else."""

    def score(self, patches: NDArray[np.uint8]) -> Outputs:
        return {name: 1 - values for name, values in super().score(patches).items()}


class Silent(RednessEngine):
    """Computes no number."""

    def score(self, patches: NDArray[np.uint8]) -> Outputs:
        return {"probability": np.full(len(patches), np.nan, np.float32)}


class Failing(RednessEngine):
    """Its device is gone."""

    def __init__(self) -> None:
        super().__init__()
        self.failure = "the stick was pulled out"


@pytest.mark.parametrize(
    ("make", "reason"),
    [(Wrong, "fails its self-test"), (Silent, "fails its self-test"), (Failing, "stick was pulled out")],
)
def test_device_that_does_not_compute_what_was_measured_is_refused_and_closed(
    tmp_path: Path, make: Callable[[], RednessEngine], reason: str
) -> None:
    write_tiny_bundle(tmp_path)
    engine = make()

    with pytest.raises(ModelUnavailable, match=reason):
        open_from(tmp_path, serve_fake(engine))
    assert engine.is_closed


def open_from(models: Path, open_engine: OpenEngine) -> ModelRepository:
    return open_repository(InferenceSettings(models_dir=models), Metrics(), open_engine)


def test_missing_model_is_reported_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"there is no version; put a bundle into"):
        open_from(tmp_path, serve_fake(RednessEngine()))


def test_model_is_warm_before_it_is_served(tmp_path: Path) -> None:
    engine = RednessEngine()
    write_tiny_bundle(tmp_path)

    open_from(tmp_path, serve_fake(engine))

    assert {4, 1} <= set(engine.batch_sizes)


def test_a_candidate_is_never_loaded_whatever_its_number(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path, version="2")
    write_tiny_bundle(candidates(tmp_path), version="1000")

    bench = Bench(tmp_path, max_served=8)
    bench.look_until_settled()

    assert bench.served() == [2]
    assert len(bench.engines) == 1


def _withdraw(models: Path, version: str) -> Path:
    record = withdrawal_path(models, "idc", version)
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text("{}")
    return record


def test_a_withdrawn_version_makes_room_for_the_one_before_and_comes_back_with_its_record_gone(tmp_path: Path) -> None:
    for version in ("2", "1000"):
        write_tiny_bundle(tmp_path, version=version)
    bench = Bench(tmp_path)
    assert bench.served() == [1000]

    record = _withdraw(tmp_path, "1000")
    bench.repository.refresh()
    assert bench.served() == [2]

    record.unlink()
    bench.look_until_settled()
    assert bench.served() == [1000]


def test_a_withdrawn_version_stays_withdrawn_after_a_restart(tmp_path: Path) -> None:
    for version in ("2", "1000"):
        write_tiny_bundle(tmp_path, version=version)
    _withdraw(tmp_path, "1000")

    assert Bench(tmp_path, max_served=8).served() == [2]


def test_a_pinned_version_is_served_even_if_it_was_withdrawn(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path, version="2")
    _withdraw(tmp_path, "2")

    assert Bench(tmp_path, pinned=2).served() == [2]


def test_where_every_version_was_withdrawn_the_reason_says_so(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path, version="2")
    _withdraw(tmp_path, "2")

    assert "every version was rolled back" in Bench(tmp_path).repository.why_none()
