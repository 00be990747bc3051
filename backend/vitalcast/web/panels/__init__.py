"""Panels over HTTP: figures, SVG images and badges."""
