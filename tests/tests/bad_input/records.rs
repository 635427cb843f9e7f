//! Records of JSON Lines.

use super::CANARY;
use super::case::{Case, case, good};

pub fn records() -> Vec<Case> {
    let bad = |what, line: &str, says| case(what, "notes.jsonl", between(line), 4, says);
    let long = format!("{{\"id\":\"long\",\"text\":\"{}\"}}", "x".repeat(2 << 20));
    vec![
        bad("a line that is no JSON", CANARY, "line 2"),
        bad(
            "a line that was cut",
            &format!("{{\"id\":1,\"text\":\"{CANARY}"),
            "line 2",
        ),
        bad(
            "an array for an object",
            &format!("[1,\"{CANARY}\"]"),
            "line 2",
        ),
        bad(
            "two objects on a line",
            "{\"id\":1,\"text\":\"a\"}{\"id\":2,\"text\":\"b\"}",
            "line 2",
        ),
        bad(
            "two texts in an object",
            "{\"id\":1,\"text\":\"a\",\"text\":\"b\"}",
            "line 2",
        ),
        bad(
            "two ids in an object",
            "{\"id\":1,\"id\":2,\"text\":\"a\"}",
            "line 2",
        ),
        bad("no text", "{\"id\":7}", "line 2, id 7"),
        bad(
            "a text that is null",
            "{\"id\":7,\"text\":null}",
            "line 2, id 7",
        ),
        bad(
            "a text that is a number",
            "{\"id\":7,\"text\":3}",
            "line 2, id 7",
        ),
        bad(
            "a text that is a list",
            &format!("{{\"id\":7,\"text\":[\"{CANARY}\"]}}"),
            "line 2, id 7",
        ),
        bad("no id", &format!("{{\"text\":\"{CANARY}\"}}"), "line 2"),
        bad(
            "an id that is null",
            "{\"id\":null,\"text\":\"a\"}",
            "line 2",
        ),
        bad(
            "an id that is true",
            "{\"id\":true,\"text\":\"a\"}",
            "line 2",
        ),
        bad(
            "an id that is a list",
            "{\"id\":[1],\"text\":\"a\"}",
            "line 2",
        ),
        bad("a comment", "// note", "line 2"),
        bad("a comma at the end", "{\"id\":1,\"text\":\"a\",}", "line 2"),
        bad("single quotes", "{'id':1,'text':'a'}", "line 2"),
        bad("NaN as an id", "{\"id\":NaN,\"text\":\"a\"}", "line 2"),
        bad(
            "half of a surrogate pair",
            "{\"id\":1,\"text\":\"\\ud83d\"}",
            "line 2",
        ),
        bad(
            "a control character in a text",
            "{\"id\":1,\"text\":\"a\u{1}b\"}",
            "line 2",
        ),
        bad("a line of 2 MiB", &long, "--max-record-bytes"),
        case(
            "a line that is not UTF-8",
            "notes.jsonl",
            between(b"{\"id\":1,\"text\":\"caf\xe9\"}"),
            4,
            "UTF-8",
        ),
        case(
            "a nesting of 100,000",
            "notes.jsonl",
            between(format!(
                "{{\"id\":1,\"text\":\"a\",\"b\":{}",
                "[".repeat(100_000)
            )),
            4,
            "line 2",
        ),
        case(
            "a number of 400 digits as an id",
            "notes.jsonl",
            between(format!("{{\"id\":{},\"text\":\"a\"}}", "9".repeat(400))),
            4,
            "line 2",
        ),
        case(
            "an id of 1 MB, and no text",
            "notes.jsonl",
            between(format!(
                "{{\"id\":\"{}\",\"text\":3}}",
                "i".repeat(1_000_000)
            )),
            4,
            "…",
        ),
        case(
            "an escape sequence in an id, and no text",
            "notes.jsonl",
            between("{\"id\":\"\\u001b[31mred\",\"text\":3}"),
            4,
            "\\u{1b}[31mred",
        ),
        case(
            "an id that is another's",
            "notes.jsonl",
            good("a") + &good("a"),
            0,
            "the id of an earlier one: 1",
        ),
        case(
            "the same, with --unique-ids",
            "notes.jsonl",
            good("a") + &good("a"),
            4,
            "line 2, id a",
        )
        .with(&["--unique-ids"]),
        case(
            "the number 1 and the text \"1\"",
            "notes.jsonl",
            "{\"id\":1,\"text\":\"a\"}\n{\"id\":\"1\",\"text\":\"b\"}\n",
            0,
            "2 of 2",
        )
        .with(&["--unique-ids"]),
    ]
}

/// A good line, the bad one, and a good one: those about it are not lost.
fn between(bad: impl AsRef<[u8]>) -> Vec<u8> {
    [
        good("a").as_bytes(),
        bad.as_ref(),
        b"\n",
        good("b").as_bytes(),
    ]
    .concat()
}
