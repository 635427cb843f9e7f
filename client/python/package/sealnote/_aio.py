"""The client of asyncio's code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from types import TracebackType
from typing import Optional, Union

from . import _columns
from ._errors import SealnoteError
from ._options import Policy, Root, Roots, check_texts, make_core
from ._sealnote import Evidence, Result, Submission

Texts = Union[Iterable[object], AsyncIterable[object]]


class AsyncClient:
    """:class:`Client` for asyncio: the same arguments, and methods that are awaited.

    >>> import asyncio
    >>> async def labels(texts):
    ...     client = AsyncClient(server, policy, **trust)
    ...     return [result.label async for result in client.stream(texts)]
    >>> asyncio.run(labels(["Acute bronchitis with wheeze."]))
    ['10 Diseases of the respiratory system']
    """

    def __init__(
        self,
        server: str,
        policy: Policy,
        *,
        danger_accept_software_root: Roots = None,
        timeout: float = 300.0,
        connect_timeout: float = 90.0,
        connections: int = 1,
        reconnects: int = 10,
        allow_other_model: bool = False,
        client_key: Optional[Root] = None,
    ) -> None:
        self._core = make_core(
            server,
            policy,
            danger_accept_software_root,
            timeout,
            connect_timeout,
            connections,
            reconnects,
            allow_other_model,
            client_key,
        )

    async def verify(self) -> Evidence:
        """As :meth:`Client.verify`."""
        return await asyncio.get_running_loop().run_in_executor(None, self._core.verify)

    async def classify(self, texts: Texts) -> list[Result]:
        """As :meth:`Client.classify`."""
        results: list[Result] = []
        async with self.stream(texts) as stream:
            try:
                async for result in stream:
                    results.append(result)
            except SealnoteError as error:
                error.results = results
                raise
        return results

    def stream(self, texts: Texts) -> AsyncStream:
        """As :meth:`Client.stream`. ``texts`` may be an asynchronous iterable, too."""
        check_texts(texts)
        return AsyncStream(self._core.submit(), texts)


class AsyncStream(AsyncIterator[Result]):
    """Results in the order of the notes: :class:`Stream` for asyncio. For one task at a time."""

    def __init__(self, submission: Submission, texts: Texts) -> None:
        self._submission = submission
        self._texts = texts
        self._feeder: Optional[asyncio.Task[None]] = None
        self._room = asyncio.Event()

    def __aiter__(self) -> AsyncStream:
        return self

    async def __anext__(self) -> Result:
        if self._feeder is None:
            self._feeder = asyncio.create_task(self._feed())
        while True:
            result = self._submission.poll()
            # Taken, it made room.
            self._room.set()
            if result:
                return result
            if result is False:
                # What the source raised comes after the results of what it gave before.
                await self._feeder
                raise StopAsyncIteration
            await self._changed()

    @property
    def reconnections(self) -> int:
        """As :attr:`Stream.reconnections`."""
        return self._submission.reconnections

    async def aclose(self) -> None:
        """Ends the sessions. No further result can be taken."""
        if self._feeder is not None:
            self._feeder.cancel()
        self._submission.close()

    async def __aenter__(self) -> AsyncStream:
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.aclose()

    async def _feed(self) -> None:
        try:
            if isinstance(self._texts, AsyncIterable):
                async for text in self._texts:
                    await self._push(text)
            else:
                for text in _columns.texts_of(self._texts):
                    await self._push(text)
        finally:
            self._submission.finish()

    async def _push(self, text: object) -> None:
        while not self._submission.has_room():
            self._room.clear()
            await self._room.wait()
        self._submission.push(text)

    async def _changed(self) -> None:
        """Waits for a result, a failure, or the end."""
        loop = asyncio.get_running_loop()
        changed = loop.create_future()

        def set_changed() -> None:
            if not changed.done():
                changed.set_result(None)

        if self._submission.wake(lambda: loop.call_soon_threadsafe(set_changed)):
            await changed
