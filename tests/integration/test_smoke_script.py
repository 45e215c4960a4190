"""k8s/smoke.sh against real services on this machine; a script plays `kubectl`."""

import base64
import gzip
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import tifffile

from support import calls
from support.alarm_process import AlarmProcess
from support.demo_patches import made_up_patches
from support.eventually import wait_until
from support.inference_process import inference_process
from support.kustomized import K8S, settings_of
from support.live_gateway import KEY, gateway_settings, live_gateway
from support.made_slide_files import write_made_slide
from support.mosquitto import MosquittoBroker
from support.slides_process import slides_process
from support.smoke_runs import FakeCluster
from support.tiny_bundle import write_tiny_bundle

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
AUTHORITY = {"Authorization": f"Bearer {KEY}"}


@dataclass
class Installation:
    """What the script sees of a cluster, and the alarm behind it."""

    cluster: FakeCluster
    alarm: AlarmProcess


@pytest.fixture
def slides_url(tmp_path: Path) -> Iterator[str]:
    """A running service of slides, with inference."""
    write_tiny_bundle(tmp_path / "models")
    (tmp_path / "folder").mkdir()
    with (
        inference_process(tmp_path / "models") as inference,
        slides_process(tmp_path / "slides", tmp_path / "folder", inference, SLIDES_SITE="site") as address,
    ):
        yield address


def installed(folder: Path, broker: MosquittoBroker, slides_url: str | None = None) -> Iterator[Installation]:
    (folder / "gateway").mkdir()
    cluster = FakeCluster(folder, ["broker-0", "gateway-0", "alarm-x1"])
    alarm = AlarmProcess(folder / "gateway", broker.settings("alarm"), site="site")
    settings = gateway_settings(folder / "gateway", broker.settings("gateway"), slides_url=slides_url)
    with live_gateway(settings) as address:
        cluster.open_gateway(address, KEY)
        alarm.start()
        yield Installation(cluster, alarm)
        alarm.stop()


@pytest.fixture
def installation(tmp_path: Path, broker: MosquittoBroker) -> Iterator[Installation]:
    yield from installed(tmp_path, broker)


@pytest.fixture
def installation_with_slides(tmp_path: Path, broker: MosquittoBroker, slides_url: str) -> Iterator[Installation]:
    for found in installed(tmp_path, broker, slides_url):
        found.cluster.add_pod("slides-0", "statefulset.apps/slides")
        yield found


def finding_of(address: str, folder: Path) -> Path:
    """Have a patch with a finding classified and latched by the alarm, and keep its file."""
    patch = folder / "finding.png"
    patch.write_bytes(made_up_patches().positive)
    headers = AUTHORITY | {"Content-Type": "image/png"}
    calls.post(f"{address}/api/v1/classifications", content=patch.read_bytes(), headers=headers).raise_for_status()

    def is_latched() -> bool:
        items = calls.get(f"{address}/api/v1/alarms", headers=AUTHORITY).json()["items"]
        return any(item["latched_by"] for item in items)

    wait_until(is_latched, "the finding is latched")
    return patch


def test_installation_that_keeps_everything_passes(installation: Installation) -> None:
    done = installation.cluster.smoke("--ring")

    assert done.returncode == 0, done.stdout + done.stderr
    assert installation.cluster.killed() == ["broker-0", "gateway-0", "alarm-x1"]
    assert "nothing was lost: 4 results" in done.stdout
    assert "not tried: a slide (the service of slides does not run)" in done.stdout


def test_made_slide_is_screened_where_none_is_given_and_removed_at_the_end(
    installation_with_slides: Installation,
) -> None:
    done = installation_with_slides.cluster.smoke("--keep-pods", timeout_s=240)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "one slide:" in done.stdout
    assert "not tried: lamps and buzzer (--ring), killing pods (--keep-pods)" in done.stdout
    address = installation_with_slides.cluster.address
    assert calls.get(f"{address}/api/v1/slides", headers=AUTHORITY).json()["items"] == []


def test_slide_is_uploaded_and_screened_and_outlives_each_pod(
    installation_with_slides: Installation, tmp_path: Path
) -> None:
    slide = write_made_slide(tmp_path / "smoke slide.tiff")

    done = installation_with_slides.cluster.smoke("--slide", str(slide), timeout_s=240)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "one slide:" in done.stdout
    assert installation_with_slides.cluster.killed()[-1] == "slides-0"
    address = installation_with_slides.cluster.address
    (kept,) = calls.get(f"{address}/api/v1/slides", headers=AUTHORITY).json()["items"]
    assert kept["name"] == slide.name


def test_slide_that_cannot_be_screened_is_found(installation_with_slides: Installation, tmp_path: Path) -> None:
    slide = write_made_slide(tmp_path / "cut.tiff")
    slide.write_bytes(slide.read_bytes()[:2000])

    done = installation_with_slides.cluster.smoke("--slide", str(slide), "--keep-pods", timeout_s=240)

    assert done.returncode == 1
    assert "slide" in done.stderr


def test_slide_without_the_service_of_slides_names_the_component(installation: Installation, tmp_path: Path) -> None:
    slide = write_made_slide(tmp_path / "slide.tiff")

    done = installation.cluster.smoke("--slide", str(slide), "--keep-pods")

    assert done.returncode == 1
    assert "components/slides" in done.stderr


def test_result_that_is_lost_with_a_pod_is_found(installation: Installation) -> None:
    address = installation.cluster.address
    authority = f"Authorization: Bearer {KEY}"
    results = f"curl -s -H '{authority}' '{address}/api/v1/classifications?limit=1' | jq -r '.items[0].id'"
    installation.cluster.on_delete(f"curl -sf -X DELETE -H '{authority}' {address}/api/v1/classifications/$({results})")

    done = installation.cluster.smoke()

    assert done.returncode == 1
    assert "is lost" in done.stderr


def test_finding_that_is_no_longer_latched_after_a_pod_is_found(installation: Installation, tmp_path: Path) -> None:
    address = installation.cluster.address
    patch = finding_of(address, tmp_path)
    installation.cluster.on_delete(
        f"curl -sf -X POST -H 'Authorization: Bearer {KEY}' -H 'Content-Type: application/json' -d '{{}}' "
        f"{address}/api/v1/alarms/alarm/acknowledgements; "
        f"until curl -s -H 'Authorization: Bearer {KEY}' {address}/api/v1/alarms | "
        "jq -e 'all(.items[]; .latched_by == null)'; do sleep 0.1; done"
    )

    done = installation.cluster.smoke("--patch", str(patch), timeout_s=15)

    assert done.returncode == 1
    assert "still is" in done.stderr


def test_alarm_that_does_not_come_back_is_found(installation: Installation) -> None:
    assert installation.alarm.process is not None
    installation.cluster.on_delete(f"kill {installation.alarm.process.pid} || true")

    done = installation.cluster.smoke(timeout_s=15)

    assert done.returncode == 1
    assert "1 alarms are online" in done.stderr


def test_nothing_is_killed_where_that_is_not_wanted(installation: Installation) -> None:
    done = installation.cluster.smoke("--keep-pods")

    assert done.returncode == 0, done.stdout + done.stderr
    assert installation.cluster.killed() == []


def test_credential_that_a_second_bootstrap_changes_is_found(installation: Installation) -> None:
    counter = installation.cluster.folder / "bootstraps"
    installation.cluster.on_job(f"echo again >>{counter}")
    (installation.cluster.folder / "secrets").write_text(
        f'printf \'{{"api-key": "%s"}}\' "$(cat {counter} 2>/dev/null | wc -l)"'
    )

    done = installation.cluster.smoke("--keep-pods")

    assert done.returncode == 1
    assert "the bootstrap changed" in done.stderr


def test_port_forward_that_ends_at_once_is_tried_again(installation: Installation) -> None:
    # as while the gateway's pod is being replaced
    installation.cluster.on_forward(
        "[ -e forwarded ] || { touch forwarded; echo 'error: pod is not running' >&2; exit 1; }"
    )

    done = installation.cluster.smoke("--keep-pods", timeout_s=20)

    assert done.returncode == 0, done.stdout + done.stderr


def test_gateway_that_no_port_leads_to_is_named_with_the_reason(installation: Installation) -> None:
    installation.cluster.on_forward("echo 'error: unable to forward port' >&2; exit 1")

    done = installation.cluster.smoke("--keep-pods", timeout_s=5)

    assert done.returncode == 1
    assert "still not true: the gateway is ready (no port is forwarded: error: unable to forward port)" in done.stderr


def test_gateway_is_reached_where_the_environment_names_a_proxy(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)

    assert installation.cluster.smoke("--keep-pods", timeout_s=20).returncode == 0


def test_made_slide_has_less_tissue_than_a_finding_needs(tmp_path: Path) -> None:
    script = (K8S / "smoke.sh").read_text("utf-8")
    (drawing,) = re.findall(r"base64 --decode <<<'([^']+)' \| gzip", script)
    slide = tmp_path / "made.tif"
    slide.write_bytes(gzip.decompress(base64.b64decode(drawing)))
    minimum_mm2 = float(settings_of("overlays/dev", "slides")["SLIDES_MINIMUM_IDC_MM2"])

    with tifffile.TiffFile(slide) as file:
        (page,) = file.pages
        pixels, resolution = page.asarray(), page.tags["XResolution"].value
    um_per_px = 1e4 * resolution[1] / resolution[0]
    columns, rows = (pixels.min(axis=2) < 200).any(axis=0), (pixels.min(axis=2) < 200).any(axis=1)
    # a cell that has some tissue counts as a whole
    reach_um = [side.sum() * um_per_px + 200 for side in (columns, rows)]
    assert reach_um[0] * reach_um[1] / 1e6 < minimum_mm2


def test_unknown_option_prints_how_it_is_used() -> None:
    done = subprocess.run([K8S / "smoke.sh", "--fast"], capture_output=True, text=True, check=False)

    assert done.returncode == 64
    assert "--keep-pods" in done.stderr
