"""Staging, warehouse and marts: dbt, run in process, a layer at a time."""

from kho.transform.layers import Layer, build
from kho.transform.project import TransformError

__all__ = ["Layer", "TransformError", "build"]
