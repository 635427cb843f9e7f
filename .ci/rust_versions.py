#!/usr/bin/env python3
"""Each crate that can be published states a least Rust version, and depends on nothing that asks for a later one.

What it uses of the standard library itself is clippy's to hold: incompatible_msrv.
"""
import json
import subprocess
import sys


def version(text):
    return tuple(int(part) for part in (text.split(".") + ["0", "0"])[:3])


metadata = json.loads(
    subprocess.check_output(["cargo", "metadata", "--locked", "--format-version", "1"])
)
packages = {package["id"]: package for package in metadata["packages"]}
dependencies = {
    node["id"]: [
        dependency["pkg"]
        for dependency in node["deps"]
        if any(kind["kind"] in (None, "build") for kind in dependency["dep_kinds"])
    ]
    for node in metadata["resolve"]["nodes"]
}
wrong = []
checked = 0
for root in metadata["workspace_members"]:
    own = packages[root]
    if own["publish"] == []:
        continue
    checked += 1
    seen, todo = set(), [root]
    while todo:
        package = todo.pop()
        if package not in seen:
            seen.add(package)
            todo.extend(dependencies[package])
    for package in (packages[package] for package in seen):
        asked = package["rust_version"]
        if asked and version(asked) > version(own["rust_version"]):
            wrong.append(f"{own['name']} states {own['rust_version']}, and {package['name']} asks for {asked}")
print("\n".join(wrong) or f"{checked} crates state a Rust version that their dependencies allow")
sys.exit(bool(wrong))
