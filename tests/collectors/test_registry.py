from __future__ import annotations

import difflib
import re
from pathlib import Path

import pytest
from tests.collectors.support import PSUTIL, write_proc

from vitalcast.collectors import registry
from vitalcast.collectors.runtime_stats import RuntimeStats
from vitalcast.core.metrics.model import Descriptor
from vitalcast.core.stream.grants import NAMELESS, NAMING_ATTRIBUTES
from vitalcast.errors import ConfigError

GOLDEN = Path(__file__).with_name("golden_catalogue.txt")


def golden_line(descriptor: Descriptor) -> str:
    return f"{descriptor.name} {descriptor.unit} {descriptor.kind} {','.join(descriptor.attributes) or '-'}"


def test_nothing_that_is_open_to_every_token_names_a_program_or_a_user() -> None:
    named = [
        descriptor.name
        for descriptors in registry.CATALOGUE.values()
        for descriptor in descriptors
        if descriptor.name.partition(".")[0] in NAMELESS and not NAMING_ATTRIBUTES.isdisjoint(descriptor.attributes)
    ]
    assert named == []


def test_the_catalogue_is_the_golden_one() -> None:
    """Names, units, kinds and attributes are a promise to clients: a change must be made here too, on purpose."""
    declared = registry.with_rates(d for descriptors in registry.CATALOGUE.values() for d in descriptors)
    now = sorted(golden_line(descriptor) for descriptor in declared)
    golden = GOLDEN.read_text().splitlines()
    difference = "\n".join(difflib.unified_diff(golden, now, GOLDEN.name, "declared now", lineterm="", n=0))
    assert not difference, f"the catalogue changed; if that is meant, change {GOLDEN} alike:\n{difference}"


def test_every_module_that_declares_something_is_registered() -> None:
    declaring = [
        path.stem
        for path in Path(registry.__file__).parent.glob("*.py")
        if re.search(r"^(?:COLLECTORS|TABLES) = ", path.read_text(), re.MULTILINE)
    ]
    assert sorted(declaring) == sorted(registry.MODULES)


def test_no_name_is_declared_twice() -> None:
    names = [*(one.name for one in registry.COLLECTORS), *(one.name for one in registry.TABLES)]
    assert len(names) == len(set(names))


def test_every_collector_of_this_machine_is_in_the_catalogue() -> None:
    for collector in registry.default_collectors(stats=RuntimeStats()):
        assert set(collector.descriptors) <= set(registry.CATALOGUE[collector.name])


def test_disabled_collectors_and_tables_are_left_out() -> None:
    disabled = ["cpu", "process", "processes"]
    names = {c.name for c in registry.default_collectors(stats=RuntimeStats(), disabled=disabled)}
    assert "memory" in names
    assert "programs" not in names  # who wants no names in a table wants none in series
    assert not names & set(disabled)
    assert registry.default_tables(disabled=disabled) == {}


def test_series_by_program_can_be_turned_off_alone() -> None:
    names = {c.name for c in registry.default_collectors(stats=RuntimeStats(), disabled=["programs"])}
    assert "process" in names
    assert "programs" not in names
    assert list(registry.default_tables(disabled=["programs"])) == ["processes"]


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"collectors\.disabled: unknown name 'gpu'; known: cpu, .*processes"):
        registry.default_collectors(stats=RuntimeStats(), disabled=["gpu"])
    with pytest.raises(ConfigError):
        registry.default_tables(disabled=["gpu"])


def test_what_the_machine_lacks_is_absent(tmp_path: Path) -> None:
    psutils = {c.name for c in registry.default_collectors(stats=RuntimeStats(), roots=PSUTIL)}
    assert {"cpu", "memory", "disk", "network", "process", "runtime"} <= psutils
    assert not psutils & {"pressure", "sockets"}
    # A /proc without these files is no reason to ask psutil, which would tell of our own machine.
    nothings = registry.default_collectors(stats=RuntimeStats(), roots=write_proc(tmp_path, {}))
    assert [collector.name for collector in nothings] == ["runtime"]


def test_a_collector_that_cannot_start_does_not_stop_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # There is no process to be seen.
    roots = write_proc(tmp_path, {"stat": "cpu  1 2 3 4 5 6 7 8 9 10\n", "meminfo": "MemTotal: 1 kB\n"})
    names = {c.name for c in registry.default_collectors(stats=RuntimeStats(), roots=roots)}
    assert "process" not in names
    assert {"cpu", "memory"} <= names
    assert "the collector process is left out" in caplog.text
    assert registry.default_tables(roots=roots) == {}
    assert "the table processes is left out" in caplog.text


def test_command_lines_are_a_choice() -> None:
    assert "command" not in [c.name for c in registry.default_tables()["processes"].columns]
    shown = registry.default_tables(command_line=True)["processes"]
    assert "command" in [c.name for c in shown.columns]


def test_each_counter_is_followed_by_its_rate() -> None:
    collectors = registry.default_collectors(stats=RuntimeStats())
    names = [descriptor.name for descriptor in registry.descriptors_with_rates(collectors)]
    assert names.index("system.network.io.rate") == names.index("system.network.io") + 1
    assert "system.cpu.time" in names
    assert "system.cpu.time.rate" not in names
    assert len(names) == len(set(names))
