"""Metrics, series and frames: their names, aggregates, catalogue and recent past."""
