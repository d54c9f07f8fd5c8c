"""Sample exports: the half-year of one district as its systems would hand it over, and servers that serve it.

The exports are deterministic by seed and add up to the totals of a small input file; nothing here knows a report.
"""
