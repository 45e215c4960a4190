"""From POST to pin change, and its parts; publish -> state, idle CPU and memory against a bare gpiozero + paho loop.

The path: gateway, inference with the model that ships, Mosquitto and alarm, one process each, 10 posts a second. The
alarm stamps `AlarmActed` after it has driven the pins: that is the time of the pin change, on one clock for all.
`inference_*` is the gateway's own latency, `event_to_pin_*` the rest as the alarm reports it.

Alarm and bare loop run against one local Mosquitto with TLS, on mock pins, one message at a time. The alarm also
validates, deduplicates and journals each event (two fsyncs) and reports each action; the bare loop does not. Run with
`uv run --frozen python benchmarks/alarm.py [--quick]`. The last line is JSON: `*_ratio` is alarm / bare loop.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import quantiles
from typing import Final
from uuid import uuid4

import httpx
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parent))

from gateway import MODELS, gateway_process

from idc_contracts import ALARM_ACTIONS, ALARM_STATE, CLASSIFICATIONS, GATEWAY_STATUS, AlarmActed, ServiceStatus
from support.alarm_messages import patch_classified
from support.alarm_process import AlarmProcess, wait_until
from support.demo_patches import png_of
from support.inference_process import inference_process
from support.mosquitto import MosquittoBroker
from support.mqtt_peer import MqttPeer

BARE_LOOP: Final = """
import ssl, sys
import paho.mqtt.client as mqtt
from gpiozero import LED
from gpiozero.pins.mock import MockFactory

host, port, password, ca_file, source, target = sys.argv[1:]
led = LED(17, pin_factory=MockFactory())

def on_message(client, userdata, message):
    led.toggle()
    client.publish(target, message.payload, qos=1, retain=True)

client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
client.username_pw_set("alarm", password)
client.tls_set_context(ssl.create_default_context(cafile=ca_file))
client.on_connect = lambda *_: client.subscribe(source, qos=1)
client.on_subscribe = lambda *_: print("ready", flush=True)
client.on_message = on_message
client.connect(host, int(port))
client.loop_forever()
"""
CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")


def latencies_ms(gateway: MqttPeer, operator: MqttPeer, site: str, count: int) -> list[float]:
    """Milliseconds from each publish to the state that names it. Blue and amber alternate: two pins change."""
    place = CLASSIFICATIONS.at(site=site, device="gateway")
    measured: list[float] = []
    for number in range(count):
        event = patch_classified("no_idc" if number % 2 else "uncertain")
        wanted = str(event.classification_id).encode()
        begin_s = time.perf_counter()
        gateway.publish(place, event.to_payload())
        while not (operator.received and wanted in operator.received[-1][1]):
            if time.perf_counter() - begin_s > 10:
                raise RuntimeError(f"no answer to event {number} within 10 s")
            time.sleep(0.0001)
        measured.append((time.perf_counter() - begin_s) * 1000)
        time.sleep(0.005)
    return measured


def rss_mib(pid: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def idle_cpu_percent(pid: int, duration_s: float) -> float:
    """Processor time of an idle process, in percent of one core."""

    def used_s() -> float:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    before_s = used_s()
    time.sleep(duration_s)
    return 100 * (used_s() - before_s) / duration_s


def measure(broker: MosquittoBroker, pid: int, site: str, count: int) -> dict[str, float]:
    """Latency and memory of whatever answers at a site."""
    gateway = MqttPeer(broker.settings("gateway"))
    status = ServiceStatus(source="gateway", status="online", version="1")
    place = GATEWAY_STATUS.at(site=site, device="gateway")
    gateway.publish(place, status.to_payload(), retain=True).wait_for_publish(20)
    operator = MqttPeer(broker.settings("operator"), ALARM_STATE.at(site=site, device="alarm"))
    latencies_ms(gateway, operator, site, 20)
    cuts = quantiles(latencies_ms(gateway, operator, site, count), n=100)
    gateway.close()
    operator.close()
    return {"p50_ms": cuts[49], "p99_ms": cuts[98], "rss_mib": rss_mib(pid)}


def measure_alarm(broker: MosquittoBroker, folder: Path, count: int, idle_s: float) -> dict[str, float]:
    """The alarm's metrics."""
    alarm = AlarmProcess(folder, broker.settings("alarm"), site="bench-alarm", ALARM_LOG_LEVEL="WARNING")
    alarm.options = ()
    alarm.start()
    try:
        pid = alarm.process.pid if alarm.process else 0
        figures = measure(broker, pid, "bench-alarm", count)
        return figures | {"idle_cpu_percent": idle_cpu_percent(pid, idle_s)}
    finally:
        alarm.stop()


def measure_path(broker: MosquittoBroker, folder: Path, count: int) -> dict[str, float]:
    """From each POST to the pins, and the parts that the services themselves report."""
    alarm = AlarmProcess(folder, broker.settings("alarm"), site="site", ALARM_LOG_LEVEL="WARNING")
    alarm.options = ()
    (folder / "gateway").mkdir()
    with inference_process(MODELS) as inference, gateway_process(folder / "gateway", broker, inference) as address:
        watcher = MqttPeer(broker.settings("operator"), ALARM_ACTIONS.at(site="site", device="alarm"))
        alarm.start()
        try:
            post_patches(broker, address, 20)
            posted = post_patches(broker, address, count)
            wait_until(lambda: posted.keys() <= acted_by_result(watcher).keys(), "every result reached the pins", 60)
        finally:
            alarm.stop()
            watcher.close()
    acted = acted_by_result(watcher)
    path = [(acted[result].sent_at.timestamp() - began_s) * 1000 for result, (began_s, _) in posted.items()]
    gateway = [latency_ms for _, latency_ms in posted.values()]
    after = [float(acted[result].latency_ms or 0.0) for result in posted]
    parts = [before + rest for before, rest in zip(gateway, after, strict=True)]
    named = {"path": path, "inference": gateway, "event_to_pin": after, "sum_of_parts": parts}
    cuts = {name: quantiles(values, n=100) for name, values in named.items()}
    return {f"{name}_p{level}_ms": cuts[name][level - 1] for name in named for level in (50, 99)}


def post_patches(broker: MosquittoBroker, address: str, count: int) -> dict[str, tuple[float, float]]:
    """Post at 10 a second; each result's id with the time of its POST and the gateway's own latency in ms."""
    pixels = np.random.default_rng(6)
    headers = {"Authorization": f"Bearer {broker.api_key_file.read_text().strip()}", "Content-Type": "image/png"}
    posted = {}
    with httpx.Client(base_url=address, headers=headers, timeout=30) as client:
        for _ in range(count):
            image = png_of(pixels.integers(0, 256, (50, 50, 3), np.uint8))
            began_s = time.time()
            answer = client.post("/api/v1/classifications", content=image).raise_for_status()
            (item,) = answer.json()["items"]
            posted[item["id"]] = (began_s, item["latency_ms"])
            time.sleep(max(0.0, began_s + 0.1 - time.time()))
    return posted


def acted_by_result(watcher: MqttPeer) -> dict[str, AlarmActed]:
    """The alarm's action for each result."""
    actions = [AlarmActed.from_payload(payload) for _, payload in list(watcher.received)]
    return {str(acted.classification_id): acted for acted in actions if acted.acted_on is not None}


def measure_bare_loop(broker: MosquittoBroker, count: int, idle_s: float) -> dict[str, float]:
    """The baseline's metrics."""
    mqtt = broker.settings("alarm")
    topics = CLASSIFICATIONS.filter(site="bench-bare"), ALARM_STATE.at(site="bench-bare", device="alarm")
    arguments = [mqtt.host, str(mqtt.port), mqtt.password(), str(mqtt.ca_file), *topics]
    process = subprocess.Popen([sys.executable, "-c", BARE_LOOP, *arguments], stdout=subprocess.PIPE)
    try:
        assert process.stdout
        wait_until(lambda: process.stdout is not None and process.stdout.readline() == b"ready\n", "the loop is ready")
        figures = measure(broker, process.pid, "bench-bare", count)
        return figures | {"idle_cpu_percent": idle_cpu_percent(process.pid, idle_s)}
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def main() -> None:
    """Measure both and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="300 messages in place of 3000")
    quick = parser.parse_args().quick
    count, idle_s = (300, 5.0) if quick else (3000, 30.0)
    with tempfile.TemporaryDirectory(prefix=f"bench-{uuid4().hex[:6]}-") as name:
        folder = Path(name)
        (folder / "broker").mkdir()
        broker = MosquittoBroker(folder / "broker")
        broker.start()
        try:
            bare = measure_bare_loop(broker, count, idle_s)
            alarm = measure_alarm(broker, folder, count, idle_s)
            (folder / "path").mkdir()
            path = measure_path(broker, folder / "path", count // 3)
        finally:
            broker.stop()
    ratios = {f"{key.rsplit('_', 1)[0]}_ratio": alarm[key] / bare[key] for key in ("p50_ms", "p99_ms", "rss_mib")}
    path["path_p99_over_inference_p99_ms"] = path["path_p99_ms"] - path["inference_p99_ms"]
    figures = path | {f"alarm_{key}": value for key, value in alarm.items()} | {f"bare_{k}": v for k, v in bare.items()}
    print(f"{count} messages, one at a time, TLS on loopback, mock pins")
    for key, value in figures.items():
        print(f"{key:32} {value:8.3f}")
    print(
        json.dumps({"benchmark": "alarm", "messages": count} | {k: round(v, 3) for k, v in (ratios | figures).items()})
    )


if __name__ == "__main__":
    main()
