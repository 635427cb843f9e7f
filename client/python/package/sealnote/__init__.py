"""Private AI inference on patient text: verify an enclave, seal notes to it, open its answers.

>>> import sealnote
>>> client = sealnote.Client(server, policy, **trust)
>>> client.verify().labels[0]
'01 Infectious and parasitic diseases'
>>> [result] = client.classify(["Chest pain on exertion, relieved by rest."])
>>> result.label
'09 Diseases of the circulatory system'

Nothing is sealed before the enclave's evidence has passed every check of the policy. No text of a note is in a result,
an error or a log.
"""

from ._aio import AsyncClient, AsyncStream
from ._client import Client, Stream
from ._errors import (
    ClientDenied,
    EvidenceRejected,
    ModelChanged,
    PolicyError,
    RecordTampered,
    SealnoteError,
    ServerFull,
    ServerRefused,
    ServerUnreachable,
    SessionEnded,
    SoftwareRootWarning,
)
from ._sealnote import Check, Evidence, Result

__all__ = [
    "AsyncClient",
    "AsyncStream",
    "Check",
    "Client",
    "ClientDenied",
    "Evidence",
    "EvidenceRejected",
    "ModelChanged",
    "PolicyError",
    "RecordTampered",
    "Result",
    "SealnoteError",
    "ServerFull",
    "ServerRefused",
    "ServerUnreachable",
    "SessionEnded",
    "SoftwareRootWarning",
    "Stream",
]
