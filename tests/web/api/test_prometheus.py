"""/metrics: every name as the rules have it, every reading as it was, nothing that Prometheus's linter objects to."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from tests.collectors.test_registry import GOLDEN
from tests.core.machine import IO, LOAD, Machine, disk
from tests.web.conftest import World, make_world

from vitalcast.core.metrics.frames import FrameBuilder
from vitalcast.core.metrics.model import Descriptor, Frame, Kind, Sample, Series
from vitalcast.core.metrics.rates import rate_descriptor
from vitalcast.web.api.prometheus import chosen_format, clean, exported, family, render, unit_suffix

RESOURCE = {"host_name": "web-1"}
PLAIN = "text/plain; version=0.0.4; charset=utf-8"


def golden_descriptors() -> dict[str, Descriptor]:
    """Return every metric that any machine may have, also those that this one lacks."""
    found = {}
    for line in GOLDEN.read_text().splitlines():
        name, unit, kind, attributes = line.split()
        keys = () if attributes == "-" else tuple(attributes.split(","))
        found[name] = Descriptor(name, unit, Kind(kind), f"What {name} says.", keys)
    return found


def frame_of(readings: dict[Series, float]) -> Frame:
    return FrameBuilder().frame(1, 1_790_000_000_000, [Sample(*reading) for reading in readings.items()])


def text_of(descriptors: Iterable[Descriptor], readings: dict[Series, float], accept: str = "") -> str:
    known = {descriptor.name: descriptor for descriptor in descriptors}
    format_ = chosen_format(accept)
    assert format_ is not None
    body, _ = render(format_, known, frame_of(readings), RESOURCE)
    return body.decode()


@pytest.fixture(scope="module")
def everything() -> str:
    """The text with two series of every metric there is."""
    descriptors = golden_descriptors()
    readings = {
        Series(descriptor, tuple(f"{number} {key}" for key in descriptor.attributes)): position + number / 4
        for position, descriptor in enumerate(descriptors.values())
        for number in (0, 1)
    }
    return text_of(descriptors.values(), readings)


# --- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "unit", "kind", "expected"),
    [
        ("system.cpu.utilization", "1", Kind.GAUGE, "system_cpu_utilization_ratio"),
        ("system.cpu.time", "s", Kind.COUNTER, "system_cpu_time_seconds"),
        ("system.cpu.frequency", "Hz", Kind.GAUGE, "system_cpu_frequency_hertz"),
        ("system.memory.usage", "By", Kind.UPDOWNCOUNTER, "system_memory_usage_bytes"),
        ("system.network.io", "By", Kind.COUNTER, "system_network_io_bytes"),
        ("system.network.errors", "{error}", Kind.COUNTER, "system_network_errors"),
        ("system.network.packet.count", "{packet}", Kind.COUNTER, "system_network_packet_count"),
        ("system.load.average", "{thread}", Kind.GAUGE, "system_load_average"),
        ("hw.temperature", "Cel", Kind.GAUGE, "hw_temperature_celsius"),
        ("hw.fan.speed", "rpm", Kind.GAUGE, "hw_fan_speed_rpm"),
        ("some.rate", "By/s", Kind.GAUGE, "some_rate_bytes_per_second"),
        ("some.rate", "{packet}/s", Kind.GAUGE, "some_rate_per_second"),
        ("some.speed", "s/s", Kind.GAUGE, "some_speed_seconds_per_second"),
        ("some.bytes", "By", Kind.GAUGE, "some_bytes"),
        ("some.share", "1", Kind.COUNTER, "some_share"),
        ("some.total", "{thing}", Kind.COUNTER, "some"),
        ("system.process.count", "{process}", Kind.UPDOWNCOUNTER, "system_processes"),
        ("system.cpu.logical.count", "{cpu}", Kind.UPDOWNCOUNTER, "system_cpu_logical_cpus"),
        ("vitalcast.socket.count", "{socket}", Kind.UPDOWNCOUNTER, "vitalcast_sockets"),
        ("some.unix.file_descriptor.count", "{file_descriptor}", Kind.UPDOWNCOUNTER, "some_unix_file_descriptors"),
        ("some.count", "1", Kind.GAUGE, "some_items_ratio"),
        ("odd..name-with:signs", "{x}", Kind.GAUGE, "odd_name_with_signs"),
    ],
)
def test_names_follow_opentelemetrys_rules(name: str, unit: str, kind: Kind, expected: str) -> None:
    assert family(Descriptor(name, unit, kind, "")).name == expected


@pytest.mark.parametrize(
    ("unit", "expected"), [("", ""), ("{a}", ""), ("m", "m"), ("1/s", "per_second"), ("By/min", "bytes_per_minute")]
)
def test_units_are_written_out(unit: str, expected: str) -> None:
    assert unit_suffix(unit, Kind.GAUGE) == expected


def test_a_name_cannot_begin_with_a_digit() -> None:
    assert clean("0.day") == "_0_day"


def test_no_two_metrics_share_a_family() -> None:
    names = Counter(family(descriptor).name for descriptor in exported(golden_descriptors()))
    assert [name for name, count in names.items() if count > 1] == []


def test_rates_are_left_to_prometheus() -> None:
    rate = rate_descriptor(IO)
    own = Descriptor("system.clock.rate", "1", Kind.GAUGE, "Not of a counter.")
    found = exported({descriptor.name: descriptor for descriptor in (IO, rate, own)})
    assert [descriptor.name for descriptor in found] == [IO.name, own.name]
    rates = [descriptor.name for descriptor in exported(golden_descriptors()) if descriptor.name.endswith(".rate")]
    assert rates == ["process.disk.io.rate"]  # of processes that come and go there is no counter


# --- readings ------------------------------------------------------------------------------------------------------


def samples_of(families: Iterable[Metric]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for each in families
        for sample in each.samples
        if each.name not in ("target", "target_info")
    }


@pytest.mark.parametrize("openmetrics", [False, True], ids=["text", "openmetrics"])
def test_every_reading_comes_back_from_a_parser_as_it_was(openmetrics: bool) -> None:
    names = ["sda", 'a "quoted" name', "a\\b", "two\nlines", "⚡", "", "\\n", "{}=,", " "]
    readings = {disk(name): float(position) for position, name in enumerate(names)}
    readings |= {Series(LOAD): 0.1 + 0.2, Series(Descriptor("a.huge", "By", Kind.GAUGE, "Big.")): 2.0**63}
    accept = "application/openmetrics-text; version=1.0.0" if openmetrics else ""
    text = text_of({series.descriptor for series in readings}, readings, accept)
    found = samples_of((parse_openmetrics if openmetrics else parse_text)(text))
    assert found == {
        **{("system_disk_io_bytes_total", (("system_device", name),)): float(at) for at, name in enumerate(names)},
        ("system_load_ratio", ()): 0.1 + 0.2,
        ("a_huge_bytes", ()): 2.0**63,
    }


def test_everything_there_is_parses_in_both_formats(everything: str) -> None:
    descriptors = list(exported(golden_descriptors()))
    assert len(samples_of(parse_text(everything))) == sum(2 if one.attributes else 1 for one in descriptors)
    readings = {Series(one, tuple(one.attributes)): 1.0 for one in golden_descriptors().values()}
    text = text_of(golden_descriptors().values(), readings, "application/openmetrics-text; version=1.0.0")
    families = {each.name: each for each in parse_openmetrics(text)}
    assert {family(one).name for one in descriptors} <= families.keys()
    for one in descriptors:
        found = families[family(one).name]
        assert found.unit == family(one).unit
        assert found.documentation == one.description
        assert found.type == ("counter" if one.kind is Kind.COUNTER else "gauge")


def test_a_series_without_a_reading_is_left_out() -> None:
    text = text_of([LOAD, IO], {Series(LOAD): math.nan, disk("sda"): 1.0, disk("sdb"): math.nan})
    assert "system_load" not in text
    assert re.findall("^system_disk_io_bytes_total.*", text, re.MULTILINE) == [
        'system_disk_io_bytes_total{system_device="sda"} 1.0'
    ]


def test_the_order_does_not_depend_on_who_came_first(world: World) -> None:
    world.machine.tick(0.5, ("sda", "nvme0"))
    found = list(samples_of(parse_text(world.client.get("/metrics").text)))
    assert found == [
        ("system_disk_io_bytes_total", (("system_device", "nvme0"),)),
        ("system_disk_io_bytes_total", (("system_device", "sda"),)),
        ("system_load_ratio", ()),
    ]


def test_the_machine_is_named_once() -> None:
    assert 'target_info{host_name="web-1"} 1.0\n' in text_of([LOAD], {Series(LOAD): 1.0})


# --- what Prometheus's linter objects to (client_golang, prometheus/testutil/promlint) ------------------------------

BASE_UNITS = {"amperes", "bytes", "celsius", "grams", "joules", "kelvin", "meters", "metres", "seconds", "volts"}
OTHER_UNITS = {
    *("minutes", "hours", "days", "weeks", "kelvins", "fahrenheit", "rankine", "inches", "yards", "miles", "bits"),
    *("calories", "pounds", "ounces"),
}
PREFIXES = (
    *("pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo", "kibi", "mega", "mibi", "giga"),
    *("gibi", "tera", "tebi", "peta", "pebi"),
)
ABBREVIATIONS = {"s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"}
TYPES = ("counter", "gauge", "summary", "histogram", "gauge_histogram")


def lint(text: str) -> list[str]:
    """Return what promlint would say of a text, each with its family's name."""
    problems = []
    helps = dict(re.findall(r"^# HELP (\S+) (.*)$", text, re.MULTILINE))
    types = re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE)
    problems += [f"{name}: declared twice" for name, count in Counter(name for name, _ in types).items() if count > 1]
    for name, type_ in types:
        tokens = name.split("_")
        units = [token for token in tokens if token in OTHER_UNITS | {p + u for p in PREFIXES for u in BASE_UNITS}]
        rules = {
            "no help text": not helps.get(name),
            "not a base unit": bool(units),
            "a counter without _total": type_ == "counter" and not name.endswith("_total"),
            "_total without a counter": type_ != "counter" and name.endswith("_total"),
            "a timestamp that is no gauge": type_ != "gauge" and name.endswith("_timestamp_seconds"),
            "reserved for histograms": name.endswith(("_bucket", "_count", "_sum")),
            "type in the name": any(f"_{one}_" in f"{name}_" for one in TYPES),
            "a colon": ":" in name,
            "camelCase": re.search("[a-z][A-Z]", name) is not None,
            "an abbreviated unit": bool(ABBREVIATIONS & set(tokens[1:])),
        }
        problems += [f"{name}: {rule}" for rule, broken in rules.items() if broken]
    for each in parse_text(text):
        series = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in each.samples]
        problems += [f"{each.name}: the same series twice"] * (len(series) != len(set(series)))
        keys = {key for sample in each.samples for key in sample.labels}
        problems += [f"{each.name}: label {key}" for key in keys if key in ("le", "quantile")]
        problems += [f"{each.name}: label {key}" for key in keys if re.search("[a-z][A-Z]", key)]
    return problems


@pytest.mark.parametrize(
    ("name", "type_"),
    [("a_count", "gauge"), ("a", "counter"), ("a_total", "gauge"), ("a_milliseconds", "gauge"), ("a_gauge", "gauge")],
)
def test_the_lints_find_what_they_should(name: str, type_: str) -> None:
    assert lint(f"# HELP {name} A.\n# TYPE {name} {type_}\n{name} 1.0\n")


def test_nothing_is_objected_to(everything: str) -> None:
    assert lint(everything) == []


def test_families_are_contiguous_and_each_has_its_help_and_type(everything: str) -> None:
    order = [re.match(r"(?:# (?:HELP|TYPE) )?([a-zA-Z0-9_]+)", line) for line in everything.splitlines()]
    names = [match[1] for match in order if match is not None]
    assert len(names) == len(everything.splitlines())
    seen: list[str] = [name for name, before in zip(names, [None, *names], strict=False) if name != before]
    assert len(seen) == len(set(seen))
    assert everything.count("# HELP ") == everything.count("# TYPE ") == len(seen)


# --- over HTTP -----------------------------------------------------------------------------------------------------


def test_a_scrape_gets_text(world: World) -> None:
    response = world.client.get("/metrics", headers={"Accept": "*/*"})
    assert response.headers["content-type"] == PLAIN
    assert samples_of(parse_text(response.text)) == {
        ("system_disk_io_bytes_total", (("system_device", "sda"),)): 3.0,
        ("system_load_ratio", ()): 0.5,
    }
    assert 'host_name="web-1"' in response.text
    assert lint(response.text) == []


def test_openmetrics_is_sent_to_those_who_ask_for_it(world: World) -> None:
    accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
    response = world.client.get("/metrics", headers={"Accept": accept})
    assert response.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0; charset=utf-8")
    assert response.headers["vary"] == "Accept, Origin"
    assert response.text.endswith("# EOF\n")
    assert samples_of(parse_openmetrics(response.text))["system_load_ratio", ()] == 0.5


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "nonsense",
        "text/html",
        ";;,,==",
        "text/plain;version=x",
        "application/openmetrics-text;version=x",
        "application/openmetrics-text;version=",
        "application/openmetrics-text;version=1.x",
        "application/openmetrics-text;escaping=nonsense",
        "application/openmetrics-text;version=1.0.0;escaping=dots",
        "application/openmetrics-text;version=1.0.0;escaping=values",
    ],
)
def test_any_accept_header_gets_an_answer(world: World, accept: str) -> None:
    response = world.client.get("/metrics", headers={"Accept": accept})
    assert response.status_code == 200
    assert "system_load_ratio 0.5\n" in response.text or "system__load__ratio 0.5\n" in response.text


@pytest.mark.parametrize(
    ("accept", "status", "content_type"),
    [
        ("application/openmetrics-text;q=0", 200, PLAIN),
        ("text/plain;q=0,*/*", 200, "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"),
        ("*/*;q=0", 406, "text/plain; charset=utf-8"),
    ],
)
def test_a_format_of_the_weight_of_none_is_not_sent(world: World, accept: str, status: int, content_type: str) -> None:
    response = world.client.get("/metrics", headers={"Accept": accept})
    assert (response.status_code, response.headers["content-type"]) == (status, content_type)
    assert response.headers["vary"] == "Accept, Origin"


def test_a_scrape_of_old_readings_fails_instead_of_repeating_them(world: World) -> None:
    world.machine.wait(60_000)
    response = world.client.get("/metrics")
    assert response.status_code == 503
    assert response.text == "the newest value is 60.0 s old, the limit is 5 s\n"
    assert make_world(Machine()).client.get("/metrics").status_code == 503


def test_names_that_prometheus_cannot_tell_apart_are_given_once() -> None:
    descriptors = [Descriptor(name, "By", Kind.GAUGE, "") for name in ("a.b", "a/b", "a-b", "A.b")]
    readings = {Series(descriptor): float(number) for number, descriptor in enumerate(descriptors)}
    lines = [line for line in text_of(descriptors, readings).splitlines() if line[:1] in "aA"]
    assert lines == ["A_b_bytes 3.0", "a_b_bytes 2.0"]
