"""PROTOCOL.md's worked example, recomputed from its text with Python's `cryptography`.

It shares no code with the Rust crates: if both agree, the document says enough to write either side.
Usage: worked_example.py PROTOCOL.md. Prints what it compared; the first difference ends it.
"""

import hashlib
import re
import struct
import sys

from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PROTOCOL = b"sealnote/2"


def main(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    example = {name: bytes.fromhex(value) for name, value in re.findall(r"```hex (\S+)\n([0-9a-f\n]*)```", text)}
    compared = []

    def same(name, value):
        if example[name] != value:
            sys.exit(f"{name} differs:\n  stated   {example[name].hex()}\n  computed {value.hex()}")
        compared.append(name)

    # Section 9: the model's digest, and PCR16.
    files = b""
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        content = example[f"model.{name}"]
        files += bytes([len(name)]) + name.encode() + struct.pack(">Q", len(content)) + sha384(content)
    same("model.digest", sha384(b"sealnote/1 model files\0" + files))
    extension = sha384(b"sealnote/1 model\0" + example["model.digest"])
    same("document.pcr16", sha384(bytes(48) + extension))

    # Sections 1 to 4: frames, and the binding of the claims.
    hello, answer, key = (example[f"frame.{name}"] for name in ("hello", "answer", "key"))
    same("frame.hello", frame(1, b"\xa2\x01\x58\x20" + example["client.challenge"] + b"\x02\x81\x02"))
    same("claims.binding", sha384(PROTOCOL + b" claims\0" + example["claims"]))
    document, claims = example["document"], example["claims"]
    same("frame.answer", frame(2, b"\xa3\x01\x01\x02" + bstr(document) + b"\x03" + bstr(claims)))
    for part in ("enclave.encapsulation_key", "enclave.random", "model.digest"):
        assert example[part] in claims, part
    assert hashlib.sha256(example["enclave.public_key"]).digest() in claims
    for part in ("claims.binding", "client.challenge", "enclave.public_key", "document.pcr16"):
        assert example[part] in document, part

    # Section 5, suite 2.
    mlkem, x25519 = xwing_expand(example["enclave.xwing_key"])
    mlkem_public = mlkem.public_key().public_bytes_raw()
    x25519_public = x25519.public_key().public_bytes_raw()
    same("enclave.encapsulation_key", mlkem_public + x25519_public)
    enc = key[-1120:]
    same("frame.key", frame(3, b"\xa2\x01\x02\x02" + bstr(enc)))
    # The client draws 32 bytes for ML-KEM, which has no deterministic encapsulation here, and 32 for X25519.
    ephemeral = X25519PrivateKey.from_private_bytes(example["client.encapsulation"][32:])
    assert enc[1088:] == ephemeral.public_key().public_bytes_raw()
    shared = xwing_decapsulate(mlkem, x25519, enc)
    same("hpke.info", PROTOCOL + b" suite2\0" + transcript(hello, answer))
    secret = hpke_export(shared, example["hpke.info"], PROTOCOL + b" suite2 secret", 32)
    same("session.secret", secret)

    # Section 5, key schedule.
    same("schedule.transcript", transcript(hello, answer, key))
    prk = extract(example["schedule.transcript"], label(2, "", "secret") + secret)
    same("schedule.prk", prk)
    keys = {}
    for direction in ("client to enclave", "enclave to client"):
        for purpose, length in (("key", 32), ("iv", 12)):
            value = derive(prk, 2, direction, purpose, length)
            keys[direction, purpose] = value
            same(f"schedule.{direction.replace(' ', '_')}.{purpose}", value)
    exporter = derive(prk, 2, "", "exporter", 32)
    same("schedule.exporter", exporter)
    same("schedule.exported.example", derive(exporter, 2, "exporter", "example", 32))

    # Section 6: every record, sealed anew.
    def record(direction, counter, plaintext):
        iv = keys[direction, "iv"]
        nonce = bytes(a ^ b for a, b in zip(iv, bytes(4) + struct.pack(">Q", counter)))
        header = struct.pack(">BBHI", 4, 2, 0, len(plaintext) + 16)
        return header + AESGCM(keys[direction, "key"]).encrypt(nonce, plaintext, header)

    up, down = "client to enclave", "enclave to client"
    same("frame.ready", record(down, 0, b"\x01" + PROTOCOL + b" ready"))
    notes = [example["note.0"], example["note.1"]]
    request = b"\x02" + struct.pack(">QH", 0, 2) + b"".join(struct.pack(">I", len(n)) + n for n in notes)
    same("frame.request", record(up, 0, request.ljust(4096, b"\0")))
    known = 255 * 16 // 17
    slots = struct.pack(">BBff", 1, known, 0.875, 0.125) + struct.pack(">BBff", 2, 0, 0.0, 0.0)
    same("frame.reply", record(down, 1, b"\x03" + struct.pack(">QBH", 0, 1, 2) + slots))
    same("frame.client_close", record(up, 1, b"\x04" + struct.pack(">Q", 1)))
    same("frame.enclave_close", record(down, 2, b"\x04" + struct.pack(">Q", 1)))

    # Section 5, suite 1.
    rsa = serialization.load_der_private_key(example["enclave.rsa_private_key"], None)
    spki = rsa.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    same("enclave.public_key", spki)
    sha256 = hashes.SHA256()
    oaep = padding.OAEP(padding.MGF1(sha256), sha256, PROTOCOL + b" suite1 secret")
    assert rsa.decrypt(example["rsa_oaep.sealed"], oaep) == example["rsa_oaep.secret"]
    compared.append("rsa_oaep.sealed")

    print(f"{len(compared)} values agree: {', '.join(compared)}")


def sha384(data):
    return hashlib.sha384(data).digest()


def bstr(data):
    """A CBOR byte string (RFC 8949, section 3.1) of 256 to 65,535 bytes."""
    assert 256 <= len(data) < 65536
    return b"\x59" + struct.pack(">H", len(data)) + data


def frame(kind, payload):
    return struct.pack(">BBHI", kind, 2, 0, len(payload)) + payload


def transcript(*frames):
    return hashlib.sha256(PROTOCOL + b" transcript\0" + b"".join(frames)).digest()


def extract(salt, ikm):
    """HKDF-Extract (RFC 5869, section 2.2)."""
    mac = hmac.HMAC(salt or bytes(32), hashes.SHA256())
    mac.update(ikm)
    return mac.finalize()


def expand(prk, info, length):
    """HKDF-Expand (RFC 5869, section 2.3), of one block at most."""
    assert length <= 32
    mac = hmac.HMAC(prk, hashes.SHA256())
    mac.update(info + b"\x01")
    return mac.finalize()[:length]


def lp(data):
    return struct.pack(">H", len(data)) + data


def label(suite, direction, purpose):
    return lp(PROTOCOL) + lp(struct.pack(">H", suite)) + lp(direction.encode()) + lp(purpose.encode())


def derive(prk, suite, direction, purpose, length):
    return expand(prk, struct.pack(">H", length) + label(suite, direction, purpose), length)


def xwing_expand(key):
    """draft-connolly-cfrg-xwing-kem, expandDecapsulationKey."""
    expanded = hashlib.shake_256(key).digest(96)
    return MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(expanded[64:])


def xwing_decapsulate(mlkem, x25519, enc):
    """The same, Decapsulate and Combiner."""
    ct_m, ct_x = enc[:1088], enc[1088:]
    ss_m = mlkem.decapsulate(ct_m)
    ss_x = x25519.exchange(X25519PublicKey.from_public_bytes(ct_x))
    pk_x = x25519.public_key().public_bytes_raw()
    return hashlib.sha3_256(ss_m + ss_x + ct_x + pk_x + rb"\.//^" + b"\\").digest()


def hpke_export(shared, info, context, length):
    """RFC 9180, sections 5.1 and 5.3: mode Base, KEM 0x647a, HKDF-SHA256, export only."""
    suite = b"HPKE" + struct.pack(">HHH", 0x647A, 0x0001, 0xFFFF)

    def labeled_extract(salt, name, ikm):
        return extract(salt, b"HPKE-v1" + suite + name + ikm)

    def labeled_expand(prk, name, info, length):
        return expand(prk, struct.pack(">H", length) + b"HPKE-v1" + suite + name + info, length)

    schedule = b"\x00" + labeled_extract(b"", b"psk_id_hash", b"") + labeled_extract(b"", b"info_hash", info)
    secret = labeled_extract(shared, b"secret", b"")
    exporter = labeled_expand(secret, b"exp", schedule, 32)
    return labeled_expand(exporter, b"sec", context, length)


if __name__ == "__main__":
    main(*sys.argv[1:])
