//! The JSON that `nitro-cli` prints (aws-nitro-enclaves-cli 1.5.2, `common/json_output.rs`), as far as it matters here.
//! What is not known is passed over; what is needed must be there and of its shape.

use std::fmt;

use sealnote_transport::Cid;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// What `run-enclave` prints of the enclave that it has started.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Started {
    /// Names it to `nitro-cli`.
    #[serde(rename = "EnclaveID")]
    pub id: EnclaveId,
    /// Its vsock address.
    #[serde(rename = "EnclaveCID", deserialize_with = "cid")]
    pub cid: Cid,
    /// The process that holds it.
    #[serde(rename = "ProcessID")]
    pub process: u32,
}

/// One enclave in `describe-enclaves`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Described {
    /// As `run-enclave --enclave-name` had it; empty where it has none.
    #[serde(default, rename = "EnclaveName")]
    pub name: String,
    /// Names it to `nitro-cli`.
    #[serde(rename = "EnclaveID")]
    pub id: EnclaveId,
    /// Its vsock address.
    #[serde(rename = "EnclaveCID", deserialize_with = "cid")]
    pub cid: Cid,
    /// Whether it runs.
    #[serde(rename = "State")]
    pub state: State,
    /// `DEBUG_MODE` or `NONE`.
    #[serde(rename = "Flags")]
    flags: String,
    /// Of the file that it was started from, computed by `nitro-cli`; not attested by anything.
    #[serde(rename = "Measurements")]
    measurements: Option<Measurements>,
}

impl Described {
    /// Whether it has a console, and measurements of zero that no client accepts.
    pub fn is_debug(&self) -> bool {
        self.flags == "DEBUG_MODE"
    }

    /// The image that it was started from, if `nitro-cli` says.
    pub fn image(&self) -> Option<&Pcr0> {
        self.measurements.as_ref().map(|known| &known.pcr0)
    }
}

/// The state of an enclave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// It runs.
    Running,
    /// Somebody is ending it.
    Terminating,
    /// It has ended.
    Empty,
}

/// `i-0123456789abcdef0-enc0123456789abcdef`: letters, digits, `-` and `_` that do not begin with `-`, so that it is
/// never taken for an option.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EnclaveId(String);

impl EnclaveId {
    /// As `nitro-cli` takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EnclaveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<EnclaveId> for String {
    fn from(id: EnclaveId) -> Self {
        id.0
    }
}

impl TryFrom<String> for EnclaveId {
    type Error = &'static str;

    fn try_from(id: String) -> Result<Self, Self::Error> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        match (1..=128).contains(&id.len()) && !id.starts_with('-') && id.bytes().all(known) {
            true => Ok(EnclaveId(id)),
            false => Err("an enclave's id has letters, digits, `-` and `_`"),
        }
    }
}

/// SHA-384 over all of an image: two images have the same only if they are the same.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Pcr0(String);

impl fmt::Display for Pcr0 {
    /// Its beginning, which tells images apart for a reader.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0[..16])
    }
}

impl TryFrom<String> for Pcr0 {
    type Error = &'static str;

    fn try_from(mut digits: String) -> Result<Self, Self::Error> {
        digits.make_ascii_lowercase();
        match digits.len() == 96 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            true => Ok(Pcr0(digits)),
            false => Err("PCR0 has 96 hexadecimal digits"),
        }
    }
}

/// What `describe-eif` prints.
#[derive(Debug, Deserialize)]
pub(super) struct ImageDescription {
    #[serde(rename = "Measurements")]
    pub(super) measurements: Measurements,
    #[serde(rename = "CheckCRC")]
    pub(super) crc_is_right: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Measurements {
    #[serde(rename = "PCR0")]
    pub(super) pcr0: Pcr0,
}

/// What `terminate-enclave` prints.
#[derive(Debug, Deserialize)]
pub(super) struct Terminated {
    #[serde(rename = "EnclaveID")]
    pub(super) id: EnclaveId,
    #[serde(rename = "Terminated")]
    pub(super) terminated: bool,
}

/// 64 bits in the JSON, 32 in an address.
fn cid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cid, D::Error> {
    let number = u64::deserialize(deserializer)?;
    match u32::try_from(number) {
        Ok(number) if number > 3 && Cid(number) != Cid::ANY => Ok(Cid(number)),
        _ => Err(D::Error::custom("this is no CID of an enclave")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESCRIBED: &str = r#"[
      {
        "EnclaveName": "sealnote",
        "EnclaveID": "i-0bdbf2d4b4b7b2e35-enc191fb82b45f290e",
        "ProcessID": 4519,
        "EnclaveCID": 16,
        "NumberOfCPUs": 2,
        "CPUIDs": [1, 3],
        "MemoryMiB": 512,
        "State": "RUNNING",
        "Flags": "NONE",
        "Measurements": {
          "HashAlgorithm": "Sha384 { ... }",
          "PCR0": "287b24930a9f0fe14b01a71ecdc00d8be8fad90f9834d547158854b8279c74095c43f8d7f047714e98deb7903f20e3dd",
          "PCR1": "aca6e62ffbf5f7deccac452d7f8cee1b94048faf62afc16c8ab68c9fed8c38010c73a669f9a36e596032f0b973d21895",
          "PCR2": "0315f483ae1220b5e023d8c80ff1e135edcca277e70860c31f3003b36e3b2aaec5d043c9ce3a679e3bbd5b3b93b61d6f"
        }
      }
    ]"#;

    fn described(json: &str) -> Result<Vec<Described>, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn an_enclave_is_described_as_nitro_cli_does() {
        let enclave = &described(DESCRIBED).unwrap()[0];
        assert_eq!(
            enclave.id.as_str(),
            "i-0bdbf2d4b4b7b2e35-enc191fb82b45f290e"
        );
        assert_eq!((enclave.cid, enclave.state), (Cid(16), State::Running));
        assert!(!enclave.is_debug());
        assert_eq!(enclave.image().unwrap().to_string(), "287b24930a9f0fe1");
        let debug = DESCRIBED.replace("NONE", "DEBUG_MODE");
        assert!(described(&debug).unwrap()[0].is_debug());
    }

    #[test]
    fn what_is_needed_must_be_there_and_of_its_shape() {
        for (from, to) in [
            ("\"EnclaveID\": \"i-", "\"EnclaveID\": \"--all -"),
            ("\"EnclaveID\": \"i-", "\"EnclaveID\": \"-i-"),
            ("\"EnclaveID\"", "\"EnclaveId\""),
            ("\"EnclaveCID\": 16", "\"EnclaveCID\": 4294967312"),
            ("\"EnclaveCID\": 16", "\"EnclaveCID\": 3"),
            ("\"EnclaveCID\": 16", "\"EnclaveCID\": 4294967295"),
            ("RUNNING", "SLEEPING"),
            ("287b24930a9f", "287b24930a9"),
            ("287b24930a9f", "287b24930a9x"),
            ("    ]", "    ] []"),
        ] {
            let changed = DESCRIBED.replace(from, to);
            assert_ne!(changed, DESCRIBED);
            assert!(described(&changed).is_err(), "{to}");
        }
    }
}
