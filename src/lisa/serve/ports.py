"""Where a page may listen, and by which names it may be called there."""

from __future__ import annotations

import ipaddress
import re
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


def check_name(called: str, host: str) -> None:
    """Raises BadInput for a Host header with a name that is not of this machine, which listens at `host`.

    Any site may have its own name lead here, and browsers would let it in as this page. An address leads where it says.
    """
    name = re.sub(r":\d*$", "", called).lower()
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        if name not in ("localhost", host.lower(), socket.gethostname().lower()):
            raise BadInput(f"this page is not called {shown(name)}: open it by its address") from None
