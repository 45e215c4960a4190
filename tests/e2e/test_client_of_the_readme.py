"""The command line tool, installed alone and used as the tutorial shows."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.compose_stack import ComposeStack
from support.demo_patches import DemoPatches

pytestmark = pytest.mark.e2e

REPOSITORY = Path(__file__).parents[2]


def commands() -> list[str]:
    """The tutorial's lines that begin with `idc`, without their remarks."""
    text = (REPOSITORY / "docs/start/first-results.md").read_text()
    return [line.split("#")[0].strip() for line in re.findall(r"^idc .*$", text, flags=re.MULTILINE)]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the program, in an environment that has nothing else of the project."""
    folder = tmp_path_factory.mktemp("client")
    uv = shutil.which("uv") or str(REPOSITORY / ".tools" / "bin" / "uv")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder / "venv"], check=True)
    package = REPOSITORY / "packages" / "client"
    subprocess.run([uv, "pip", "install", "--quiet", "--python", folder / "venv", package], check=True)
    return folder / "venv" / "bin"


def test_every_command_of_the_readme_works(
    stack: ComposeStack, patches: DemoPatches, installed: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "patches"
    folder.mkdir()
    (folder / "1_idx5_x1_y1_class1.png").write_bytes(patches.positive)
    (folder / "1_idx5_x51_y1_class0.png").write_bytes(patches.negative)
    environment = os.environ | {
        "PATH": f"{installed}:{os.environ['PATH']}",
        "IDC_URL": stack.url,
        "IDC_API_KEY": stack.api_key,
    }

    printed = {}
    for command in commands():
        if command == "idc watch":  # it never ends
            continue
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        printed[command.split()[1]] = done.stdout

    assert {"classify", "status", "alarm", "audit"} <= printed.keys()
    assert "sensitivity  1.000" in printed["classify"]
    assert "research use only" in printed["classify"].lower()
    assert printed["audit"].startswith("intact: ")
