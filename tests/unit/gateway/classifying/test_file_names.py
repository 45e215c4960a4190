"""No name of a file, however it is written, costs more than itself; and no text shows what Python calls a fault."""

import re
from urllib.parse import quote

import httpx
import pytest

from idc_gateway.settings import GatewaySettings
from support.demo_patches import solid_png

RED = solid_png((250, 0, 0))
URL = "/api/v1/classifications"
FORM = {"Content-Type": "multipart/form-data; boundary=cut"}
INTERNALS = re.compile(r"Error|Exception|codec|0x[0-9a-f]{2}|Traceback|NoneType|surrogate|position \d|Value error")


def part(disposition: bytes, data: bytes = RED) -> bytes:
    return b"--cut\r\nContent-Disposition: form-data; " + disposition + b"\r\n\r\n" + data + b"\r\n"


def named(name: bytes, data: bytes = RED) -> bytes:
    return part(b'name="images"; filename="' + name + b'"', data)


END = b"--cut--\r\n"

NAMES = {
    "utf-8": ("Gewebe_grün.png".encode(), "Gewebe_grün.png"),
    "cp1252": ("Gewebe_grün.png".encode("cp1252"), "Gewebe_grün.png"),
    "cp1252, not latin-1": ("tumör€1.png".encode("cp1252"), "tumör€1.png"),
    "cp932": ("組織.png".encode("cp932"), None),
    "cp932 with a backslash within a character": ("表ソ.png".encode("cp932"), None),
    "cp932 with a backslash at the end": ("ソ".encode("cp932"), None),
    "utf-16": ("組織.png".encode("utf-16-le"), None),
    "nothing": (b"", ""),
    "a dot": (b".", "."),
    "two dots": (b"..", ".."),
    "a folder": (b"slides/", ""),
    "a folder of Windows": (rb"C:\slides\a.png", "a.png"),
    "control characters": (b"a\x00b\x07\x1b[31m.png", None),
    "a line feed": (b"a\nb.png", None),
    "a line break": (b"a\r\nb.png", None),
    "a line break and a colon": (b"a\r\nb: c.png", None),
    "a quote": (b'a"b.png', None),
    "a quote, escaped": (rb"a\"b.png", 'a"b.png'),
    "a quote as browsers write it": (b"a%22b.png", 'a"b.png'),
    "right to left": ("a\u202egnp.exe".encode(), None),
    "300 characters": (b"x" * 300 + b".png", "x" * 255),
    "9,000 characters": ("ä".encode() * 9000, None),
    "half a character": (b"a\xed\xa0\x80.png", None),
    "composed": ("e\u0301.png".encode(), "e\u0301.png"),
    "a semicolon": (b"a; filename=b.png", "a; filename=b.png"),
    "markup": (b"<img src=x onerror=alert(1)>.png", "<img src=x onerror=alert(1)>.png"),
}


@pytest.fixture
def settings(settings: GatewaySettings) -> GatewaySettings:
    return settings.model_copy(update={"max_images": 100})


async def test_hostile_file_name_is_only_a_printable_label(client: httpx.AsyncClient) -> None:
    body = b"".join(named(name) for name, _ in NAMES.values()) + END

    answer = await client.post(URL, content=body, headers=FORM)

    assert answer.status_code == 201, answer.text
    for (given, shown), item in zip(NAMES.values(), answer.json()["items"], strict=True):
        assert item["classification"], (given, item)
        assert item["name"].isprintable() or item["name"] == ""
        assert len(item["name"]) <= 255
        if shown is not None:
            assert item["name"] == shown


async def test_bad_files_of_any_names_have_clean_errors_of_their_own(client: httpx.AsyncClient) -> None:
    body = named(b"a.png") + b"".join(named(name, b"no image") for name, _ in NAMES.values()) + END

    items = (await client.post(URL, content=body, headers=FORM)).json()["items"]

    assert items[0]["classification"]
    for item in items[1:]:
        assert item["error"]["status"] == 415
        assert not INTERNALS.search(item["error"]["detail"])


@pytest.mark.parametrize(
    ("disposition", "shown"),
    [
        (b"name=\"images\"; filename*=UTF-8''gr%C3%BCn.png", "grün.png"),
        (b'name="images"; filename="gr_n.png"; filename*=utf-8\'de\'gr%C3%BCn.png', "grün.png"),
        (b"name=\"images\"; filename*=iso-8859-1''gr%FCn.png", "grün.png"),
        (b"name=\"images\"; filename*=UTF-8''gr%FCn.png", "grün.png"),
        (b'name="images"; filename*="UTF-8\'\'a.png"', "a.png"),
        (b"name=images; filename=a.png", "a.png"),
        (b"name=images; filename=my file.png", "my file.png"),
        ("name=images; filename=ö.png".encode(), "ö.png"),
        (b'filename="a.png"; name="images"', "a.png"),
    ],
)
async def test_name_is_read_in_every_way_of_writing_it(
    client: httpx.AsyncClient, disposition: bytes, shown: str
) -> None:
    answer = await client.post(URL, content=part(disposition) + END, headers=FORM)

    assert answer.status_code == 201, answer.text
    assert answer.json()["items"][0]["name"] == shown


async def test_file_without_a_name_is_called_by_its_place(client: httpx.AsyncClient) -> None:
    answer = await client.post(URL, content=named(b"a.png") + named(b"", b"") + END, headers=FORM)

    assert "image 1 of the form is empty" in answer.json()["items"][1]["error"]["detail"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [("%00a.png", "\N{REPLACEMENT CHARACTER}a.png"), (quote("é" * 300), "é" * 255), ("..%5C..%2Fa.png", "a.png")],
)
async def test_name_in_the_address_costs_nothing(client: httpx.AsyncClient, name: str, shown: str) -> None:
    answer = await client.post(f"{URL}?name={name}", content=RED)

    assert answer.status_code == 201, answer.text
    assert answer.json()["items"][0]["name"] == shown


async def test_name_in_the_address_that_is_not_utf8_costs_nothing(client: httpx.AsyncClient) -> None:
    assert (await client.post(f"{URL}?name=gr%FCn.png", content=RED)).status_code == 201


@pytest.mark.parametrize(
    "body", [b'{"verdict": "idc", "\\ud800": 1}', b'{"verdict": "idc", "comment": "\\udfff"}', b'{"verdict": "\xff"}']
)
async def test_half_characters_in_json_get_a_clean_problem(client: httpx.AsyncClient, body: bytes) -> None:
    item = (await client.post(URL, content=RED)).json()["items"][0]

    answer = await client.post(f"{URL}/{item['id']}/review", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code < 500
    assert not INTERNALS.search(answer.text)


FIELD = b'name="images"'


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([part(FIELD, b"patch.png")], ["'patch.png'", "instead of a file", "-F images=@patch.png", "@"]),
        ([named(b"a.png"), part(b'name="patient"', b"8975")], ["'patient'", "?patient=", "address"]),
        ([named(b"a.png"), part(b'name="slide"', b"8975_idx5")], ["?slide="]),
        ([named(b"a.png"), part(b'name="x"', b"1")], ["?x="]),
        ([part(b'name="file"; filename="a.png"')], ["'file'", "'images'", "-F images=@"]),
        ([part(b'filename="a.png"')], ["''", "'images'"]),
        ([part(b'name="comment"', b"hello")], ["'comment'", "not a file"]),
        ([part('name="größe"'.encode("cp1252"), b"1")], ["'größe'"]),
        ([], ["-F images=@patch.png"]),
    ],
)
async def test_wrong_field_is_reported_with_the_remedy(
    client: httpx.AsyncClient, parts: list[bytes], words: list[str]
) -> None:
    answer = await client.post(URL, content=b"".join(parts) + END, headers=FORM)

    assert answer.status_code == 400, answer.text
    for word in words:
        assert word in answer.json()["detail"]
    assert (await client.get(URL)).json()["items"] == []


@pytest.mark.parametrize(
    ("body", "content_type", "status", "words"),
    [
        (b"patch.png", "image/png", 415, ["'patch.png' is a file name", "--data-binary @patch.png"]),
        (RED.replace(b"\r", b"").replace(b"\n", b""), "application/x-www-form-urlencoded", 415, ["--data-binary"]),
        (b'{"image": "iVBORw0KGgo="}', "application/json", 415, ["JSON"]),
        (b"x", "multipart/form-data", 400, ["boundary", "HTTP client"]),
        (b"x", "multipart/mixed; boundary=cut", 400, ["multipart/form-data"]),
        (named(b"a.png")[:-20], FORM["Content-Type"], 400, ["truncated", "complete"]),
        (b"no form", FORM["Content-Type"], 400, ["malformed"]),
    ],
)
async def test_body_of_another_kind_is_reported_with_the_remedy(
    client: httpx.AsyncClient, body: bytes, content_type: str, status: int, words: list[str]
) -> None:
    answer = await client.post(URL, content=body, headers={"Content-Type": content_type})

    assert answer.status_code == status, answer.text
    for word in words:
        assert word in answer.json()["detail"]
    assert not INTERNALS.search(answer.json()["detail"])
