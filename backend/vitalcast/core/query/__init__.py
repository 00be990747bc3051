"""Answers questions about the past: one join of memory and every tier of the history."""
