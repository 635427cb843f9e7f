#!/usr/bin/env python3
"""Encrypts a file by PROTOCOL.md, "Encrypted model", with other cryptography: PyPI's `cryptography`.

usage: make_vector.py vectors/config.json.sealnote
"""
import hashlib
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

# Two chunks, of 1024 bytes and of 476.
PLAIN = bytes(number % 251 for number in range(1500))
KEY = bytes(range(32))
MODEL = bytes(range(0x40, 0x70))
SALT = bytes(range(0x80, 0xA0))
WRAPPED = bytes(300)
CHUNK = 1024


def head(major, value):
    for size, info in ((1, 24), (2, 25), (4, 26), (8, 27)):
        if value < 24:
            return bytes([major << 5 | value])
        if value < 1 << 8 * size:
            return bytes([major << 5 | info]) + value.to_bytes(size, "big")


def cbor(value):
    match value:
        case int():
            return head(0, value)
        case bytes():
            return head(2, len(value)) + value
        case str():
            return head(3, len(value)) + value.encode()
        case dict():
            return head(5, len(value)) + b"".join(cbor(key) + cbor(of) for key, of in value.items())


fields = cbor({0: "config.json", 1: "test/key_1", 2: MODEL, 3: len(PLAIN), 4: CHUNK, 5: SALT, 6: WRAPPED})
header = b"sealnote model\0\x01" + len(fields).to_bytes(2, "big") + fields
info = b"sealnote model file\0" + hashlib.sha256(header).digest()
derived = HKDF(SHA256(), 64, SALT, info).derive(KEY)
key, commitment = derived[:32], derived[32:]

chunks = [PLAIN[at : at + CHUNK] for at in range(0, len(PLAIN), CHUNK)]
out = header + commitment
for number, chunk in enumerate(chunks):
    last = number == len(chunks) - 1
    out += AESGCM(key).encrypt(bytes(7) + number.to_bytes(4, "big") + bytes([last]), chunk, None)
with open(sys.argv[1], "wb") as file:
    file.write(out)
