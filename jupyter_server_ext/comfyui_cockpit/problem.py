"""The one way in which we tell a failure: RFC 9457 with our keys."""

from __future__ import annotations

from typing import Any


def problem(
    code: str, status: int, title: str, detail: str, hint: str, args: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the problem of one cause; only what is not there yet (503) is worth a retry."""
    return {
        "type": f"urn:comfyui-cockpit:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "hint": hint,
        "args": args or {},
        "where": None,
        "retryable": status == 503,
        "link": None,
        "errors": [],
    }
