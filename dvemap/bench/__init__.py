"""Benchmarks, as plain functions that return numbers."""
