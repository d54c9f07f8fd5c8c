"""Statutory forms: what stands in them, printed as the law lays them out, and kept as they were handed in."""
