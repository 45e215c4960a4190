import contextlib
import re
import socket
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import ValidationError

from idc_servicekit.mqtt import MqttSettings, why_unreachable
from support.certificates import self_signed


def make_settings(folder: Path, **fields: object) -> MqttSettings:
    values = {"username": "alarm", "password_file": folder / "password", "ca_file": folder / "ca.crt"}
    return MqttSettings.model_validate(values | fields)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("authority")
    request = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=test -days 1"
    command = [*request.split(), "-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.crt")]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def test_password_is_the_file_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret word\n")

    assert make_settings(tmp_path).password() == "s3cret word"


def test_missing_password_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        make_settings(tmp_path).password()


def test_context_trusts_the_given_authority_alone_and_checks_the_name(authority: Path) -> None:
    context = make_settings(authority).tls_context()

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert len(context.get_ca_certs()) == 1


def test_file_without_a_certificate_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("not a certificate")

    with pytest.raises(OSError, match=r"(?i)certificate|pem|ssl"):
        make_settings(tmp_path).tls_context()


@pytest.mark.parametrize(
    "fields",
    [{"port": 0}, {"port": 65536}, {"host": ""}, {"username": ""}, {"keepalive_s": 4}, {"password": "in the open"}],
)
def test_settings_out_of_bounds_are_refused(tmp_path: Path, fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        make_settings(tmp_path, **fields)


@pytest.mark.parametrize("host", ["pc.lan:8883", "mqtts://pc.lan", "pc.lan/", " pc.lan", "a b", "[::1]"])
def test_host_with_more_than_a_name_or_an_address_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(ValidationError, match="the port is a separate setting"):
        make_settings(tmp_path, host=host)


@pytest.mark.parametrize("host", ["pc.lan", "192.0.2.7", "2001:db8::1", "lab_pc"])
def test_host_may_be_a_name_or_an_address(tmp_path: Path, host: str) -> None:
    assert make_settings(tmp_path, host=host).host == host


@pytest.mark.parametrize("field", ["password_file", "ca_file"])
def test_empty_name_of_a_file_is_refused(tmp_path: Path, field: str) -> None:
    with pytest.raises(ValidationError, match="name a file"):
        make_settings(tmp_path, **{field: ""})


def test_missing_authority_is_reported_by_its_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"ca\.crt"):
        make_settings(tmp_path).tls_context()


def test_tls_port_and_host_of_the_stack_are_the_defaults(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)

    assert (settings.host, settings.port) == ("broker", 8883)


def test_key_of_another_certificate_is_an_error(authority: Path, tmp_path: Path) -> None:
    command = "openssl ecparam -name prime256v1 -genkey -noout -out"
    subprocess.run([*command.split(), str(tmp_path / "other.key")], check=True, capture_output=True)
    settings = make_settings(authority, certificate_file=authority / "ca.crt", key_file=tmp_path / "other.key")

    with pytest.raises(OSError, match=r"(?i)key"):
        settings.tls_context()


@pytest.mark.parametrize("field", ["certificate_file", "key_file"])
def test_certificate_without_its_key_is_refused(tmp_path: Path, field: str) -> None:
    with pytest.raises(ValidationError, match="set certificate_file and key_file together"):
        make_settings(tmp_path, **{field: tmp_path / "client"})


def shake_hands(settings: MqttSettings, certificate: Path, key: Path) -> OSError:
    """Connect to a server with this certificate; return why that failed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        answered = pool.submit(_answer, server, context)
        connection = socket.create_connection(server.getsockname(), 20)
        with connection, pytest.raises(OSError) as caught:  # noqa: PT011 - the caller looks at the text
            settings.tls_context().wrap_socket(connection, server_hostname="127.0.0.1")
        answered.result()
    return caught.value


def _answer(server: socket.socket, context: ssl.SSLContext) -> None:
    connection, _ = server.accept()
    with connection, contextlib.suppress(OSError):
        context.wrap_socket(connection, server_side=True).close()


@pytest.mark.parametrize(
    ("begins", "ends", "said"),
    [
        ("20400101000000Z", "20490101000000Z", r"not yet valid by this machine's clock, \d{4}-.* UTC: wait for NTP"),
        ("20000101000000Z", "20010101000000Z", r"expired by this machine's clock, \d{4}-.* UTC"),
    ],
)
def test_certificate_that_the_clock_makes_invalid_is_reported_with_the_clock(
    tmp_path: Path, begins: str, ends: str, said: str
) -> None:
    certificate, key = self_signed(tmp_path, begins, ends)
    error = shake_hands(make_settings(tmp_path, ca_file=certificate), certificate, key)
    wrapped = aiomqtt_error(error)

    assert re.search(said, why_unreachable(error))
    assert re.search(said, why_unreachable(wrapped))


def aiomqtt_error(error: OSError) -> Exception:
    """An error as aiomqtt makes it of paho's."""
    try:
        try:
            raise error
        except OSError as exc:
            raise RuntimeError(str(exc)) from None
    except RuntimeError as made:
        return made


def test_other_failures_are_reported_as_they_are() -> None:
    assert why_unreachable(ConnectionRefusedError(111, "Connection refused")) == "[Errno 111] Connection refused"
