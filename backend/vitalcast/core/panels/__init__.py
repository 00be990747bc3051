"""Panels: their schema, the built-in set, and which lines and number each shows."""
