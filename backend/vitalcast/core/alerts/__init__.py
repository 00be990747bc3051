"""Levels: from values and rules to whether something is wrong."""
