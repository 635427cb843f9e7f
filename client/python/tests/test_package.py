"""The package itself: examples, types, what it offers."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from stack import Stack

import sealnote
from sealnote import _sealnote

FOLDER = Path(sealnote.__file__).parent


@pytest.mark.parametrize("module", ["sealnote", "sealnote._client", "sealnote._aio"])
@pytest.mark.filterwarnings("ignore::sealnote.SoftwareRootWarning")
def test_the_examples_hold(module: str, stack: Stack) -> None:
    names = {"server": stack.server, "policy": stack.policy, "trust": stack.trust}
    done = doctest.testmod(importlib.import_module(module), extraglobs=names)
    assert done.attempted >= 3
    assert done.failed == 0


def test_the_stubs_name_what_there_is() -> None:
    """Every class and member of the extension is in its stub, and nothing else is."""
    stub = ast.parse((FOLDER / "_sealnote.pyi").read_text())
    stubbed = {
        node.name: {member.name for member in node.body if isinstance(member, ast.FunctionDef)}
        for node in stub.body
        if isinstance(node, ast.ClassDef)
    }
    there = {
        name: {member for member in vars(kind) if not member.startswith("_")}
        for name, kind in inspect.getmembers(_sealnote, inspect.isclass)
    }
    public = {name: {m for m in members if not m.startswith("_")} for name, members in stubbed.items()}
    assert public == there


def test_what_is_public_has_a_description() -> None:
    for name in sealnote.__all__:
        assert getattr(sealnote, name).__doc__, name


def test_types_hold_in_the_package_and_in_a_program_that_uses_it(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    program = tmp_path / "program.py"
    program.write_text(
        """
import sealnote

client = sealnote.Client("tcp:localhost:7000", "policy.json", connections=2)
label: str | None = client.classify(["a note"])[0].label
with client.stream(iter(["a note"])) as stream:
    scores: list[dict[str, float]] = [result.scores for result in stream]
try:
    document: bytes = client.verify().document
except sealnote.EvidenceRejected as error:
    check: str | None = error.check


async def labels() -> list[str | None]:
    return [result.label async for result in sealnote.AsyncClient("tcp:localhost:7000", {}).stream(["a note"])]
"""
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache")]
    done = subprocess.run([*command, "-m", "program", "-p", "sealnote"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    # It can find something.
    program.write_text(program.read_text().replace("label: str | None", "label: int"))
    done = subprocess.run([*command, str(program)], capture_output=True, text=True, cwd=tmp_path)
    assert "Incompatible types in assignment" in done.stdout
