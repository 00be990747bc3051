"""What is told of a recorded process: the columns at a moment, and those over a window."""

from __future__ import annotations

from typing import NamedTuple


class ProcessColumn(NamedTuple):
    """A column of an answer: its name on the wire, its unit (UCUM, empty for text and flags) and what it says."""

    name: str
    unit: str
    description: str

    @property
    def is_number(self) -> bool:
        """Whether its highest value is what one looks for first."""
        return bool(self.unit)


_PID = ProcessColumn("pid", "1", "The process id.")
_NAME = ProcessColumn("name", "", "The program's name, as shortened by the kernel.")
_USER = ProcessColumn("user", "", "The user that runs it.")
_UNIT = ProcessColumn("unit", "", "The systemd unit or the container that it runs in.")
_PARENT = ProcessColumn("parent", "1", "The id of the process that started it.")
_STARTED = ProcessColumn("started", "ms", "When it started, in Unix milliseconds.")

COMMAND = ProcessColumn("command", "", "The command line, which may hold secrets.")

MOMENT_COLUMNS = (
    _PID,
    _NAME,
    _USER,
    _UNIT,
    _PARENT,
    ProcessColumn("threads", "{thread}", "Its threads."),
    ProcessColumn("state", "", "What it did at that moment; `ended` where it had just ended."),
    ProcessColumn("cpu", "1", "Share of one CPU; more than 1 on several CPUs."),
    ProcessColumn("memory", "By", "Resident memory, with shared pages in full."),
    ProcessColumn("read", "By/s", "Bytes read from disks per second; empty without permission to read it."),
    ProcessColumn("write", "By/s", "Bytes written to disks per second; empty without permission to read it."),
    _STARTED,
)
WINDOW_COLUMNS = (
    _PID,
    _NAME,
    _USER,
    _UNIT,
    _PARENT,
    ProcessColumn("cpu", "1", "Mean share of one CPU over the recorded part of the window."),
    ProcessColumn("cpu_peak", "1", "Highest share of one CPU in any interval."),
    ProcessColumn("memory_peak", "By", "Most resident memory at any moment."),
    ProcessColumn("read", "By", "Bytes read from disks, as far as it was among the top processes."),
    ProcessColumn("write", "By", "Bytes written to disks, as far as it was among the top processes."),
    ProcessColumn("first", "ms", "When it first was among the top processes of the window, in Unix milliseconds."),
    ProcessColumn("last", "ms", "When it last was, in Unix milliseconds."),
    ProcessColumn("ended", "", "Whether it is known to have ended before the end of the window."),
    _STARTED,
)
