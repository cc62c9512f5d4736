"""ComfyUI Cockpit's server extension: starts the daemon and proxies to it."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

__version__ = version("jupyterlab-comfyui-cockpit")


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Where JupyterLab finds the panel, for `jupyter-builder develop`."""
    return [{"src": "labextension", "dest": "jupyterlab-comfyui-cockpit"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """What Jupyter Server loads; imported late, so that importing the package costs nothing."""
    from .app import CockpitApp

    return [{"module": "comfyui_cockpit", "app": CockpitApp}]
