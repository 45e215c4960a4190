"""Certificates whose times a test chooses."""

import subprocess
from pathlib import Path
from typing import Final

_AUTHORITY: Final = """
[ca]
default_ca = test
[test]
database = {folder}/index.txt
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
"""


def self_signed(folder: Path, begins: str, ends: str) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is valid from `begins` to `ends` (such as 20200101000000Z), and its key."""
    key, request, certificate = folder / "key.pem", folder / "request.pem", folder / "certificate.pem"
    (folder / "index.txt").write_text("")
    (folder / "serial").write_text("01\n")
    (folder / "ca.conf").write_text(_AUTHORITY.format(folder=folder))
    ask = "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=broker"
    ask += f" -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {request}"
    sign = f"openssl ca -batch -selfsign -notext -config {folder}/ca.conf -keyfile {key} -in {request}"
    sign += f" -out {certificate} -startdate {begins} -enddate {ends}"
    for command in (ask, sign):
        subprocess.run(command.split(), check=True, capture_output=True)
    return certificate, key
