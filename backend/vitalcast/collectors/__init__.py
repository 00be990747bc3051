"""Readers of the machine, one subject a file; psutil and /proc are used only here."""
