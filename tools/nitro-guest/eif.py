#!/usr/bin/env python3
"""Takes an enclave image (EIF) apart, without the crate that put it together.

usage: eif.py unpack IMAGE FOLDER        FOLDER/kernel, FOLDER/cmdline, FOLDER/ramdisks (all, in order)
       eif.py flip IMAGE PART OUT        a copy with one bit flipped in: header, crc, kernel, ramdisk;
                                         or in cmdline, and then with a CRC that is right again

The format is that of aws-nitro-enclaves-image-format: a header, then sections, each with a header of
its own; all integers big-endian.
"""

import pathlib
import struct
import sys
import zlib

# Magic, version, flags, default memory and processors, reserved, sections; offsets; sizes; unused, CRC.
HEADER = struct.Struct(">4sHHQQHH32Q32QII")
SECTION = struct.Struct(">HHQ")
KERNEL, CMDLINE, RAMDISK = 1, 2, 3
# Of the header: the default memory's last byte, and the CRC's.
IN_HEADER = {"header": 15, "crc": HEADER.size - 1}


def sections(image):
    """Type, offset of the data and length of each section."""
    magic, *numbers = HEADER.unpack_from(image)
    if magic != b".eif":
        sys.exit("eif.py: not an enclave image")
    count, offsets = numbers[5], numbers[6:38]
    for offset in offsets[:count]:
        kind, _, size = SECTION.unpack_from(image, offset)
        yield kind, offset + SECTION.size, size


def unpack(image_path, folder):
    image = pathlib.Path(image_path).read_bytes()
    folder = pathlib.Path(folder)
    for name, wanted in (("kernel", KERNEL), ("cmdline", CMDLINE), ("ramdisks", RAMDISK)):
        parts = [image[at : at + size] for kind, at, size in sections(image) if kind == wanted]
        if not parts:
            sys.exit(f"eif.py: {image_path} has no {name}")
        (folder / name).write_bytes(b"".join(parts))


def crc(image):
    """Over the header without its CRC, and the sections."""
    value = zlib.crc32(image[: HEADER.size - 4])
    for _, at, size in sections(image):
        value = zlib.crc32(image[at - SECTION.size : at + size], value)
    return value


def flip(image_path, part, out):
    image = bytearray(pathlib.Path(image_path).read_bytes())
    if part in IN_HEADER:
        at = IN_HEADER[part]
    else:
        wanted = {"kernel": KERNEL, "cmdline": CMDLINE, "ramdisk": RAMDISK}[part]
        # The last ramdisk is the one with the program and the model.
        start, size = [(at, size) for kind, at, size in sections(image) if kind == wanted][-1]
        at = start + size // 2
    image[at] ^= 1
    if part == "cmdline":
        struct.pack_into(">I", image, HEADER.size - 4, crc(image))
    pathlib.Path(out).write_bytes(image)


if __name__ == "__main__":
    {"unpack": unpack, "flip": flip}[sys.argv[1]](*sys.argv[2:])
