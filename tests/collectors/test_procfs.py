from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from vitalcast.collectors.procfs import (
    TEXT_MAX_BYTES,
    KernelFile,
    counts,
    difference,
    number,
    open_if_readable,
    read_if_readable,
    read_small,
    within,
)
from vitalcast.machine import PROCFS


def test_a_kernel_file_is_read_anew_each_time(tmp_path: Path) -> None:
    path = tmp_path / "loadavg"
    path.write_bytes(b"1 2 3")
    file = KernelFile(path)
    assert file.read() == b"1 2 3"
    path.write_bytes(b"4")
    assert file.read() == b"4"


def test_a_file_longer_than_one_read_comes_whole(tmp_path: Path) -> None:
    text = os.urandom(200_000)
    (tmp_path / "stat").write_bytes(text)
    assert KernelFile(tmp_path / "stat").read() == text


@pytest.mark.parametrize("bytes_", [0, 1, 65535, 65536, 65537, 131072, 200_000])
def test_a_file_of_one_record_comes_whole_too(tmp_path: Path, bytes_: int) -> None:
    text = os.urandom(bytes_)
    (tmp_path / "stat").write_bytes(text)
    assert KernelFile(tmp_path / "stat", is_one_record=True).read() == text


def test_a_pipe_in_a_files_place_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "stat"
    os.mkfifo(pipe)
    assert open_if_readable(pipe) is None
    assert read_if_readable(pipe) is None
    assert read_small(str(pipe)) == b""


def test_a_file_without_an_end_is_not_read_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "stat"
    path.symlink_to("/dev/zero")
    assert open_if_readable(path) is None
    assert read_if_readable(path) is None
    path.unlink()
    path.write_bytes(b"1")
    file = KernelFile(path)
    os.truncate(path, TEXT_MAX_BYTES)
    assert len(file.read()) == TEXT_MAX_BYTES
    os.truncate(path, TEXT_MAX_BYTES + 1)
    with pytest.raises(OSError, match="File too large"):
        file.read()


ONE_RECORD = ("stat", "meminfo", "loadavg", "uptime", "self/stat", "net/sockstat", "net/sockstat6", "pressure/io")


@pytest.mark.parametrize("name", [name for name in ONE_RECORD if open_if_readable(PROCFS / name)])
def test_the_kernel_hands_out_one_record_whole(name: str) -> None:
    text = KernelFile(PROCFS / name, is_one_record=True).read()
    assert text.endswith(b"\n")
    assert len(text.split()) == len(KernelFile(PROCFS / name).read().split())


def test_a_real_kernel_file_comes_whole() -> None:
    with (PROCFS / "vmstat").open("rb") as plain:
        lines = plain.read().splitlines()
    assert [line.split()[0] for line in KernelFile(PROCFS / "vmstat").read().splitlines()] == [
        line.split()[0] for line in lines
    ]


def test_the_descriptor_is_closed_with_the_object(tmp_path: Path) -> None:
    (tmp_path / "stat").write_bytes(b"x")
    file = KernelFile(tmp_path / "stat")
    fd = file._fd
    del file
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_closing_twice_is_harmless(tmp_path: Path) -> None:
    (tmp_path / "stat").write_bytes(b"x")
    file = KernelFile(tmp_path / "stat")
    file.close()
    file.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        file.read()


def test_a_missing_or_unreadable_file_is_none(tmp_path: Path) -> None:
    assert open_if_readable(tmp_path / "nothing") is None
    assert open_if_readable(tmp_path) is None  # a directory opens but does not read


@pytest.mark.parametrize(
    ("label", "expected"),
    [(b"\nMemFree:", 24108064), (b"\nHugePages_Free:", 7), (b"\nLast ", 0.5), (b"MemTotal:", 24682416)],
)
def test_a_number_is_found_by_its_label(label: bytes, expected: float) -> None:
    text = b"MemTotal:       24682416 kB\nMemFree:  24108064 kB\nHugePages_Free:        7\nEmpty:\nLast 0.5"
    assert number(text, label) == expected


def test_a_missing_number_is_no_reading() -> None:
    assert math.isnan(number(b"a 1\n", b"\nb "))
    assert math.isnan(number(b"\nEmpty:\nb 1", b"\nEmpty:"))


@pytest.mark.parametrize("word", [b"-1", b"nan", b"inf", b"1e400", b"x", b"18446744073709551617000", b"\xff", b"1 "])
def test_a_number_that_the_kernel_cannot_mean_is_no_reading(word: bytes) -> None:
    assert math.isnan(number(b"a: %b\n" % word, b"a:")) == (word != b"1 ")


@pytest.mark.parametrize("word", [b"-1", b"1.5", b"x", b"", b"%d" % 2**64, b"9" * 5000])
def test_a_counter_that_the_kernel_cannot_mean_is_refused(word: bytes) -> None:
    assert counts([b"0", b"%d" % (2**64 - 1)]) == [0, 2**64 - 1]
    with pytest.raises(ValueError):
        counts([b"1", word])


def test_numbers_that_contradict_each_other_are_no_reading() -> None:
    assert (difference(5, 3), difference(5, 5), within(3, 5), within(5, 5)) == (2, 0, 3, 5)
    assert all(map(math.isnan, (difference(3, 5), difference(math.nan, 1), within(6, 5), within(-1, 5))))
    assert within(3, math.nan) == 3  # nothing is known of the whole
