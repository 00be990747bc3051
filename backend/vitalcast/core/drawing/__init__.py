"""Panels and badges as SVG: format, axis, theme, and fewer points than samples."""
