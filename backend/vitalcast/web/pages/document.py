"""What the pages that the server writes have in common: their head, and the header that leads to the dashboard."""

from __future__ import annotations

import html


def document(up: str, title: str, body: str, *, style: str, script: str = "") -> str:
    """Return a page. `up` is the way to the dashboard, `style` and `script` are files of the frontend."""
    styles = f"{up}static/styles"
    run = f'<script type="module" src="{up}static/{script}"></script>\n' if script else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{html.escape(title)}</title>
<link rel="icon" href="{styles}/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{styles}/base.css">
<link rel="stylesheet" href="{styles}/fields.css">
<link rel="stylesheet" href="{styles}/pages.css">
<link rel="stylesheet" href="{styles}/{style}">
{run}</head>
<body>
{body}
</body>
</html>
"""


def site_header(up: str, more: str = "") -> str:
    """Return the header, as screens.html and the page of the HTTP API have it too; `more` is HTML that it ends with."""
    logo = f'<img class="logo" src="{up}static/styles/icon.svg" width="24" height="24" alt="">'
    return f'<header class="site">\n<a class="home" href="{up or "./"}">{logo}Vitalcast</a>\n{more}</header>'
