"""Why there is no result. None of these carries a note's text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from ._sealnote import Result


class SealnoteError(Exception):
    """All that this package raises of its own, but for wrong arguments.

    ``results``: of :meth:`Client.classify`, the results of the first notes, up to the first that has none.
    """

    results: Optional[list[Result]] = None


class PolicyError(SealnoteError, ValueError):
    """The policy cannot be read, or would accept nothing."""


class ServerUnreachable(SealnoteError, ConnectionError):
    """Nobody is there, or nobody went on with the handshake in time."""


class ServerRefused(ServerUnreachable):
    """The server refused the handshake, and does not say why."""


class ServerFull(ServerUnreachable):
    """All places are taken."""


class EvidenceRejected(SealnoteError):
    """What the server sent does not show what the policy demands. It got no note.

    ``check``: the check that failed, such as ``"X5"``; ``None`` where what came is no evidence at all.
    ``title``: what that check demands.
    ``document``: the evidence's bytes, to keep for an auditor; ``None`` where what came is no evidence at all.
    """

    def __init__(
        self,
        message: str,
        check: Optional[str] = None,
        title: Optional[str] = None,
        document: Optional[bytes] = None,
    ) -> None:
        super().__init__(message)
        self.check = check
        self.title = title
        self.document = document

    def __reduce__(self) -> tuple[type[EvidenceRejected], tuple[object, ...]]:
        return type(self), (str(self), self.check, self.title, self.document)


class RecordTampered(SealnoteError):
    """A record of the session is not what the enclave sealed, or not what was asked for."""


class SessionEnded(SealnoteError, ConnectionError):
    """A session ended before its time, and as many attempts to go on as ``reconnects`` allows were in vain."""


class ClientDenied(SealnoteError):
    """The enclave serves only clients that it knows, and not this one, or not any more in this hour.

    ``seconds``: until the client's next hour begins; ``None`` where time changes nothing.
    """

    def __init__(self, message: str, seconds: Optional[int] = None) -> None:
        super().__init__(message)
        self.seconds = seconds

    def __reduce__(self) -> tuple[type[ClientDenied], tuple[object, ...]]:
        return type(self), (str(self), self.seconds)


class ModelChanged(SealnoteError):
    """A later session's model is another than the first's. That model was sent no note."""


class SoftwareRootWarning(UserWarning):
    """A development root is accepted: evidence under it protects nothing."""
