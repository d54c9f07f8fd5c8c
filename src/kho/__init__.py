"""Kho: the nightly warehouse of a province's administrative data. README.md tells the layout."""
