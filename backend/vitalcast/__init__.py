"""Vitalcast streams a machine's vital signs, live, to every screen that wants them."""

__version__ = "0.1.0"
