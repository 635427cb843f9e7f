"""The client of asyncio's code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from conftest import make_async_client, make_client
from stack import Act, Stack, flipped

import sealnote

TEXT = "Acute bronchitis with wheeze."


def test_the_same_as_the_blocking_client(stack: Stack, notes: list[dict[str, str]]) -> None:
    texts = [note["text"] for note in notes] + [None]

    async def asynchronous() -> AsyncIterator[object]:
        for text in texts:
            await asyncio.sleep(0)
            yield text

    async def run() -> list[list[object]]:
        client = make_async_client(stack)
        assert (await client.verify()).model == make_client(stack).verify().model
        everything = [
            await client.classify(texts),
            await client.classify(asynchronous()),
            [result async for result in client.stream(asynchronous())],
        ]
        return [[(result.label, result.error) for result in results] for results in everything]

    expected = [(result.label, result.error) for result in make_client(stack).classify(texts)]
    assert asyncio.run(run()) == [expected] * 3


def test_more_notes_than_are_read_ahead(stack: Stack) -> None:
    async def run() -> int:
        client = make_async_client(stack, connections=2)
        return len([result async for result in client.stream(f"{TEXT} {n}" for n in range(5000)) if result.ok])

    assert asyncio.run(run()) == 5000


def test_a_result_comes_while_the_source_waits(stack: Stack) -> None:
    """The next note is given once the result of the one before is there."""

    async def run() -> int:
        given: asyncio.Queue[str] = asyncio.Queue()

        async def texts() -> AsyncIterator[str]:
            for _ in range(5):
                yield await given.get()

        count = 0
        given.put_nowait(TEXT)
        async for result in make_async_client(stack).stream(texts()):
            count += result.ok
            given.put_nowait(TEXT)
        return count

    assert asyncio.run(asyncio.wait_for(run(), 30)) == 5


def test_other_tasks_run_meanwhile(stack: Stack) -> None:
    async def run() -> int:
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0.001)

        turning = asyncio.create_task(turn())
        await make_async_client(stack).classify([TEXT * 100] * 60)
        turning.cancel()
        return turns

    assert asyncio.run(run()) > 20


def test_a_failure_is_raised_and_the_stream_goes_on(stack: Stack, relay: Callable[[Act], str]) -> None:
    server = relay(lambda connection, number, frame: flipped(frame) if (connection, number) == (0, 2) else frame)

    async def run() -> int:
        async with make_async_client(stack, server).stream([TEXT] * 100) as stream:
            with pytest.raises(sealnote.RecordTampered):
                await stream.__anext__()
            return len([result async for result in stream if result.ok])

    assert asyncio.run(run()) == 100


def test_what_the_source_raises_comes_after_the_results(stack: Stack) -> None:
    async def texts() -> AsyncIterator[str]:
        yield TEXT
        raise KeyError("of the source")

    async def run() -> int:
        count = 0
        async with make_async_client(stack).stream(texts()) as stream:
            with pytest.raises(KeyError, match="of the source"):
                async for result in stream:
                    count += result.ok
        return count

    assert asyncio.run(run()) == 1


def test_a_call_is_cancelled(stack: Stack) -> None:
    async def run() -> None:
        calls = make_async_client(stack).classify([TEXT * 500] * 5000)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(calls, 0.3)

    asyncio.run(asyncio.wait_for(run(), 30))


def test_many_calls_at_the_same_time(stack: Stack) -> None:
    async def run() -> list[bool]:
        client = make_async_client(stack)
        calls = [client.classify([TEXT] * 10) for _ in range(16)]
        return [result.ok for results in await asyncio.gather(*calls) for result in results]

    assert asyncio.run(run()) == [True] * 160
