"""Dashboards as code: the files in `bi/dashboards` become the assets of a BI tool, every name in them checked before.

Nothing here needs a server, nor the BI tool: `kho.server.superset` installs that one and hands it what is made here.
"""

from kho.bi.assets import Assets, assets, slug
from kho.bi.specification import DashboardError

__all__ = ["Assets", "DashboardError", "assets", "slug"]
