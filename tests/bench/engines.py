"""VictoriaMetrics and Prometheus to compare with: Debian's packages, fetched and unpacked without being installed.

Samples reach both by remote write, protobuf in snappy: what each takes for a sample is its own work. Without `apt-get`
or a network there are none, which is said.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import numpy.typing as npt
from tests.bench.common import Process, free_port, progress

FETCH_S = 180.0
READY_S = 60.0
QUERY_S = 300.0
SAMPLE_BYTES = 18  # of a `Sample` whose time is of the years 2004 to 2527
LITERAL_MAX = 65_536

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Engine:
    """How one engine is run, written to and measured. `{folder}` and `{port}` stand in its options."""

    name: str
    package: str
    program: str
    options: tuple[str, ...]
    write: str
    ready: str
    settle: tuple[str, ...] = ()  # addresses that have it put down what it holds


VICTORIA = Engine(
    "VictoriaMetrics",
    "victoria-metrics",
    "usr/bin/victoria-metrics",
    (
        "-storageDataPath={folder}",
        "-httpListenAddr=127.0.0.1:{port}",
        "-retentionPeriod=10y",
        "-loggerLevel=ERROR",
        "-search.latencyOffset=0s",
    ),
    "/api/v1/write",
    "/health",
    ("/internal/force_flush", "/internal/force_merge"),
)
PROMETHEUS = Engine(
    "Prometheus",
    "prometheus",
    "usr/bin/prometheus",
    (
        "--config.file={folder}/none.yml",
        "--storage.tsdb.path={folder}/data",
        "--storage.tsdb.retention.time=10y",
        "--web.enable-remote-write-receiver",
        "--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ),
    "/api/v1/write",
    "/-/ready",
)
ENGINES = (VICTORIA, PROMETHEUS)


def fetch(folder: Path, engine: Engine) -> Path:
    """Return the program of an engine, fetched and unpacked below `folder`. Raises RuntimeError where it cannot be."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise RuntimeError(f"{engine.name} is not to be had here: this is no Debian")
    program = folder / engine.package / engine.program
    if program.exists():
        return program
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for command in (["apt-get", "download", engine.package], ["dpkg-deb", "-x", "{package}", engine.package]):
            found = sorted(map(str, folder.glob(f"{engine.package}_*.deb")))
            filled = [found[0] if part == "{package}" else part for part in command]
            subprocess.run(filled, cwd=folder, check=True, capture_output=True, timeout=FETCH_S)
    except (subprocess.SubprocessError, IndexError, OSError) as error:
        said = getattr(error, "stderr", None) or str(error).encode()
        raise RuntimeError(f"{engine.name} is not to be had here: {said.decode(errors='replace')[-300:]}") from None
    return program


class Running:
    """An engine that runs on a data folder of its own. Times are Unix milliseconds."""

    def __init__(self, engine: Engine, process: Process, port: int, folder: Path) -> None:
        self.engine = engine
        self.process = process
        self._base = f"http://127.0.0.1:{port}"
        self.folder = folder

    def write(self, labels: Sequence[Mapping[str, str]], times_ms: Integers, values: Floats) -> None:
        """Write samples of the shape (times, series); `nan` is left out. Raises RuntimeError with what it said."""
        body = snappy(write_request(labels, times_ms, values))
        headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
        self._ask(self.engine.write, {}, body, headers)

    def settle(self) -> None:
        """Have it put down and merge what it holds."""
        for path in self.engine.settle:
            self._ask(path, {})

    def query_s(self, expression: str, start_ms: int, end_ms: int, step_s: float) -> tuple[float, int]:
        """Return how long a range query takes, and how many values it brings."""
        asked = {"query": expression, "start": start_ms / 1000, "end": end_ms / 1000, "step": step_s}
        begin_s = time.perf_counter()
        body = self._ask("/api/v1/query_range", asked)
        took_s = time.perf_counter() - begin_s
        return took_s, sum(len(one["values"]) for one in json.loads(body)["data"]["result"])

    def _ask(
        self,
        path: str,
        asked: Mapping[str, object],
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        url = f"{self._base}{path}" + (f"?{urlencode(asked)}" if asked else "")
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, data=body, headers=dict(headers or {})), timeout=QUERY_S
            ) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            said = error.read(500).decode(errors="replace")
            raise RuntimeError(f"{self.engine.name} refuses {path}: HTTP {error.code} {said}") from None


@contextmanager
def running(engine: Engine, program: Path, folder: Path) -> Iterator[Running]:
    """Run an engine on what is in `folder`. Raises RuntimeError where it does not get ready."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "none.yml").write_text("")
    port = free_port()
    with Process(program, *(option.format(folder=folder, port=port) for option in engine.options)) as process:
        one = Running(engine, process, port, folder)
        due_s = time.monotonic() + READY_S
        while True:
            try:
                one._ask(engine.ready, {})
                break
            except (OSError, RuntimeError):
                if process.child.poll() is not None or time.monotonic() > due_s:
                    raise RuntimeError(f"{engine.name} does not get ready; it said: {process.errors()}") from None
                time.sleep(0.05)
        yield one


def disk_bytes(folder: Path, *, without: Sequence[str] = ()) -> int:
    """Return what is in a folder, but for what lies in folders of these names."""
    files = (path for path in folder.rglob("*") if path.is_file() and not set(path.parts) & set(without))
    return sum(path.stat().st_size for path in files)


def prometheus_blocks(folder: Path) -> tuple[int, int]:
    """Return the bytes and the samples of the blocks that Prometheus has made; of the newest hours it has none."""
    nbytes = samples = 0
    for meta in (folder / "data").glob("*/meta.json"):
        samples += int(json.loads(meta.read_text())["stats"].get("numSamples", 0))
        nbytes += disk_bytes(meta.parent)
    return nbytes, samples


# --- remote write (https://prometheus.io/docs/concepts/remote_write_spec/) -------------------------------------------


def write_request(labels: Sequence[Mapping[str, str]], times_ms: Integers, values: Floats) -> bytes:
    """Return a `prometheus.WriteRequest` as protobuf; values have the shape (times, series), `nan` is left out."""
    series = []
    for number, named in enumerate(labels):
        kept = ~np.isnan(values[:, number])
        if kept.any():
            pairs = b"".join(_label(key, named[key]) for key in sorted(named))
            series.append(_field(1, pairs + _samples(times_ms[kept], values[kept, number])))
    return b"".join(series)


def _label(name: str, value: str) -> bytes:
    return _field(1, _field(1, name.encode()) + _field(2, value.encode()))


def _samples(times_ms: Integers, values: Floats) -> bytes:
    """Return `repeated Sample`, each `{double value = 1; int64 timestamp = 2}`; all take the same bytes."""
    rows = np.empty((len(times_ms), SAMPLE_BYTES), dtype=np.uint8)
    rows[:, :3] = (0x12, SAMPLE_BYTES - 2, 0x09)
    rows[:, 3:11] = np.ascontiguousarray(values, dtype="<f8").view(np.uint8).reshape(-1, 8)
    rows[:, 11] = 0x10
    for at in range(6):
        more = 0x80 if at < 5 else 0
        rows[:, 12 + at] = ((times_ms >> (7 * at)) & 0x7F) | more
    return rows.tobytes()


def _field(number: int, body: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(body)) + body


def varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*parts, number))


def snappy(data: bytes) -> bytes:
    """Return a snappy block of literals alone: larger, but no compressor is measured by accident."""
    parts = [varint(len(data))]
    for start in range(0, len(data), LITERAL_MAX):
        literal = data[start : start + LITERAL_MAX]
        parts += [b"\xf4", (len(literal) - 1).to_bytes(2, "little"), literal]
    return b"".join(parts)


def labels_of(key: str, name: str, attributes: Mapping[str, str]) -> dict[str, str]:
    """Return a series' labels as these engines take them: no dots."""
    named = {attribute.replace(".", "_"): value for attribute, value in attributes.items()}
    return {"__name__": name.replace(".", "_"), **named}


def any_of(engines: Sequence[Engine], folder: Path) -> tuple[dict[str, Path], list[str]]:
    """Return the programs that can be had, and why others cannot."""
    programs, missing = {}, []
    for engine in engines:
        progress(f"  fetching {engine.name}")
        try:
            programs[engine.name] = fetch(folder, engine)
        except RuntimeError as error:
            missing.append(str(error))
    return programs, missing
