"""Staging, warehouse and marts: dbt, run in process, a layer at a time."""

from kho.transform.layers import Layer, TransformError, build

__all__ = ["Layer", "TransformError", "build"]
