"""Streams: order, memory, threads, signals."""

from __future__ import annotations

import itertools
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from conftest import make_client
from stack import Stack

import sealnote

TEXT = "Acute bronchitis with wheeze."


@pytest.mark.parametrize("connections", [1, 4])
def test_results_are_in_the_notes_order(stack: Stack, notes: list[dict[str, str]], connections: int) -> None:
    texts = [note["text"] for note in notes]
    single = {text: make_client(stack).classify([text])[0].scores for text in texts[:20]}
    # Long and short, good and bad, so that answers come in another order.
    mixed = list(itertools.chain.from_iterable((text, None, "x" * 70_000, text * 9) for text in texts[:20])) * 5
    results = list(make_client(stack, connections=connections).stream(mixed))
    assert len(results) == len(mixed)
    for text, result in zip(mixed, results):
        if text is None:
            assert result.error == "missing"
        elif text in single:
            assert result.scores == pytest.approx(single[text], abs=1e-3)
        else:
            assert result.error == ("too_long" if text.startswith("xxx") else None)


def test_a_stream_reads_ahead_so_much_and_no_more(client: sealnote.Client) -> None:
    taken = 0

    def texts() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield TEXT

    with client.stream(texts()) as stream:
        for number, result in enumerate(itertools.islice(stream, 3000)):
            assert result.ok
            assert taken - number <= 1025


def test_long_notes_are_not_piled_up(client: sealnote.Client) -> None:
    taken = 0

    def texts() -> Iterator[str]:
        nonlocal taken
        for _ in range(600):
            taken += 1
            yield "a" * 60_000

    with client.stream(texts()) as stream:
        assert next(stream).ok
        # 16 MiB of notes without an answer.
        assert taken < 320


def test_a_result_comes_before_the_source_gives_the_next_note(client: sealnote.Client) -> None:
    """A slow source: each note but the first is asked for while the result before is there already, or is on its way."""
    given: list[float] = []
    got: list[float] = []

    def texts() -> Iterator[str]:
        for _ in range(4):
            given.append(time.monotonic())
            yield TEXT
            time.sleep(0.3)

    for result in client.stream(texts()):
        assert result.ok
        got.append(time.monotonic())
    assert got[0] < given[2]


def test_memory_is_constant(client: sealnote.Client) -> None:
    def peak() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with client.stream(f"{TEXT} {n}" for n in range(20_000)) as stream:
        for _ in itertools.islice(stream, 4000):
            pass
        before = peak()
        assert sum(1 for _ in stream) == 16_000
    assert peak() - before < 8 * 1024, "in KiB"


def test_other_threads_run_meanwhile(client: sealnote.Client) -> None:
    counted = 0
    over = threading.Event()

    def count() -> None:
        nonlocal counted
        while not over.is_set():
            counted += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    begun = time.monotonic()
    client.classify([TEXT * 100] * 60)
    took = time.monotonic() - begun
    over.set()
    thread.join()
    assert took > 0.1
    assert counted > took * 1000 / 20


def test_a_client_is_used_by_several_threads(client: sealnote.Client) -> None:
    labels: list[object] = []
    threads = [
        threading.Thread(target=lambda: labels.extend(r.label for r in client.classify([TEXT] * 50))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert labels == ["10 Diseases of the respiratory system"] * 200


@pytest.mark.parametrize("call", ["client.verify()", "client.classify(['a note'])"])
def test_ctrl_c_ends_a_wait(stack: Stack, call: str) -> None:
    """The server takes connections, and says nothing."""
    program = f"""
import signal, socket, sealnote
# As in a terminal: what is started in the background ignores it.
signal.signal(signal.SIGINT, signal.default_int_handler)
silent = socket.create_server(("127.0.0.1", 0))
client = sealnote.Client(f"tcp:127.0.0.1:{{silent.getsockname()[1]}}", {str(stack.policy)!r})
print("waiting", flush=True)
try:
    {call}
except KeyboardInterrupt:
    print("interrupted")
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        try:
            said, _ = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (said, process.returncode) == ("interrupted\n", 0)


def test_a_program_that_ends_in_the_middle_of_a_stream_ends(stack: Stack) -> None:
    program = f"""
import itertools, warnings, sealnote
warnings.simplefilter("ignore")
client = sealnote.Client({stack.server!r}, {str(stack.policy)!r}, danger_accept_software_root={str(stack.root)!r})
stream = client.stream(itertools.repeat("a note"))
print(next(stream).ok)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == ("True\n", "", 0)
