"""What `mkdocs.yml` needs beyond plug-ins: scripts from this machine, and links that leave `docs/`."""

import posixpath
import re
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).parents[1]
SCRIPTS: Final = {
    "assets/mermaid.min.js": ROOT / ".tools/website/mermaid.min.js",
    "assets/iframe-worker.js": ROOT / ".tools/website/iframe-worker.js",
}
_SHIM: Final = "https://unpkg.com/iframe-worker/shim"  # the plug-in `offline` loads it for the search in a folder
_LINK: Final = re.compile(r"(?<!!)\[([^\]]+)\]\(((?:\.\./)+[^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the scripts that pages would load from another server otherwise.

    Raises:
        PluginError: A script is not installed.
    """
    for name, script in SCRIPTS.items():
        if not script.is_file():
            raise PluginError(f"{script} is missing: run scripts/install_tools.sh docs")
        files.append(File.generated(config, name, abs_src_path=str(script)))
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


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Load the search's script from the website itself."""
    return output.replace(_SHIM, "../" * page.url.count("/") + "assets/iframe-worker.js")


def on_post_template(output_content: str, template_name: str, config: MkDocsConfig) -> str:
    """The same on the page for what is not found."""
    return output_content.replace(_SHIM, "assets/iframe-worker.js")
