"""Stands in for curl on a machine without it, as far as the manual's examples use it: `python -m tests.curl … URL`."""

from __future__ import annotations

import argparse
import http.client
import sys
import urllib.error
import urllib.request
from pathlib import Path

FAILED_TO_CONNECT, HTTP_ERROR, PARTIAL = 7, 22, 18  # as curl has it


def main() -> int:
    parser = argparse.ArgumentParser(prog="curl")
    for flag, name in {"-f": "fail", "-s": "silent", "-S": "show", "-N": "unbuffered"}.items():
        parser.add_argument(flag, dest=name, action="store_true")
    parser.add_argument("-o", dest="output", type=Path)
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("--max-time", type=float)
    parser.add_argument("url")
    given = parser.parse_args()
    headers = dict(line.split(": ", 1) for line in given.headers)
    try:
        with urllib.request.urlopen(
            urllib.request.Request(given.url, headers=headers), timeout=given.max_time
        ) as answer:
            return _write(answer, given.output)
    except urllib.error.HTTPError as error:
        print(f"curl: (22) The requested URL returned error: {error.code}", file=sys.stderr)
        return HTTP_ERROR if given.fail else 0
    except OSError as error:
        print(f"curl: (7) {error}", file=sys.stderr)
        return FAILED_TO_CONNECT


def _write(answer: http.client.HTTPResponse, output: Path | None) -> int:
    try:
        if output is not None:
            output.write_bytes(answer.read())
            return 0
        while data := answer.read1(65536):
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
    except (http.client.HTTPException, ConnectionError) as error:
        print(f"curl: (18) {error}", file=sys.stderr)
        return PARTIAL
    return 0


if __name__ == "__main__":
    sys.exit(main())
