"""The recipes of a home: Home Assistant's sensors by its own template language, and MQTT by a real broker."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any

import yaml
from jinja2.sandbox import ImmutableSandboxedEnvironment
from paho.mqtt.client import CallbackAPIVersion, Client
from tests import npm
from tests.examples import ADDRESS, TIMEOUT_S, examples, section
from tests.reference.tables import page

RECIPES = page("recipes.md")
AEDES = "aedes@1.2.0"


class Loader(yaml.SafeLoader):
    """YAML as Home Assistant reads it."""


Loader.add_constructor("!secret", lambda loader, node: f"secret {node.value}")


def rendered(template: str, value_json: Any) -> float:
    """Evaluate a template as Home Assistant does with an answer."""
    return float(ImmutableSandboxedEnvironment().from_string(template).render(value_json=value_json))


def test_each_sensor_of_home_assistant_has_its_percentage(address: str) -> None:
    (rest,) = yaml.load(examples(section(RECIPES, "Home Assistant"), "yaml")[0], Loader)["rest"]
    assert rest["headers"] == {"Authorization": "secret vitalcast"}
    with urllib.request.urlopen(rest["resource"].replace(ADDRESS, address), timeout=TIMEOUT_S) as answer:
        value_json = json.load(answer)
    assert [sensor["unit_of_measurement"] for sensor in rest["sensor"]] == ["%", "%"]
    assert len({sensor["unique_id"] for sensor in rest["sensor"]}) == 2
    cpu, memory = (rendered(sensor["value_template"], value_json) for sensor in rest["sensor"])
    assert 0 <= cpu <= 100
    assert 0 < memory < 100


@contextmanager
def broker() -> Iterator[int]:
    folder = npm.installed(AEDES)
    command = [npm.NODE, Path(__file__).with_name("broker.mjs")]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def test_the_bridge_brings_values_and_announces_a_sensor_until_it_is_gone(address: str, tmp_path: Path) -> None:
    (example,) = examples(section(RECIPES, "MQTT"), "python")
    script = tmp_path / "bridge.py"
    listening: Queue[int] = Queue()
    heard: dict[str, Queue[bytes]] = {}  # by topic: what is kept may come in any order

    def of(topic: str) -> Queue[bytes]:
        return heard.setdefault(topic, Queue())

    with broker() as port:
        ours = example.replace(ADDRESS, address).replace('"127.0.0.1", 1883', f'"127.0.0.1", {port}')
        assert str(port) in ours
        script.write_text(ours.replace("interval=5", "interval=1"), encoding="utf-8")
        listener = Client(CallbackAPIVersion.VERSION2)
        listener.on_message = lambda _client, _userdata, message: of(message.topic).put(message.payload)
        listener.on_connect = lambda *_: listener.subscribe("#")
        listener.on_subscribe = lambda *_: listening.put(1)
        listener.connect("127.0.0.1", port)
        listener.loop_start()
        listening.get(timeout=TIMEOUT_S)

        def told(topic: str) -> str:
            return of(topic).get(timeout=TIMEOUT_S).decode()

        with subprocess.Popen([sys.executable, script]) as bridge:
            try:
                sensor = json.loads(told("homeassistant/sensor/vitalcast_web_1_cpu/config"))
                assert told(sensor["availability_topic"]) == sensor["payload_available"]
                values = json.loads(told(sensor["state_topic"]))
                assert 0 <= rendered(sensor["value_template"], values) <= 100
                assert values["time"] > 1_700_000_000_000
            finally:
                bridge.kill()
        assert told(sensor["availability_topic"]) == sensor["payload_not_available"]
        listener.disconnect()
        listener.loop_stop()
