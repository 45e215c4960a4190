"""Has the stack screen one shard of many slides, and waits until each is done. Standard library alone.

    screen_slides.py URL KEY-FILE LIST

LIST is a file with a path of the slides' folder, or a URL that the administrator allowed (`s3://…`), in each line; or a
folder, whose slides are all taken. SHARD (from 0) and SHARDS say which of them are this shard's. It may be killed and
started again: a slide that the stack knows is not screened twice.

Exit codes: 0 all of the shard are done; 65 at least one cannot be screened, one line on standard error for each; 69 the
gateway does not answer or refuses.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SUFFIXES = (".svs", ".svslide", ".tif", ".tiff", ".btf", ".ndpi", ".mrxs", ".scn", ".bif")
DICOM = ".dcm"
HIDDEN = (".", "~$")
SYSTEM_FOLDERS = ("$RECYCLE.BIN", "#recycle", "@eaDir", "System Volume Information", "lost+found")
MAX_DEPTH = 16
ENDED = {"done", "failed", "cancelled", "needs_scale"}
ANSWER_WITHIN_S = 600.0
EX_DATAERR, EX_UNAVAILABLE = 65, 69

Record = dict[str, Any]


class Unavailable(Exception):
    """The gateway does not answer, or refuses what this Job may not do."""


class Gateway:
    """The slides of a gateway."""

    def __init__(self, url: str, key: str) -> None:
        self._url = f"{url.rstrip('/')}/api/v1/slides"
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def queue(self, place: str) -> Record:
        """Queue a slide by its path or URL; a known one is answered as it is."""
        return self._ask("POST", "", {"url" if "://" in place else "path": place})

    def record(self, identity: str) -> Record:
        return self._ask("GET", f"/{identity}", None)

    def _ask(self, method: str, path: str, body: Record | None) -> Record:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, content, self._headers, method=method)
        until = time.monotonic() + ANSWER_WITHIN_S
        while True:
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    found: Record = json.load(answer)
                    return found
            except urllib.error.HTTPError as error:
                if error.code not in (429, 502, 503, 504) or time.monotonic() > until:
                    raise
                error.close()
                time.sleep(float(error.headers.get("Retry-After") or 5))
            except OSError as error:
                if time.monotonic() > until:
                    raise Unavailable(f"{self._url} does not answer: {error}") from error
                time.sleep(5)


def places(source: Path) -> list[str]:
    """The slides of a list or of a folder, in an order that every shard sees alike."""
    if source.is_dir():
        return sorted(str(path.relative_to(source)) for path in find_slides(source))
    lines = (line.strip() for line in source.read_text().splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def find_slides(root: Path) -> Iterator[Path]:
    """The slides of a folder, as the service finds them: a folder with DICOM files is one."""
    for place, folders, names in os.walk(root, onerror=lambda error: print(f"not read: {error}", file=sys.stderr)):
        # the pixels of an MRXS file are in a folder of the same name
        left_out = {Path(name).stem for name in names if name.lower().endswith(".mrxs")}.union(SYSTEM_FOLDERS)
        is_deep = len(Path(place).relative_to(root).parts) + 1 >= MAX_DEPTH
        folders[:] = [name for name in folders if not (is_deep or name in left_out or name.startswith(HIDDEN))]
        if any(name.lower().endswith(DICOM) for name in names) and Path(place) != root:
            yield Path(place)
        yield from (
            Path(place, name) for name in names if name.lower().endswith(SUFFIXES) and not name.startswith(HIDDEN)
        )


def screen(gateway: Gateway, chosen: list[str], every_s: float) -> Iterator[tuple[str, str]]:
    """Queue each slide, wait until all have ended, and yield the place and what is wrong with it, if anything."""
    waiting: dict[str, str] = {}
    for place in chosen:
        try:
            waiting[place] = str(gateway.queue(place)["id"])
        except urllib.error.HTTPError as error:
            if error.code in (401, 403):
                error.close()
                raise Unavailable(f"the gateway refuses the key: {error.code} {error.reason}") from error
            yield place, _told(error)
    while waiting:
        for place, identity in list(waiting.items()):
            record = gateway.record(identity)
            if record["state"] in ENDED:
                del waiting[place]
                yield place, fault(record)
        if waiting:
            time.sleep(every_s)


def fault(record: Record) -> str:
    """Why a slide has ended otherwise than done; empty if it is done."""
    if record["state"] == "done":
        return ""
    return f"{record['state']}: {(record.get('failure') or {}).get('detail', 'see its page')}"


def _told(error: urllib.error.HTTPError) -> str:
    try:
        with error:
            return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{error.code} {error.reason}"


def main(arguments: list[str]) -> int:
    url, key_file, source = arguments
    shard, shards = int(os.environ["SHARD"]), int(os.environ["SHARDS"])
    chosen = places(Path(source))[shard::shards]
    gateway = Gateway(url, Path(key_file).read_text().strip())
    bad = 0
    try:
        for place, wrong in screen(gateway, chosen, float(os.environ.get("POLL_S", "10"))):
            bad += bool(wrong)
            print(f"{place}: {wrong or 'done'}", file=sys.stderr if wrong else sys.stdout, flush=True)
    except (Unavailable, urllib.error.HTTPError) as error:
        print(f"screen_slides: {error}", file=sys.stderr)
        return EX_UNAVAILABLE
    print(f"screen_slides: {len(chosen) - bad} of {len(chosen)} slides of shard {shard}/{shards} are done")
    return EX_DATAERR if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
