from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from stack import MODEL, ROOT, Act, Relay, Stack

import sealnote


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    stack = Stack()
    yield stack
    stack.close()


@pytest.fixture
def own_stack() -> Iterator[Stack]:
    """One that the test may stop."""
    stack = Stack()
    yield stack
    stack.close()


@pytest.fixture(scope="session")
def multi_label(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The same weights, read as a model each of whose labels holds by itself."""
    model = tmp_path_factory.mktemp("multi-label")
    for file in MODEL.iterdir():
        if file.name != "config.json":
            (model / file.name).symlink_to(file)
    config = json.loads((MODEL / "config.json").read_text())
    config["problem_type"] = "multi_label_classification"
    (model / "config.json").write_text(json.dumps(config))
    stack = Stack(model)
    yield stack
    stack.close()


@pytest.fixture
def relay(stack: Stack) -> Iterator[Callable[[Act], str]]:
    """Makes a relay before the shared stack, and gives its address."""
    relays: list[Relay] = []

    def make(act: Act) -> str:
        relays.append(Relay(stack.server, act))
        return relays[-1].address

    yield make
    for relay in relays:
        relay.close()


@pytest.fixture
def client(stack: Stack) -> sealnote.Client:
    return make_client(stack)


@pytest.fixture(scope="session")
def notes() -> list[dict[str, str]]:
    return [json.loads(line) for line in (ROOT / "examples/notes.jsonl").read_text().splitlines()]


def make_client(stack: Stack, server: str = "", **options: Any) -> sealnote.Client:
    with pytest.warns(sealnote.SoftwareRootWarning):
        return sealnote.Client(server or stack.server, stack.policy, **stack.trust, **options)


def make_async_client(stack: Stack, server: str = "", **options: Any) -> sealnote.AsyncClient:
    with pytest.warns(sealnote.SoftwareRootWarning):
        return sealnote.AsyncClient(server or stack.server, stack.policy, **stack.trust, **options)
