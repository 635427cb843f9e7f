"""Verification and classification."""

from __future__ import annotations

import hashlib
import json
import os
import pickle

import pytest
from conftest import make_client
from stack import ROOT, Stack

import sealnote

TEXT = "Acute bronchitis with wheeze, Xylophonius Q."


def test_verify_shows_what_passed(client: sealnote.Client, stack: Stack) -> None:
    evidence = client.verify()
    # As the command line has it.
    lines = stack.sealnote("attest", "--server", stack.server)
    said = {words[0]: words[1:] for line in lines if (words := line.split())}
    assert said["model"] == [evidence.model]
    assert said["precision"] == [evidence.precision]
    checks = [line.split(maxsplit=1) for line in lines[lines.index("checks") + 1 :] if line.startswith("  ")]
    assert [[check.id, check.title] for check in evidence.checks] == checks
    assert len(evidence.labels) == 21
    assert evidence.problem == "single-label"
    assert evidence.development
    assert evidence.measurement_set == "nitro-cli"
    assert "DEVELOPMENT" in repr(evidence)


def test_the_document_is_one_that_the_command_line_accepts(client: sealnote.Client, stack: Stack) -> None:
    document = stack.files / "document.cbor"
    document.write_bytes(client.verify().document)
    assert stack.sealnote("verify", "--document", document)


def test_results_are_those_of_the_command_line(
    client: sealnote.Client, stack: Stack, notes: list[dict[str, str]]
) -> None:
    evidence = client.verify()
    results = client.classify(note["text"] for note in notes)
    lines = stack.sealnote("submit", "--server", stack.server, ROOT / "examples/notes.jsonl")
    assert len(results) == len(lines) == len(notes)
    for result, line in zip(results, map(json.loads, lines)):
        assert result.ok
        assert result.error is result.message is None
        assert result.label == line["label"]
        assert result.labels == [line["label"]]
        assert result.score == pytest.approx(line["score"], abs=1e-6)
        assert result.known == pytest.approx(line["known"], abs=1e-6)
        assert list(result.scores) == evidence.labels
        assert sum(result.scores.values()) == pytest.approx(1, abs=1e-4)
        assert result.scores[line["label"]] == result.score
        assert result.model == evidence.model
        assert result.evidence
        assert result.evidence.model == result.model
        assert len(line["evidence"]) == len(result.to_dict()["evidence"]) == 16
        assert result.evidence.digest.startswith(result.to_dict()["evidence"])


def test_a_result_names_what_classified_it(client: sealnote.Client, stack: Stack) -> None:
    first = client.classify([TEXT, None, "x" * 100_000, TEXT])
    second = client.classify([TEXT])
    evidence = first[0].evidence
    assert evidence
    assert evidence.measurement_set == "nitro-cli"
    assert evidence.measurement == json.loads(stack.policy.read_text())["Measurements"]["PCR0"]
    assert evidence.digest == hashlib.sha256(evidence.document).hexdigest()
    assert evidence == first[3].evidence and hash(evidence) == hash(first[3].evidence)
    # The enclave says what is too long for it. What is no note was not sent.
    assert first[2].error == "too_long" and first[2].evidence == evidence
    assert first[1].error == "missing" and first[1].evidence is None
    # Another session, of the same enclave.
    assert second[0].evidence and second[0].evidence != evidence
    assert second[0].evidence.measurement == evidence.measurement


def test_all_that_an_auditor_needs_is_there(client: sealnote.Client, stack: Stack) -> None:
    [result] = client.classify([TEXT])
    evidence = result.evidence
    assert evidence and evidence.endorsements is None
    document, claims = stack.files / "result.cbor", stack.files / "result.claims"
    document.write_bytes(evidence.document)
    claims.write_bytes(evidence.claims)
    # What it answers, and what it attests, is part of it.
    bound = ("--challenge", evidence.challenge.hex(), "--claims", claims)
    assert stack.sealnote("verify", "--kind", evidence.kind, "--evidence", document, "--at", evidence.at, *bound)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (None, "missing"),
        (float("nan"), "missing"),
        (1.5, "not_text"),
        (7, "not_text"),
        (object(), "not_text"),
        ("", "empty"),
        (" \n\t", "empty"),
        ("\ud83d half of a pair", "not_utf8"),
        (b"\xff\xfe", "not_utf8"),
        ("a" * 2_000_000, "too_long"),
        ("a" * 17_000_000, "too_long"),
        (b"a" * 17_000_000, "too_long"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 12 and value.isascii() else type(value).__name__,
)
def test_a_bad_note_has_its_error_and_the_others_their_labels(
    client: sealnote.Client, text: object, error: str
) -> None:
    before, bad, after = client.classify([TEXT, text, TEXT.encode()])
    assert before.label == after.label == "10 Diseases of the respiratory system"
    assert (bad.ok, bad.error, bad.label, bad.score, bad.known) == (False, error, None, None, None)
    assert (bad.labels, bad.scores, bad.model) == ([], {}, None)
    assert bad.message
    assert repr(bad) == f'Result(error="{error}")'


def test_no_text_is_in_a_result(client: sealnote.Client) -> None:
    [result] = client.classify([TEXT])
    shown = repr(result) + str(result) + json.dumps(result.to_dict())
    assert "label" in shown
    assert "Xylophonius" not in shown


def test_of_a_multi_label_model_all_labels_that_hold(multi_label: Stack, notes: list[dict[str, str]]) -> None:
    client = make_client(multi_label)
    evidence = client.verify()
    assert evidence.problem == "multi-label"
    counts = set()
    for result in client.classify(note["text"] for note in notes):
        holding = {label: score for label, score in result.scores.items() if score >= 0.5}
        assert result.labels == sorted(holding, key=lambda label: -holding[label])
        assert result.label == (result.labels[0] if result.labels else None)
        assert result.score == max(holding.values(), default=None)
        assert result.ok
        counts.add(len(result.labels))
    # Scores of one that was trained otherwise, but not all notes have one label.
    assert len(counts) > 1


def test_the_policy_may_be_given_in_every_form(stack: Stack) -> None:
    text = stack.policy.read_text()
    for policy in (stack.policy, str(stack.policy), text, "\ufeff " + text, text.encode(), json.loads(text)):
        with pytest.warns(sealnote.SoftwareRootWarning):
            client = sealnote.Client(stack.server, policy, danger_accept_software_root=stack.root.read_bytes())
        assert client.verify().kind


@pytest.mark.parametrize("policy", ["{}", b"[]", {"evidence": {}}, "/nowhere/policy.json", "{ no JSON", b"\xff"])
def test_a_bad_policy_is_refused_at_once(policy: object) -> None:
    with pytest.raises(sealnote.PolicyError) as raised:
        sealnote.Client("tcp:127.0.0.1:1", policy)  # type: ignore[arg-type]
    assert isinstance(raised.value, ValueError)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"server": "example.org"}, "tcp:"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"connect_timeout": -1}, "connect_timeout"),
        ({"connections": 0}, "connections"),
        ({"connections": 65}, "connections"),
        ({"danger_accept_software_root": b"no PEM"}, "danger_accept_software_root"),
    ],
)
@pytest.mark.filterwarnings("ignore::sealnote.SoftwareRootWarning")
def test_bad_arguments_are_refused_at_once(stack: Stack, arguments: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        sealnote.Client(**{"server": stack.server, "policy": stack.policy, **arguments})  # type: ignore[arg-type]


@pytest.mark.parametrize("texts", [TEXT, TEXT.encode(), {"a": TEXT}])
def test_one_text_or_a_mapping_is_no_list_of_texts(client: sealnote.Client, texts: object) -> None:
    with pytest.raises(TypeError) as raised:
        client.classify(texts)  # type: ignore[arg-type]
    assert "Xylophonius" not in str(raised.value)


def test_no_notes_need_no_server(stack: Stack) -> None:
    assert make_client(stack, "tcp:127.0.0.1:1").classify([]) == []


def test_a_client_is_not_pickled(client: sealnote.Client) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(client)


def test_a_client_works_in_a_fork(client: sealnote.Client) -> None:
    assert client.classify([TEXT])[0].ok
    stream = client.stream([TEXT])
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        label = client.classify([TEXT])[0].label or ""
        try:
            next(stream)
        except RuntimeError as error:
            label += "; " + str(error)
        os.write(writer, label.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        said = file.read()
    os.waitpid(child, 0)
    assert said.startswith("10 Diseases of the respiratory system; the stream was begun before a fork")
    assert next(stream).ok
