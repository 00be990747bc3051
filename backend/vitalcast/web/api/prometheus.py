"""The newest readings as Prometheus text, under the names that OpenTelemetry's compatibility rules give them.

Dots become underscores, the unit is written out and appended, counters end in `_total`, attributes are labels:
`system.network.io` in `By` is `system_network_io_bytes_total{network_interface_name="eth0",…}`. There is one
deviation: a gauge must not end in `_count`, which belongs to histograms and which `promtool check metrics` objects to,
so `system.process.count` in `{process}` is `system_processes`.

The `.rate` metrics are left out, since Prometheus computes rates of the counters itself. Series without a reading are
left out too, and there are no timestamps: a scrape shows what is true now.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from vitalcast.core.metrics.model import Descriptor, Frame, Kind, Series
from vitalcast.web.edge.accept import Offer, best_offer

if TYPE_CHECKING:
    from prometheus_client.core import Metric

# https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/, as far as our units go.
_UNITS = {
    "%": "percent",
    "A": "amperes",
    "By": "bytes",
    "Cel": "celsius",
    "Hz": "hertz",
    "J": "joules",
    "K": "kelvin",
    "V": "volts",
    "W": "watts",
    "d": "days",
    "h": "hours",
    "min": "minutes",
    "ms": "milliseconds",
    "ns": "nanoseconds",
    "s": "seconds",
    "us": "microseconds",
}
_PER = {"d": "day", "h": "hour", "min": "minute", "s": "second"}
_ANNOTATION = re.compile(r"\{([^}]*)\}")
_INVALID = re.compile(r"[^a-zA-Z0-9_]+|__+")


OPENMETRICS: Final = "application/openmetrics-text"
FORMATS: Final = (
    Offer("text/plain", {"version": "0.0.4"}),
    Offer("text/plain", {"version": "1.0.0"}),
    Offer(OPENMETRICS, {"version": "1.0.0"}),
)


class Family(NamedTuple):
    """A metric family: its name without `_total`, its unit's suffix or none."""

    name: str
    unit: str


def clean(text: str) -> str:
    """Return a name with each run of characters that Prometheus does not take replaced by one underscore."""
    name = _INVALID.sub("_", text)
    return f"_{name}" if name[:1].isdigit() else name


def unit_suffix(unit: str, kind: Kind) -> str:
    """Return a UCUM unit in words, `bytes_per_second` for `By/s`; nothing for a count of things."""
    if unit == "1":
        return "ratio" if kind is Kind.GAUGE else ""
    amount, _, per = _ANNOTATION.sub("", unit).partition("/")
    words = [clean(_UNITS.get(amount, amount))] if amount not in ("", "1") else []
    if per:
        words += ["per", clean(_PER.get(per, per))]
    return "_".join(words)


@functools.cache
def family(descriptor: Descriptor) -> Family:
    """Return the family of a metric."""
    name, unit = clean(descriptor.name), unit_suffix(descriptor.unit, descriptor.kind)
    if descriptor.kind is Kind.COUNTER:
        name = name.removesuffix("_total")
    elif name.endswith("_count"):
        name = _counted(name.removesuffix("_count"), descriptor.unit)
    if unit and not name.endswith(f"_{unit}"):
        name = f"{name}_{unit}"
    return Family(name, unit)


def _counted(name: str, unit: str) -> str:
    """Return the name of a number of things, which the unit's annotation names: `system_processes`."""
    annotation = _ANNOTATION.fullmatch(unit)
    thing = clean(annotation[1]) if annotation is not None else "item"
    head = name.removesuffix(thing).rstrip("_") if name.endswith(f"_{thing}") else name
    return f"{head}_{thing}{'es' if thing.endswith('s') else 's'}"


def exported(descriptors: Mapping[str, Descriptor]) -> Iterator[Descriptor]:
    """Yield the metrics that are exported: all but those that are derived from a counter."""
    for name, descriptor in descriptors.items():
        counter = descriptors.get(name.removesuffix(".rate")) if name.endswith(".rate") else None
        if counter is None or counter.kind is not Kind.COUNTER:
            yield descriptor


class FrameCollector:
    """Offers those series of one frame that are allowed to prometheus_client, which calls `collect`.

    `resource` describes where it comes from.
    """

    def __init__(
        self,
        descriptors: Mapping[str, Descriptor],
        frame: Frame,
        resource: Mapping[str, str],
        allows: Callable[[Series], bool],
    ) -> None:
        self._descriptors = descriptors
        self._frame = frame
        self._resource = dict(resource)
        self._allows = allows

    def collect(self) -> Iterable[Metric]:
        from prometheus_client.core import InfoMetricFamily

        yield InfoMetricFamily("target", "Where these metrics come from.", self._resource)
        yield from self._families().values()

    def _families(self) -> dict[str, Metric]:
        from prometheus_client.core import Metric

        families: dict[str, Metric] = {}
        given: set[tuple[object, ...]] = set()
        wanted = {descriptor.name for descriptor in exported(self._descriptors)}
        readings = zip(self._frame.layout.series, self._frame.values.tolist(), strict=True)
        present = [(one, value) for one, value in readings if one is not None and not math.isnan(value)]
        for series, value in sorted(present, key=lambda reading: reading[0].key):
            descriptor = series.descriptor
            if descriptor.name not in wanted or not self._allows(series):
                continue
            counter = descriptor.kind is Kind.COUNTER
            name, unit = family(descriptor)
            if name not in families:
                families[name] = Metric(name, descriptor.description, "counter" if counter else "gauge", unit)
            labels = {clean(key): text for key, text in series.attributes.items()}
            sample = (name, *sorted(labels.items()))
            if sample in given:  # names of others that only Prometheus cannot tell apart; twice it takes none at all
                continue
            given.add(sample)
            families[name].add_sample(f"{name}_total" if counter else name, labels, value)
        return families


def chosen_format(accept: str) -> Offer | None:
    """Return the format that an Accept header asks for, the plain text where it says nothing; None if it takes none."""
    # Names and labels of ours need no escaping, and all of it is UTF-8.
    return best_offer(accept, FORMATS, ignoring=("escaping", "charset"))


def render(
    format_: Offer,
    descriptors: Mapping[str, Descriptor],
    frame: Frame,
    resource: Mapping[str, str],
    allows: Callable[[Series], bool] = lambda _: True,
) -> tuple[bytes, str]:
    """Return the body in one of `FORMATS`, and its content type.

    The library is imported here: the first scrape pays for it and not every start.
    """
    from prometheus_client.exposition import generate_latest
    from prometheus_client.openmetrics import exposition as openmetrics

    encode = openmetrics.generate_latest if format_.type == OPENMETRICS else generate_latest
    escaping = "" if format_ is FORMATS[0] else "; escaping=underscores"
    content_type = f"{format_.type}; version={format_.parameters['version']}; charset=utf-8{escaping}"
    return encode(FrameCollector(descriptors, frame, resource, allows)), content_type
