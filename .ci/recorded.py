#!/usr/bin/env python3
"""Runs a slow check, unless it passed before on the very same inputs.

usage: recorded.py [--all] NAME
  --all  run it even then

.ci/slow.toml lists the slow checks, each with its command and all of this repository that it depends on.
.ci/passed/NAME has the digests of that at the last pass. Only this program writes it: after the command passed, and
only if the inputs then are what they were before, and all in git's index.

Exit code: the command's; 77 if it was skipped.
"""

import difflib
import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

SKIPPED = 77

# What the command may see of the caller's surroundings: where things are, and how to reach the network. Any other
# variable may change what is tested.
ENVIRONMENT = re.compile(
    r"PATH|HOME|USER|TERM|TMPDIR|CI|CARGO_HOME|RUSTUP_\w+|SEALNOTE_CACHE|SEALNOTE_GUEST_TIMEOUT|SEALNOTE_LINUX_SOURCE"
    r"|CARGO_(HTTP|NET)_\w+|PIP_\w+|SSL_CERT_\w+|\w+_proxy|\w+_PROXY"
)

# Inputs of each check: this program, and files that would change what cargo does, though there are none today.
EVERYWHERE = [".ci/recorded.py", ".cargo", "rust-toolchain.toml"]


def main() -> int:
    arguments = sys.argv[1:]
    run_anyway = arguments[:1] == ["--all"]
    (name,) = arguments[run_anyway:]
    os.chdir(Path(__file__).parent.parent)
    check = tomllib.loads(Path(".ci/slow.toml").read_text())[name]
    record = Path(".ci/passed") / name

    before = inputs(check)
    passed = record.read_text().splitlines() if record.exists() else None
    if passed == before and not run_anyway:
        print(f"skipped: nothing that it depends on has changed since it passed, as {record} says")
        return SKIPPED
    explain(passed, before, record)

    status = subprocess.run(check["command"], shell=True, executable="/bin/bash", env=environment()).returncode
    if status != 0:
        # It may have passed with these inputs once, but that is no longer to be relied on.
        if passed == before:
            record.unlink()
        return status
    reason = why_not_recorded(check, before)
    if reason:
        print(f"passed, but not recorded: {reason}")
    else:
        record.parent.mkdir(exist_ok=True)
        record.write_text("".join(f"{line}\n" for line in before))
        print(f"passed: {record} is to be committed" if passed != before else "passed, as before")
    return 0


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if ENVIRONMENT.fullmatch(name)}


def explain(passed: list[str] | None, before: list[str], record: Path) -> None:
    if passed is None:
        print(f"there is no {record}")
    for line in difflib.ndiff(passed or before, before):
        # Each input is a line: its digest, and what it is.
        if line.startswith("+ "):
            print(f"changed since it passed: {line.split(maxsplit=2)[2]}")


def why_not_recorded(check: dict, before: list[str]) -> str | None:
    if inputs(check) != before:
        return "its inputs changed while it ran"
    foreign = sorted({name for path in paths(check) for name in untracked(path)})
    if foreign:
        return f"git does not know {', '.join(foreign)}"
    feature = check.get("recorded_with")
    if feature and feature not in Path("/proc/cpuinfo").read_text().split():
        return f"this processor lacks {feature}, and so not all was tested"
    return None


def inputs(check: dict) -> list[str]:
    """A line for each: digest, and what it is."""
    found = [
        (digest(json.dumps(check, sort_keys=True)), "its entry in .ci/slow.toml"),
        (digest(output("rustc", "--version", "--verbose")), "the compiler"),
    ]
    if "make " in check["command"]:
        # What make would do: other targets' recipes may change.
        text = output("make", "--dry-run", "--no-print-directory", *check["command"].split("make ")[1].split())
        found.append((digest(text), "the recipe in the Makefile"))
    if check.get("crates"):
        found.append((digest(settings()), "Cargo.toml's profiles, lints and versions"))
        found.append((digest(registry_crates(check["crates"])), "crates that are not ours, and their features"))
    for path in paths(check):
        text = contents(path)
        if text:
            found.append((digest(text), path))
        elif path in check["files"]:
            sys.exit(f"there is no {path}, which .ci/slow.toml names")
    return [f"{value}  {what}" for value, what in found]


def paths(check: dict) -> list[str]:
    """Each is what `git ls-files` takes, one or more separated by spaces."""
    folders = own_crates(check.get("crates", []))
    # A crate's folder may be within another's.
    ours = [" ".join([folder, *(f":!{crate}/tests" for crate in folders if within(crate, folder))]) for folder in folders]
    return sorted({*EVERYWHERE, *check["files"], *ours})


def within(crate: str, folder: str) -> bool:
    return crate == folder or crate.startswith(f"{folder}/")


def contents(path: str) -> str:
    """Of all that git tracks there, as it is in the work tree, with names and modes; and what git does not track."""
    lines = [f"untracked {name}" for name in untracked(path)]
    for name in listed("--cached", path):
        file = Path(name)
        if file.is_symlink():
            lines.append(f"link {os.readlink(file)} {name}")
        elif file.exists():
            executable = bool(file.stat().st_mode & 0o100)
            lines.append(f"{hashlib.sha256(file.read_bytes()).hexdigest()} {executable} {name}")
    return "\n".join(sorted(lines))


def untracked(path: str) -> list[str]:
    return listed("--others", path)


def listed(which: str, path: str) -> list[str]:
    return output("git", "ls-files", "-z", which, "--exclude-standard", "--", *path.split()).split("\0")[:-1]


def settings() -> str:
    """What Cargo.toml says to all crates; which dependencies they have is in `registry_crates`."""
    manifest = tomllib.loads(Path("Cargo.toml").read_text())
    workspace = {key: value for key, value in manifest["workspace"].items() if key not in ("members", "exclude", "dependencies")}
    return json.dumps([workspace, {key: value for key, value in manifest.items() if key != "workspace"}], sort_keys=True)


def registry_crates(crates: list[str]) -> str:
    """Name, version, features and checksum of each that is built for these, their tests included."""
    lock = tomllib.loads(Path("Cargo.lock").read_text())["package"]
    sums = {(package["name"], package["version"]): package.get("checksum") for package in lock}
    lines = set()
    for line in tree(crates):
        name, version = line.split()[:2]
        if "(/" not in line:
            lines.add(f"{line} {sums[name, version.removeprefix('v')]}")
    return "\n".join(sorted(lines))


def own_crates(crates: list[str]) -> list[str]:
    """The folders of these, and of all of ours that they are built from."""
    if not crates:
        return []
    found = {match[1] for line in tree(crates) if (match := re.search(r"\((/[^)]*)\)", line))}
    return sorted(os.path.relpath(folder) for folder in found)


def tree(crates: list[str]) -> list[str]:
    named = [argument for crate in crates for argument in ("-p", crate)]
    text = output("cargo", "tree", "--locked", "--all-features", "--edges", "normal,build,dev", *named,
                  "--prefix", "none", "--format", "{p} {f}")
    return sorted({line.removesuffix(" (*)").strip() for line in text.splitlines() if line})


def output(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment(), text=True).stdout


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


if __name__ == "__main__":
    sys.exit(main())
