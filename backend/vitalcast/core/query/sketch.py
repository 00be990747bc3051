"""Distributions in few bytes that can be merged: any percentile within 1 %."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Sketches:
    """One exponential histogram for each of some steps, in columns: entry i says that step `steps[i]` had
    `counts[i]` readings in bucket `buckets[i]`.

    Buckets are numbered by value: 0 holds zeros, b > 0 the values around +BASE**(b - ORIGIN), negative ones mirrored.
    """

    steps: npt.NDArray[np.int64]
    buckets: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
