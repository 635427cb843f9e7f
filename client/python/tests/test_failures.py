"""What goes wrong on the way, and what is left of the notes then."""

from __future__ import annotations

import json
import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Optional

import pytest
from conftest import make_client
from stack import Act, Relay, Stack, flipped

import sealnote

TEXT = "Acute bronchitis with wheeze, Xylophonius Q."
# Frames of the server before the first answer: evidence, and the session's first record.
BEFORE = 2


def test_nobody_there(stack: Stack) -> None:
    client = make_client(stack, "tcp:127.0.0.1:1")
    for call in (client.verify, lambda: client.classify([TEXT])):
        with pytest.raises(sealnote.ServerUnreachable) as raised:
            call()
        assert isinstance(raised.value, ConnectionError)


def test_another_measurement_is_rejected_with_the_check_and_the_document(stack: Stack) -> None:
    policy = stack.policy.read_text()
    first = json.loads(policy)["Measurements"]["PCR0"]
    other = ("0" if first[0] != "0" else "1") + first[1:]
    with pytest.warns(sealnote.SoftwareRootWarning):
        client = sealnote.Client(stack.server, policy.replace(first, other), **stack.trust)
    for call in (client.verify, lambda: client.classify([TEXT])):
        with pytest.raises(sealnote.EvidenceRejected) as raised:
            call()
        assert raised.value.check == "X5"
        assert raised.value.title
        assert raised.value.document and len(raised.value.document) > 1000
        assert "Xylophonius" not in str(raised.value)


def test_a_rejection_in_mid_stream_has_its_document(stack: Stack, multi_label: Stack) -> None:
    """The enclave that takes over has another image."""
    relays: list[Relay] = []

    def act(connection: int, number: int, frame: bytes) -> Optional[bytes]:
        # Answers may come in another order, but not the first one that late.
        if connection == 0 and number == BEFORE + 10:
            relays[0].server = multi_label.server
            return None
        return frame

    relays.append(Relay(stack.server, act))
    client = make_client(stack, relays[0].address)
    given = []
    with client.stream([TEXT] * 3000) as stream, pytest.raises(sealnote.EvidenceRejected) as raised:
        while True:
            given.append(next(stream))
    relays[0].close()
    assert given
    assert all(result.evidence == given[0].evidence for result in given)
    # It is the other one's.
    document = multi_label.files / "rejected.cbor"
    assert raised.value.document
    document.write_bytes(raised.value.document)
    assert multi_label.sealnote("verify", "--document", document)


def test_without_the_development_root_the_enclave_is_rejected(stack: Stack) -> None:
    with pytest.raises(sealnote.EvidenceRejected) as raised:
        sealnote.Client(stack.server, stack.policy).classify([TEXT])
    assert raised.value.check and raised.value.document


def test_a_changed_document_is_rejected(stack: Stack, relay: Callable[[Act], str]) -> None:
    server = relay(lambda connection, number, frame: flipped(frame) if number == 0 else frame)
    with pytest.raises(sealnote.EvidenceRejected):
        make_client(stack, server).classify([TEXT])


def test_a_tampered_record_ends_it_and_the_next_call_goes_on(stack: Stack, relay: Callable[[Act], str]) -> None:
    server = relay(lambda connection, number, frame: flipped(frame) if (connection, number) == (0, BEFORE) else frame)
    with make_client(stack, server).stream([TEXT] * 100) as stream:
        with pytest.raises(sealnote.RecordTampered) as raised:
            next(stream)
        assert "Xylophonius" not in str(raised.value)
        assert [result.ok for result in stream] == [True] * 100
        assert stream.reconnections == 0


@pytest.mark.parametrize("connections", [1, 3])
def test_a_cut_is_mended_and_nothing_is_lost_or_out_of_order(
    stack: Stack, relay: Callable[[Act], str], notes: list[dict[str, str]], connections: int
) -> None:
    texts = [note["text"][:80] for note in notes] * 10
    server = relay(lambda connection, number, frame: None if connection < 4 and number == BEFORE + 1 else frame)
    with make_client(stack, server, connections=connections).stream(texts) as stream:
        labels = [result.label for result in stream]
        assert stream.reconnections >= 3
    assert labels == [result.label for result in make_client(stack).classify(texts)]


def test_where_the_server_stays_away_the_failure_is_raised_and_a_restart_is_enough(own_stack: Stack) -> None:
    count = 3000
    with make_client(own_stack, reconnects=2).stream(f"Note {n}, cough." for n in range(count)) as stream:
        given = [next(stream).ok]
        own_stack.stop("parent")
        with pytest.raises(sealnote.SealnoteError) as raised:
            while True:
                given.append(next(stream).ok)
        assert isinstance(raised.value, ConnectionError)
        assert 0 < len(given) < count
        own_stack.start_parent()
        given.extend(result.ok for result in stream)
    assert given == [True] * count


def test_a_restart_under_way_goes_unnoticed(own_stack: Stack) -> None:
    count = 3000
    with make_client(own_stack).stream(f"Note {n}, cough." for n in range(count)) as stream:
        given = [next(stream).ok]
        own_stack.stop("parent")
        restart = threading.Timer(0.7, own_stack.start_parent)
        restart.start()
        given.extend(result.ok for result in stream)
        restart.join()
        assert stream.reconnections >= 1
    assert given == [True] * count


def test_classify_keeps_the_results_before_the_failure(stack: Stack, relay: Callable[[Act], str]) -> None:
    # Answers may come in another order, but not the first one that late.
    server = relay(lambda connection, number, frame: flipped(frame) if number == BEFORE + 10 else frame)
    with pytest.raises(sealnote.RecordTampered) as raised:
        make_client(stack, server).classify([TEXT] * 3000)
    assert raised.value.results
    assert all(result.ok for result in raised.value.results)
    assert len(raised.value.results) < 3000


def test_a_client_keeps_to_its_first_model_unless_it_may_change(stack: Stack, multi_label: Stack) -> None:
    sets = []
    for name, of in {"one": stack, "other": multi_label}.items():
        pcrs = json.loads(of.policy.read_text())["Measurements"]
        sets.append({"label": name, **{f"pcr{n}": pcrs[f"PCR{n}"] for n in range(3)}})
    policy = {"version": 2, "evidence": {"nitro": {"measurements": sets}}}
    roots = [stack.root, multi_label.root]
    for may_change in (False, True):
        relay = Relay(stack.server, lambda connection, number, frame: frame)
        with pytest.warns(sealnote.SoftwareRootWarning):
            client = sealnote.Client(
                relay.address, policy, danger_accept_software_root=roots, allow_other_model=may_change
            )
        [first] = client.classify([TEXT])
        relay.server = multi_label.server
        if may_change:
            [second] = client.classify([TEXT])
            assert second.ok and second.model != first.model
        else:
            for call in (client.verify, lambda: client.classify([TEXT])):
                with pytest.raises(sealnote.ModelChanged, match="digest"):
                    call()
        relay.close()


def test_a_source_that_fails_is_heard_and_the_results_before_it_are_there(client: sealnote.Client) -> None:
    def texts() -> Iterator[str]:
        yield TEXT
        raise KeyError("of the source")

    with client.stream(texts()) as stream:
        with pytest.raises(KeyError, match="of the source"):
            next(stream)
        assert [result.ok for result in stream] == [True]


def test_a_closed_stream_ends(client: sealnote.Client) -> None:
    stream = client.stream([TEXT] * 5000)
    assert next(stream).ok
    stream.close()
    assert list(stream) == []


def test_a_client_key_is_a_key(stack: Stack) -> None:
    with pytest.raises(ValueError, match="client_key: .*PKCS#8"):
        make_client(stack, client_key=b"-----BEGIN PRIVATE KEY-----")


def test_a_denial_says_when_to_come_again_and_can_be_pickled() -> None:
    denied = pickle.loads(pickle.dumps(sealnote.ClientDenied("used up", 17)))
    assert (str(denied), denied.seconds) == ("used up", 17)
    assert sealnote.ClientDenied("unknown").seconds is None


def test_a_silent_server_is_given_up_in_time(stack: Stack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp:127.0.0.1:{silent.getsockname()[1]}"
        begun = time.monotonic()
        with pytest.raises(sealnote.ServerUnreachable):
            make_client(stack, address, connect_timeout=0.3).verify()
        assert time.monotonic() - begun < 5
