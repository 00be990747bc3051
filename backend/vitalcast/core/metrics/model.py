"""The few value types that everything else exchanges."""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Kind(enum.StrEnum):
    """OpenTelemetry's instrument kinds, as far as a host's metrics need them."""

    GAUGE = "gauge"
    COUNTER = "counter"
    UPDOWNCOUNTER = "updowncounter"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What a metric is: its name and unit (UCUM), its kind, and the keys of its attributes.

    `rate` says whether a counter's per-second form (`<name>.rate`) is published beside it.
    """

    name: str
    unit: str
    kind: Kind
    description: str
    attributes: tuple[str, ...] = ()
    rate: bool = True


def series_key(name: str, attributes: tuple[tuple[str, str], ...]) -> str:
    """Return the canonical text of a series: `name{a="x",b="y"}`, attributes sorted by key.

    Backslash, double quote and line feed are escaped in values as in Prometheus's text format.
    """
    if not attributes:
        return name
    pairs = ",".join(
        '{}="{}"'.format(key, value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n"))
        for key, value in sorted(attributes)
    )
    return f"{name}{{{pairs}}}"


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One line of a metric: a descriptor and a value for each of its attributes, in its order.

    Equal by name, unit and attributes, so that a series found again after its device came back is the same series.
    `labels` describe it without being part of which one it is, sorted by key: a container's image, a filesystem's mode.
    """

    descriptor: Descriptor
    values: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    key: str = field(init=False)
    wire: bytes = field(init=False, default=b"", repr=False)  # its description in JSON, once somebody has made it

    def __post_init__(self) -> None:
        if len(self.values) != len(self.descriptor.attributes):
            raise ValueError(
                f"{self.descriptor.name} has the attributes {self.descriptor.attributes}, got values {self.values}"
            )
        object.__setattr__(self, "key", series_key(self.descriptor.name, tuple(self.attributes.items())))

    @property
    def name(self) -> str:
        return self.descriptor.name

    @property
    def attributes(self) -> dict[str, str]:
        return dict(zip(self.descriptor.attributes, self.values, strict=True))

    def value_of(self, key: str) -> str | None:
        """Return the attribute, or else the label, of this key; None where there is neither."""
        if key in self.descriptor.attributes:
            return self.values[self.descriptor.attributes.index(key)]
        return next((value for label, value in self.labels if label == key), None)

    def says_any(self, keys: frozenset[str]) -> bool:
        """Say whether any attribute or label has one of these keys."""
        return not keys.isdisjoint(self.descriptor.attributes) or any(label in keys for label, _ in self.labels)

    @property
    def description(self) -> tuple[object, ...]:
        """All that is said of it: equal for two series only where no client could tell them apart."""
        d = self.descriptor
        return d.name, d.unit, d.kind.value, d.description, tuple(sorted(self.attributes.items())), self.labels

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Series) and self.key == other.key and self.descriptor.unit == other.descriptor.unit

    def __hash__(self) -> int:
        return hash(self.key)


class Sample(NamedTuple):
    """One reading of one series; `nan` where there was no reading."""

    series: Series
    value: float


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Which series stands in which column of a frame; `None` marks a free column.

    Two layouts are the same where they say the same of every column, wherever they were made: `digest` stands for that
    and is worked out once, when two of them are first compared.
    """

    series: tuple[Series | None, ...]
    _digest: list[bytes] = field(init=False, repr=False, default_factory=list)

    @property
    def digest(self) -> bytes:
        """Eight bytes that stand for the content."""
        if not self._digest:
            content = repr([None if one is None else one.description for one in self.series])
            self._digest.append(hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=8).digest())
        return self._digest[0]

    def same(self, other: Layout | None) -> bool:
        return self is other or (other is not None and self.digest == other.digest)


@dataclass(frozen=True, slots=True)
class Frame:
    """All that one tick saw: `values[i]` is the reading of `layout.series[i]`, `nan` for none.

    `offset` is the source's tick number and `time_ms` the tick's wall-clock deadline in Unix milliseconds. Offsets
    alone say what came before what: times go back where the clock is set. `steady_ms` is the same deadline on the
    steady clock of this process, 0 for a tick of an earlier one. Ticks that were missed leave a hole in the offsets.
    The array is shared: nobody may write to it.
    """

    offset: int
    time_ms: int
    layout: Layout
    values: npt.NDArray[np.float64]
    steady_ms: int = 0

    def laid(self, layout: Layout, values: npt.NDArray[np.float64]) -> Frame:
        """Return the same tick with its values in other columns."""
        return Frame(self.offset, self.time_ms, layout, values, self.steady_ms)
