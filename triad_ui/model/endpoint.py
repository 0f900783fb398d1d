"""The address of a model server, as a person types it.

Knows nothing of requests or answers.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from triad_ui.errors import ModelError

LONGEST = 2000
"""Characters of an address that are read."""

_HOW = "Write it like http://gpu-server:8000/v1, with #model behind it when it serves several."


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server is. base: URL up to and with the version, e.g. "http://host:8000/v1".

    host: name and port for people. model: named in the address, "" when not. key: sent with every
    request, and to this host only; it is in no repr.
    """

    base: str
    host: str
    model: str = ""
    key: str = field(default="", repr=False)

    @property
    def here(self) -> bool:
        """Whether the address is this very machine (as far as an address can tell)."""
        name = urlsplit(self.base).hostname or ""
        if name == "localhost" or name.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def masked(self, said: str) -> str:
        """A server's own words without the key, which some servers repeat."""
        return said.replace(self.key, "***") if self.key else said


def parse_endpoint(address: str, *, key: str = "") -> Endpoint:
    """Read "http://host:8000", ".../v1" or ".../v1#model"; without a version, /v1 is added.

    Raises ModelError for another scheme, for a user name or a query in the address (a key belongs
    in the environment, where no log and no page shows it) and for what is no address.
    """
    text = address.strip()
    if not text or len(text) > LONGEST or re.search(r"[\s\x00-\x1f\x7f\\]", text):
        raise ModelError(f"This is no address of a model server. {_HOW}")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ModelError(f"This is no address of a model server. {_HOW}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ModelError(
            f"The address of a model server begins with http:// or https:// and a name. {_HOW}"
        )
    if parts.username is not None or parts.password is not None or parts.query:
        raise ModelError(
            "The address holds a user name, a password or a query. Leave them out; a key for the "
            "server goes into the environment variable TRIAD_SERVED_KEY."
        )
    if not re.fullmatch(r"[\x21-\x7e]*", key):
        raise ModelError(
            "The key in TRIAD_SERVED_KEY has characters that no key has. Set it anew, without "
            "spaces and line ends."
        )
    path = re.sub(r"/(chat/completions|completions|models)/*$", "", parts.path).rstrip("/")
    if not re.search(r"/v\d+\w*$", path):
        path += "/v1"
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    host = f"{name}:{port}" if port else name
    return Endpoint(f"{parts.scheme}://{host}{path}", host, unquote(parts.fragment), key)
