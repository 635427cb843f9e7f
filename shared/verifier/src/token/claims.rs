//! Claims, read with the type that is due.

use serde_json::{Map, Value};

/// A claim that is absent, or not what is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token's {claim} is not {want}")]
pub struct ClaimFault {
    /// The claim's name.
    pub claim: &'static str,
    /// What is due.
    pub want: &'static str,
}

/// The members of a JSON object.
#[derive(Clone, Copy)]
pub(super) struct Claims<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Claims<'a> {
    pub(super) fn get(self, claim: &str) -> Option<&'a Value> {
        self.0.get(claim)
    }

    pub(super) fn object(self, claim: &'static str) -> Result<Claims<'a>, ClaimFault> {
        let object = self.get(claim).and_then(Value::as_object);
        object.map(Claims).ok_or(ClaimFault {
            claim,
            want: "an object",
        })
    }

    pub(super) fn list(self, claim: &'static str) -> Result<&'a [Value], ClaimFault> {
        let list = self.get(claim).and_then(Value::as_array);
        list.map(Vec::as_slice).ok_or(ClaimFault {
            claim,
            want: "a list",
        })
    }

    pub(super) fn text(self, claim: &'static str) -> Result<&'a str, ClaimFault> {
        let text = self.get(claim).and_then(Value::as_str);
        text.ok_or(ClaimFault {
            claim,
            want: "a text",
        })
    }

    pub(super) fn number(self, claim: &'static str) -> Result<u64, ClaimFault> {
        let number = self.get(claim).and_then(Value::as_u64);
        number.ok_or(ClaimFault {
            claim,
            want: "a whole number",
        })
    }

    pub(super) fn flag(self, claim: &'static str) -> Result<bool, ClaimFault> {
        let flag = self.get(claim).and_then(Value::as_bool);
        flag.ok_or(ClaimFault {
            claim,
            want: "true or false",
        })
    }

    /// Exactly `N` bytes in hex.
    pub(super) fn hex<const N: usize>(self, claim: &'static str) -> Result<[u8; N], ClaimFault> {
        let mut bytes = [0; N];
        hex::decode_to_slice(self.text(claim)?, &mut bytes).map_err(|_| ClaimFault {
            claim,
            want: "hex of the length that is due",
        })?;
        Ok(bytes)
    }

    /// This text, and no other.
    pub(super) fn must_be(self, claim: &'static str, want: &'static str) -> Result<(), ClaimFault> {
        match self.text(claim)? == want {
            true => Ok(()),
            false => Err(ClaimFault { claim, want }),
        }
    }

    pub(super) fn must_be_true(self, claim: &'static str) -> Result<(), ClaimFault> {
        let want = "true";
        match self.flag(claim)? {
            true => Ok(()),
            false => Err(ClaimFault { claim, want }),
        }
    }

    pub(super) fn must_be_false(self, claim: &'static str) -> Result<(), ClaimFault> {
        let want = "false";
        match self.flag(claim)? {
            false => Ok(()),
            true => Err(ClaimFault { claim, want }),
        }
    }
}
