"""The arguments of a client, as people give them."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

from ._errors import PolicyError, SoftwareRootWarning
from ._sealnote import Core

Path = Union[str, "os.PathLike[str]"]
# What may stand before JSON, and is not of it: a byte order mark, too.
_BEFORE = "\ufeff \t\r\n"

Policy = Union[Path, bytes, Mapping[str, Any]]
Root = Union[Path, bytes]
Roots = Union[Root, Sequence[Root], None]


def make_core(
    server: str,
    policy: Policy,
    danger_accept_software_root: Roots,
    timeout: float,
    connect_timeout: float,
    connections: int,
    reconnects: int,
    allow_other_model: bool,
    client_key: Optional[Root],
) -> Core:
    roots = _roots(danger_accept_software_root)
    if roots:
        warnings.warn(
            "a development root is accepted: evidence under it protects nothing",
            SoftwareRootWarning,
            stacklevel=3,
        )
    return Core(
        server,
        _policy_json(policy),
        software_roots=[_pem(root) for root in roots],
        timeout=timeout,
        connect_timeout=min(timeout, connect_timeout),
        connections=connections,
        reconnects=reconnects,
        allow_other_model=allow_other_model,
        client_key=None if client_key is None else _pem(client_key),
    )


def check_texts(texts: object) -> None:
    """What can be iterated over, and is surely not meant: the letters of one text, the keys of a mapping, the columns of
    a table."""
    if isinstance(texts, (str, bytes)):
        raise TypeError("one text was given where a list of texts is wanted: [text]")
    if isinstance(texts, Mapping) or hasattr(texts, "columns"):
        raise TypeError("a table or mapping was given where a list of texts is wanted: name its column or values")


def _policy_json(policy: Policy) -> bytes:
    if isinstance(policy, Mapping):
        return json.dumps(dict(policy)).encode()
    if isinstance(policy, bytes):
        return policy
    if isinstance(policy, str) and policy.lstrip(_BEFORE).startswith("{"):
        return policy.lstrip(_BEFORE).encode()
    try:
        with open(policy, "rb") as file:
            return file.read()
    except OSError as error:
        raise PolicyError(f"the policy cannot be read: {error}") from error


def _roots(roots: Roots) -> list[Root]:
    if roots is None:
        return []
    if isinstance(roots, (str, bytes, os.PathLike)):
        return [roots]
    return list(roots)


def _pem(root: Root) -> str:
    if isinstance(root, bytes):
        return root.decode("ascii", "replace")
    if isinstance(root, str) and "-----BEGIN" in root:
        return root
    with open(root, encoding="ascii", errors="replace") as file:
        return file.read()
