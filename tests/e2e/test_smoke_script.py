"""k8s/smoke.sh against a stack of containers, each of which it kills; a script plays `kubectl`."""

import json
from pathlib import Path

import pytest

from support.compose_stack import SERVICES, ComposeStack
from support.made_slide_files import write_made_slide
from support.smoke_runs import FakeCluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

# a Secret's data as the bootstrap's volumes have it
SECRETS = """
account=${{SECRET#idc-}}
[ "$account" != authority ] || account=ca
{compose} run --rm --no-deps -T bootstrap sh -c 'cd "/secrets/$0" && sha256sum *' "$account" |
    jq --raw-input --slurp 'split("\\n") | map(select(. != "") | split("  ")) | map({{(.[1]): .[0]}}) | add'
"""


def test_stack_loses_nothing_whichever_of_its_containers_is_killed(stack: ComposeStack, tmp_path: Path) -> None:
    cluster = FakeCluster(tmp_path, [])
    for service in SERVICES:
        cluster.add_pod(service, f"statefulset.apps/{service}")
    cluster.open_gateway(stack.url, stack.api_key)
    compose = stack.command()
    cluster.on_delete(f"{compose} kill --signal KILL $POD && {compose} up --detach --wait --no-recreate $POD")
    cluster.on_job(f"{compose} run --rm --no-deps -T bootstrap bootstrap.sh /secrets")
    (tmp_path / "secrets").write_text(SECRETS.format(compose=compose))
    slide = write_made_slide(tmp_path / "slide.tiff")

    done = cluster.smoke("--ring", "--slide", str(slide), timeout_s=300)

    assert done.returncode == 0, done.stdout + done.stderr
    assert cluster.killed() == list(SERVICES)
    assert f"nothing was lost: {len(SERVICES) + 1} results" in done.stdout


def test_secrets_that_are_compared_are_those_of_the_stack(stack: ComposeStack, tmp_path: Path) -> None:
    cluster = FakeCluster(tmp_path, [])
    (tmp_path / "secrets").write_text(SECRETS.format(compose=stack.command()))

    assert {"ca.crt", "ca.key"} <= json.loads(cluster.kubectl("get", "secret", "idc-authority"))["data"].keys()
