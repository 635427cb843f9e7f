"""The client of ordinary, blocking code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional, Union, overload

from . import _columns
from ._errors import SealnoteError
from ._options import Policy, Root, Roots, check_texts, make_core
from ._sealnote import Evidence, Result, Submission

if TYPE_CHECKING:
    # Neither need be there, nor bring its types.
    import pandas  # type: ignore[import-untyped,import-not-found,unused-ignore]
    import pyarrow  # type: ignore[import-untyped,import-not-found,unused-ignore]


class Client:
    """Verifies the enclave behind a server, and submits notes to it.

    >>> client = Client(server, policy, **trust)
    >>> client.verify().problem
    'single-label'

    ``server``
        ``"tcp:HOST:PORT"``, ``"unix:PATH"`` or ``"vsock:CID:PORT"``.
    ``policy``
        What the enclave must be measured as, as ``sealnote measure`` writes it: the path of a file, JSON as ``str`` or
        ``bytes``, or a ``dict``.
    ``danger_accept_software_root``
        DANGER: also accept evidence under this development root: a path or PEM, or several of them. It protects nothing.
    ``timeout``
        How long to wait for the next answer, in seconds.
    ``connect_timeout``
        How long to wait for the connection and for each step of the handshake, in seconds.
    ``connections``
        Sessions of one stream at the same time, at most. If the server has no place for so many, there are fewer.
    ``reconnects``
        If a session is cut, how often in a row to try again before the failure is raised; each time after a longer
        pause, of 30 s at most.
    ``allow_other_model``
        Go on where a later session has another model than the first. Each result names its model.
    ``client_key``
        The private key to sign with, where the enclave serves only the clients that its model's owner has listed: a path
        or PEM, as ``sealnote key new`` writes it. Another enclave is not told of it.

    Every call opens a session of its own, which verifies the enclave anew. All sessions of a client have the same model,
    unless ``allow_other_model`` is given. A client may be used from several threads; it cannot be pickled, so make it in
    the process that uses it.
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

    def verify(self) -> Evidence:
        """Has the server prove what it is, and sends it no note.

        >>> evidence = Client(server, policy, **trust).verify()
        >>> evidence.kind, len(evidence.labels), evidence.checks[0].id
        ('nitro', 21, 'P1')

        Raises :class:`EvidenceRejected`, :class:`ServerUnreachable` or :class:`ModelChanged`.
        """
        return self._core.verify()

    def classify(self, texts: Iterable[object]) -> list[Result]:
        """The results of some notes, in their order.

        >>> for result in Client(server, policy, **trust).classify(["Acute bronchitis with wheeze.", None]):
        ...     print(result.label or result.error)
        10 Diseases of the respiratory system
        missing

        A text is a ``str``, or UTF-8 in ``bytes``. What is no text, or cannot be classified, has a result with an
        ``error``. If an exception ends it, the exception's ``results`` are those of the first notes.
        """
        results: list[Result] = []
        with self.stream(texts) as stream:
            try:
                results.extend(stream)
            except SealnoteError as error:
                error.results = results
                raise
        return results

    def stream(self, texts: Iterable[object]) -> Stream:
        """The results of any number of notes, each as soon as it and all before it are there.

        >>> with Client(server, policy, **trust).stream(f"Note {n}." for n in range(10_000)) as stream:
        ...     sum(result.ok for result in stream)
        10000

        Memory does not grow with the number of notes: at most about a thousand texts for each connection are read ahead.
        ``texts`` is read in the thread that takes the results.
        """
        check_texts(texts)
        return Stream(self._core.submit(), _columns.texts_of(texts))

    @overload
    def classify_column(self, column: pandas.Series[Any], *, scores: bool = False) -> pandas.DataFrame: ...
    @overload
    def classify_column(
        self, column: Union[pyarrow.Array[Any], pyarrow.ChunkedArray[Any]], *, scores: bool = False
    ) -> pyarrow.Table: ...
    def classify_column(self, column: Any, *, scores: bool = False) -> Any:
        """A column in, a table out, with a row for each note: of a pandas Series a DataFrame with the same index, of a
        pyarrow Array or ChunkedArray a Table.

        >>> import pandas
        >>> notes = pandas.Series(["Acute bronchitis with wheeze.", None], index=["a", "b"])
        >>> Client(server, policy, **trust).classify_column(notes)[["label", "error"]]
                                           label    error
        a  10 Diseases of the respiratory system     None
        b                                   None  missing

        Columns: ``label``, ``score``, ``labels`` (all that hold), ``known``, ``error``, ``model``, and
        ``evidence`` (the first 16 digits of its digest); with ``scores``, a column ``score: LABEL`` for each label too.
        """
        table_of = _columns.table_of(column)
        return table_of(self.classify(column), scores)


class Stream(Iterator[Result]):
    """Results in the order of the notes.

    After an exception nothing is lost: the next ``next()`` goes on, over a new session, with the first note that has no
    result. ``close()``, which leaving a ``with`` block does, ends the sessions and erases what was read ahead.
    """

    def __init__(self, submission: Submission, texts: Iterator[object]) -> None:
        self._submission = submission
        self._texts: Optional[Iterator[object]] = texts

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Result:
        submission = self._submission
        while True:
            result = submission.poll()
            if result:
                return result
            if result is False:
                raise StopIteration
            if self._texts is None or not submission.has_room():
                submission.wait()
                continue
            try:
                text = next(self._texts)
            except StopIteration:
                self._texts = None
                submission.finish()
            else:
                submission.push(text)

    @property
    def reconnections(self) -> int:
        """How often a session that was cut was followed by another attempt."""
        return self._submission.reconnections

    def close(self) -> None:
        """Ends the sessions. No further result can be taken."""
        self._texts = iter(())
        self._submission.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()
