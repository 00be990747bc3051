"""A site of another origin, whose pages a test writes."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# What the page was told: by the frames in it, and by the elements on it.
LISTEN = """<script>
window.told ??= [];
addEventListener("message", ({ data, origin }) => told.push({ ...data, origin }));
for (const type of ["ready", "live", "stale", "error"])
  addEventListener(type, (event) => { if (event instanceof CustomEvent && event.composed)
    told.push({ ...event.detail, type, element: event.target.id }); });
</script>"""


class Elsewhere:
    """Serves pages at `origin`, and the same ones at `stranger`, which is another origin still."""

    def __init__(self) -> None:
        pages = self._pages = dict[str, str]()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = pages.get(self.path, "").encode()
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def origin(self) -> str:
        return f"http://localhost:{self._server.server_port}"

    @property
    def stranger(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def page(self, body: str, head: str = "") -> str:
        """Put up a page and return its path."""
        path = f"/{len(self._pages) + 1}"
        self._pages[path] = f"<!doctype html><meta charset=utf-8><title>Wiki</title>{head}{LISTEN}{body}"
        return path

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
