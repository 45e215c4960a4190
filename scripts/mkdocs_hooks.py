"""What `mkdocs.yml` needs beyond plug-ins: Mermaid's script from this machine, and links that leave `docs/`."""

import posixpath
import re
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).parents[1]
MERMAID: Final = ROOT / ".tools/mermaid/mermaid.min.js"
_LINK: Final = re.compile(r"(?<!!)\[([^\]]+)\]\(((?:\.\./)+[^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add Mermaid's script, and the decisions, which their index links.

    Raises:
        PluginError: The script is not installed.
    """
    if not MERMAID.is_file():
        raise PluginError(f"{MERMAID} is missing: run scripts/install_tools.sh docs")
    files.append(File.generated(config, "assets/mermaid.min.js", abs_src_path=str(MERMAID)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links to files outside of `docs/` into their paths, since the website has only `docs/`."""
    folder = posixpath.dirname(page.file.src_uri)

    def path_of(found: re.Match[str]) -> str:
        text, target = found[1], found[2].partition("#")[0]
        place = posixpath.normpath(posixpath.join("docs", folder, target))
        if place.startswith("docs/"):
            return found[0]
        return f"`{place}`" if text.strip("`") in place else f"{text} (`{place}`)"

    return _LINK.sub(path_of, markdown)
