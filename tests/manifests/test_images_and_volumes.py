"""No image comes from a stranger, no manifest holds a secret, and deleting an overlay deletes no data."""

import re

import pytest

from support.kustomized import (
    COMPONENTS,
    DATA,
    EVERYTHING,
    JOBS,
    OVERLAYS,
    build,
    containers,
    of_kind,
    pods,
    render_with,
)

OF_NOBODY = "images.idc.internal/"


@pytest.mark.parametrize("folder", EVERYTHING)
def test_no_image_is_pulled_from_a_public_registry(folder: str) -> None:
    for pod in pods(folder).values():
        for box in containers(pod):
            own = box["image"].startswith(OF_NOBODY)
            assert box["imagePullPolicy"] == ("IfNotPresent" if own else "Never"), box["image"]


@pytest.mark.parametrize("folder", EVERYTHING)
def test_images_have_one_version(folder: str) -> None:
    images = {box["image"] for pod in pods(folder).values() for box in containers(pod)}

    assert all(re.fullmatch(rf"({OF_NOBODY})?idc-sentinel/[a-z-]+:0\.1\.0", image) for image in images)


@pytest.mark.parametrize("name", sorted({*COMPONENTS} - {"registry", "models-image"}))
def test_registry_renames_every_image_of_other_components(name: str) -> None:
    text = render_with("base", name, "registry")

    assert not re.findall(r"image: idc-sentinel/|imagePullPolicy: Never", text)


@pytest.mark.parametrize("folder", EVERYTHING)
def test_no_secret_stands_in_a_manifest(folder: str) -> None:
    for secret in of_kind(folder, "Secret").values():
        assert not secret.keys() & {"data", "stringData"}


@pytest.mark.parametrize("folder", [*OVERLAYS, "base", *(f"components/{name}" for name in COMPONENTS)])
def test_deleting_an_overlay_deletes_no_data(folder: str) -> None:
    kinds = {item["kind"] for item in build(folder)}

    assert not kinds & {"Namespace", "PersistentVolumeClaim", "PersistentVolume", "Secret"}
    assert "volumeClaimTemplates" not in str(build(folder))


def test_every_volume_that_a_pod_mounts_is_among_the_data() -> None:
    claims = {name for folder in DATA for name in of_kind(folder, "PersistentVolumeClaim")}
    mounted = {
        volume["persistentVolumeClaim"]["claimName"]
        for folder in [*OVERLAYS, *(f"components/{name}" for name in COMPONENTS), *(f"jobs/{name}" for name in JOBS)]
        for pod in pods(folder).values()
        for volume in pod.get("volumes", [])
        if "persistentVolumeClaim" in volume
    }

    assert mounted == claims


@pytest.mark.parametrize("folder", OVERLAYS)
def test_secret_that_a_pod_waits_for_is_made_by_bootstrap_or_named_in_a_readme(folder: str) -> None:
    made = of_kind("data", "Secret").keys()
    by_hand = {"idc-postgres", "idc-s3", "idc-models-s3"}
    mounted = {
        volume["secret"]["secretName"]
        for pod in pods(folder).values()
        for volume in pod.get("volumes", [])
        if "secret" in volume
    }

    assert mounted <= made | by_hand


@pytest.mark.parametrize("folder", EVERYTHING)
def test_volume_of_one_node_is_never_shared_by_pods_of_several(folder: str) -> None:
    modes = {
        name: set(item["spec"]["accessModes"])
        for data in DATA
        for name, item in of_kind(data, "PersistentVolumeClaim").items()
        if data != "data-several-alarms"
    }
    replicas = {name: item["spec"].get("replicas", 1) for name, item in of_kind(folder, "StatefulSet").items()}

    for name, pod in pods(folder).items():
        for volume in pod.get("volumes", []):
            if "persistentVolumeClaim" in volume and replicas.get(name, 1) > 1:
                assert modes[volume["persistentVolumeClaim"]["claimName"]] & {"ReadWriteMany", "ReadOnlyMany"}


def test_journals_of_several_alarms_are_on_their_own_nodes() -> None:
    claim = of_kind("data-several-alarms", "PersistentVolumeClaim")["alarm-data"]["spec"]
    volume = of_kind("data-several-alarms", "PersistentVolume")[claim["volumeName"]]["spec"]

    assert claim["accessModes"] == volume["accessModes"] == ["ReadWriteMany"]
    assert "local" in volume


@pytest.mark.parametrize("folder", [*OVERLAYS, "components/models-s3", "components/models-image"])
def test_inference_reads_models_but_cannot_change_them(folder: str) -> None:
    (box,) = pods(folder)["inference"]["containers"]
    mounts = {mount["mountPath"]: mount for mount in box["volumeMounts"]}

    assert mounts["/models"]["readOnly"] is True
