"""What is told of a process: the columns that every table of them has, and those of the recorder's two."""

from __future__ import annotations

from vitalcast.core.metrics.table_info import Column

PID = Column("pid", "1", "The process id.")
NAME = Column("name", "", "The program's name, as shortened by the kernel.")
USER = Column("user", "", "The user that runs it.")
THREADS = Column("threads", "{thread}", "Its threads.")
MEMORY = Column("memory", "By", "Resident memory, with shared pages in full.")
READ = Column("read", "By/s", "Bytes read from disks per second; empty without permission to read it.")
WRITE = Column("write", "By/s", "Bytes written to disks per second; empty without permission to read it.")
UNIT = Column("unit", "", "The systemd unit or the container that it runs in.")
PARENT = Column("parent", "1", "The id of the process that started it.")
STARTED = Column("started", "ms", "When it started, in Unix milliseconds.")

COMMAND = Column("command", "", "The command line, which may hold secrets.")

MOMENT_COLUMNS = (
    PID,
    NAME,
    USER,
    UNIT,
    PARENT,
    THREADS,
    Column("state", "", "What it did at that moment; `ended` where it had just ended."),
    Column("cpu", "1", "Share of one CPU; more than 1 on several CPUs."),
    MEMORY,
    READ,
    WRITE,
    STARTED,
)
WINDOW_COLUMNS = (
    PID,
    NAME,
    USER,
    UNIT,
    PARENT,
    Column("cpu", "1", "Mean share of one CPU over the recorded part of the window."),
    Column("cpu_peak", "1", "Highest share of one CPU in any interval."),
    Column("memory_peak", "By", "Most resident memory at any moment."),
    Column("read", "By", "Bytes read from disks, as far as it was among the top processes."),
    Column("write", "By", "Bytes written to disks, as far as it was among the top processes."),
    Column("first", "ms", "When it first was among the top processes of the window, in Unix milliseconds."),
    Column("last", "ms", "When it last was, in Unix milliseconds."),
    Column("ended", "", "Whether it is known to have ended before the end of the window."),
    STARTED,
)
