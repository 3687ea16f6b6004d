"""Where a page may listen."""

from __future__ import annotations

import socket

from lisa.errors import BadInput, shown


def free_port(host: str, port: int) -> int:
    """The port if it can be listened on, any free one for 0. Raises BadInput."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family) as server:
            return server.getsockname()[1]
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (while")[0]
        raise BadInput(
            f"cannot listen on {shown(host)}, port {port} ({reason}): "
            "choose another with --port, or --port 0 for any free one"
        ) from error
