from collections.abc import Callable
from typing import Any, Literal, Optional, Union, final

@final
class Check:
    """A check that evidence passed: an id such as ``"X5"``, and what the check demands."""

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...
    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Evidence:
    """What a server's evidence shows, after it passed every check."""

    @property
    def digest(self) -> str:
        """SHA-256 of ``document``, which names it in results: 64 hexadecimal digits."""
    @property
    def kind(self) -> str:
        """The kind of evidence, such as ``"nitro"``."""
    @property
    def measurement_set(self) -> str:
        """The label of the policy's measurement set that it matches."""
    @property
    def measurement(self) -> str:
        """What the image is measured as, in hexadecimal digits: PCR0, the launch measurement, MRTD, behind Azure's vTPM
        that of the paravisor, of a token what its issuer measured."""
    @property
    def development(self) -> bool:
        """Whether it is under a development root, and so protects nothing."""
    @property
    def model(self) -> str:
        """The model's digest: 96 hexadecimal digits."""
    @property
    def labels(self) -> list[str]:
        """The model's labels, in its order."""
    @property
    def problem(self) -> str:
        """``"single-label"``: one label holds for each note; or ``"multi-label"``: any number."""
    @property
    def precision(self) -> str:
        """The encoder's arithmetic: ``"f32"``, ``"int8"`` or another."""
    @property
    def window(self) -> int:
        """Tokens that the model reads at a time."""
    @property
    def overlap(self) -> int:
        """Tokens that two windows of a longer note share."""
    @property
    def max_note_bytes(self) -> int:
        """Bytes of a note, at most, in UTF-8; a longer one gets the error ``"too_long"``."""
    @property
    def suite(self) -> str:
        """How the session's keys are agreed on."""
    @property
    def checks(self) -> list[Check]:
        """The checks that ran and passed, in their order."""
    @property
    def document(self) -> bytes:
        """The evidence itself, to keep for an auditor."""
    @property
    def claims(self) -> bytes:
        """The claims that it attests."""
    @property
    def endorsements(self) -> Optional[bytes]:
        """What the vendor signed about the machine, where the kind has such."""
    @property
    def challenge(self) -> bytes:
        """What it answers."""
    @property
    def at(self) -> str:
        """When it was appraised, such as ``"2026-11-28T06:00:00Z"``."""
    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Result:
    """What became of one note: a classification, or the reason why there is none."""

    @property
    def ok(self) -> bool:
        """Whether it was classified."""
    @property
    def label(self) -> Optional[str]:
        """The label that holds, of several the best; ``None`` where none does."""
    @property
    def score(self) -> Optional[float]:
        """That label's score, from 0 to 1."""
    @property
    def labels(self) -> list[str]:
        """All labels that hold, best first: of a single-label model there is one."""
    @property
    def scores(self) -> dict[str, float]:
        """Every label's score, in the order of the model's labels; empty if it was not classified."""
    @property
    def known(self) -> Optional[float]:
        """The share of the note's tokens that the model's vocabulary has: a label for text that it cannot read is worth
        nothing."""
    @property
    def model(self) -> Optional[str]:
        """The digest of the model that gave it."""
    @property
    def evidence(self) -> Optional[Evidence]:
        """What the enclave showed that answered: its image, the policy's label for that, its model. ``None`` where the
        note was not sent."""
    @property
    def error(self) -> Optional[str]:
        """Why it was not classified: ``"missing"`` (None, NaN), ``"not_text"``, ``"empty"``, ``"too_long"``,
        ``"not_utf8"`` or ``"internal"``."""
    @property
    def message(self) -> Optional[str]:
        """The same as a sentence."""
    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON or a table."""

@final
class Submission:
    def push(self, text: object) -> None: ...
    def finish(self) -> None: ...
    def has_room(self) -> bool: ...
    def poll(self) -> Union[Result, None, Literal[False]]: ...
    def wait(self) -> None: ...
    def wake(self, waker: Callable[[], object]) -> bool: ...
    def close(self) -> None: ...
    @property
    def reconnections(self) -> int: ...

@final
class Core:
    def __new__(
        cls,
        server: str,
        policy: bytes,
        *,
        software_roots: list[str],
        timeout: float,
        connect_timeout: float,
        connections: int,
        reconnects: int,
        allow_other_model: bool,
        client_key: Optional[str],
    ) -> Core: ...
    def verify(self) -> Evidence: ...
    def submit(self) -> Submission: ...
