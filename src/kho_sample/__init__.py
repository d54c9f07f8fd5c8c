"""Sample exports: some months of a district or a province as its systems would hand them over, and servers that serve it.

The exports are deterministic by seed and add up to the totals of a small input file; nothing here knows a report.
"""
