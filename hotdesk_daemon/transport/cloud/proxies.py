"""
The way out to the cloud where a site has none but by a proxy.

The variables are those that everybody reads: ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``, in small
letters too. Devices are never reached by them, nor is whatever listens on this machine.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from hotdesk_daemon.core.errors import TransientError


def proxy_of(url: str) -> str | None:
    """
    The proxy that *url* is to be asked by; None without one.

    Raises:
        TransientError: the environment names what is no HTTP proxy.
    """
    scheme, host = _place(url)
    found = getproxies()
    proxy = found.get(scheme) or found.get("all")
    if not proxy or not host or _is_here(host) or proxy_bypass(host):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    by, where = _place(proxy)
    if by not in {"http", "https"} or not where:  # it may hold a password, so it is not shown
        raise TransientError(f"{scheme.upper()}_PROXY in the environment is no address such as http://proxy:3128")
    return proxy


def _place(url: str) -> tuple[str, str]:
    """Scheme and host; no host where it cannot be made out."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # is checked only when it is asked for
    except ValueError:
        return "", ""
    return parts.scheme, parts.hostname or ""


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
