"""Keeps frames beyond the memory of the process."""
