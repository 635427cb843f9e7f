#!/usr/bin/env python3
"""Looks for secrets where they must not be: as they are, in hex, in base64, and for a number as bytes.

usage: search.py NAME=FILE[:OFFSET:LENGTH]... -- PLACE...
A secret is a file's bytes, or a part of them; a key's file of hex digits is also searched as the bytes that it stands for, and
a private key's (PEM) as its 32 bytes (RFC 8410: from the 17th on).
Places are files and folders. Prints one line a secret; exit code 1 if any is found, 2 if a secret is too short to look for.
"""

import base64
import pathlib
import re
import sys

# As many bytes as nobody meets by chance.
LEAST = 16


def forms(secret):
    """Every form in which it is looked for."""
    yield "as it is", secret
    yield "in hex", secret.hex().encode()
    # Base64 of it inside of something longer: the part that does not depend on what stands before.
    for skip in range(3):
        whole = base64.b64encode(secret[skip : skip + (len(secret) - skip) // 3 * 3])
        yield "in base64", whole


def read(argument):
    name, _, place = argument.partition("=")
    path, *part = place.split(":")
    secret = pathlib.Path(path).read_bytes()
    if part:
        offset, length = map(int, part)
        secret = secret[offset : offset + length]
    secret = secret.strip(b"\n") if not part else secret
    if secret.startswith(b"-----BEGIN"):
        secret = base64.b64decode(b"".join(secret.splitlines()[1:-1]))[16:48]
    secrets = [secret]
    if re.fullmatch(rb"([0-9a-fA-F]{2})+", secret):
        secrets.append(bytes.fromhex(secret.decode()))
    return name, secrets


def files(places):
    for place in map(pathlib.Path, places):
        yield from (path for path in ([place] if place.is_file() else place.rglob("*")) if path.is_file())


def main():
    split = sys.argv.index("--")
    secrets, places = map(read, sys.argv[1:split]), sys.argv[split + 1 :]
    contents = [(path, path.read_bytes()) for path in files(places)]
    found = False
    for name, variants in secrets:
        if any(len(variant) < LEAST for variant in variants):
            sys.exit(2)
        hits = {
            f"{path} ({form})"
            for variant in variants
            for form, bytes_ in forms(variant)
            for path, content in contents
            if bytes_ in content
        }
        found |= bool(hits)
        where = f"FOUND in {', '.join(sorted(hits))}" if hits else "nowhere"
        print(f"   {name:<34} {where}, in {len(contents)} files of {sum(len(c) for _, c in contents):,} bytes")
    sys.exit(found)


main()
