#!/usr/bin/env python3
"""Each crate that others build states a least Rust version, and depends on nothing that asks for a later one.

Those are the ones that can be published, and the Python client, which is built where it is installed from its sources.

What it uses of the standard library itself is clippy's to hold: incompatible_msrv.
"""
import json
import subprocess
import sys


def version(text):
    return tuple(int(part) for part in (text.split(".") + ["0", "0"])[:3])


def check(manifest, built_by_others):
    """Of a workspace: how many crates others build, and what is wrong with them."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--manifest-path", manifest]
    metadata = json.loads(subprocess.check_output(command))
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
    roots = [root for root in metadata["workspace_members"] if built_by_others(packages[root])]
    for root in roots:
        own = packages[root]
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
    return len(roots), wrong


checked, wrong = check("Cargo.toml", lambda package: package["publish"] != [])
more, also_wrong = check("client/python/Cargo.toml", lambda package: True)
checked, wrong = checked + more, wrong + also_wrong
print("\n".join(wrong) or f"{checked} crates state a Rust version that their dependencies allow")
sys.exit(bool(wrong))
