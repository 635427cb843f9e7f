//! Which enclaves there are, as the operator says: `vsock:16:5005`, `vsock:17:5005,weight=2`, `vsock:18:5005,drain`.

use std::{collections::HashSet, fmt, num::NonZeroU8, str::FromStr};

use sealnote_transport::{Endpoint, ParseEndpointError};
use thiserror::Error;

/// One enclave behind the parent. [`Display`](fmt::Display) and [`FromStr`] are inverse to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enclave {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// Its share of connections beside the others: an enclave of weight 2 gets twice as many as one of weight 1.
    pub weight: NonZeroU8,
    /// Whether it gets no more connections; those that it has go on to their end.
    pub drain: bool,
}

/// The enclaves behind one parent: at least one, and none twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enclaves(Vec<Enclave>);

/// Text that is no enclave.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseEnclaveError {
    /// What stands before the first comma is no address.
    #[error(transparent)]
    Endpoint(#[from] ParseEndpointError),
    /// What stands after a comma is no option. It is not shown, for it may be the rest of a path.
    #[error(
        "after {0} and a comma come `weight=1` to `weight=255` or `drain`, each once; a path with a comma in it is not taken"
    )]
    Option(Endpoint),
}

/// Why a list of enclaves is none to serve with.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EnclavesError {
    /// It has none.
    #[error("no enclave is named")]
    None,
    /// Two entries have one address.
    #[error("the enclave {0} is named twice; give it a weight instead")]
    Twice(Endpoint),
}

impl From<Endpoint> for Enclave {
    fn from(endpoint: Endpoint) -> Self {
        Enclave {
            endpoint,
            weight: NonZeroU8::MIN,
            drain: false,
        }
    }
}

impl FromStr for Enclave {
    type Err = ParseEnclaveError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut pieces = text.split(',');
        let address = pieces.next().unwrap_or_default();
        let mut enclave = Enclave::from(address.parse::<Endpoint>()?);
        let mut weighed = None;
        for option in pieces {
            match (option, option.strip_prefix("weight=").and_then(weight)) {
                ("drain", _) if !enclave.drain => enclave.drain = true,
                (_, Some(weight)) if weighed.is_none() => weighed = Some(weight),
                _ => return Err(ParseEnclaveError::Option(enclave.endpoint)),
            }
        }
        enclave.weight = weighed.unwrap_or(enclave.weight);
        Ok(enclave)
    }
}

impl fmt::Display for Enclave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.endpoint)?;
        if self.weight != NonZeroU8::MIN {
            write!(f, ",weight={}", self.weight)?;
        }
        if self.drain {
            f.write_str(",drain")?;
        }
        Ok(())
    }
}

impl TryFrom<Vec<Enclave>> for Enclaves {
    type Error = EnclavesError;

    fn try_from(enclaves: Vec<Enclave>) -> Result<Self, Self::Error> {
        let mut named = HashSet::new();
        for Enclave { endpoint, .. } in &enclaves {
            if !named.insert(endpoint) {
                return Err(EnclavesError::Twice(endpoint.clone()));
            }
        }
        match enclaves.is_empty() {
            true => Err(EnclavesError::None),
            false => Ok(Enclaves(enclaves)),
        }
    }
}

impl From<Endpoint> for Enclaves {
    fn from(endpoint: Endpoint) -> Self {
        Enclaves(vec![endpoint.into()])
    }
}

impl Enclaves {
    /// In the order in which they were named.
    pub fn iter(&self) -> impl Iterator<Item = &Enclave> {
        self.0.iter()
    }
}

impl fmt::Display for Enclaves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, enclave) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            write!(f, "{separator}{enclave}")?;
        }
        Ok(())
    }
}

/// Digits only: `NonZeroU8::from_str` would take a leading `+`.
fn weight(number: &str) -> Option<NonZeroU8> {
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| number.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        for (text, weight, drain) in [
            ("vsock:16:5005", 1, false),
            ("vsock:17:5005,weight=2", 2, false),
            ("tcp:[::1]:7000,drain", 1, true),
            ("unix:/run/enclave,weight=255,drain", 255, true),
        ] {
            let enclave: Enclave = text.parse().unwrap();
            assert_eq!((enclave.weight.get(), enclave.drain), (weight, drain));
            assert_eq!(enclave.to_string(), text);
        }
        let other_order: Enclave = "vsock:1:1,drain,weight=3".parse().unwrap();
        assert_eq!(other_order.to_string(), "vsock:1:1,weight=3,drain");
    }

    #[test]
    fn what_is_no_option_is_refused() {
        for text in [
            "vsock:16:5005,",
            "vsock:16:5005,weight",
            "vsock:16:5005,weight=",
            "vsock:16:5005,weight=0",
            "vsock:16:5005,weight=256",
            "vsock:16:5005,weight=+1",
            "vsock:16:5005,weight=1,weight=2",
            "vsock:16:5005,drain,drain",
            "vsock:16:5005, drain",
            "vsock:16:5005,vsock:17:5005",
            "unix:/a,b",
        ] {
            let error = text.parse::<Enclave>().unwrap_err();
            assert!(matches!(error, ParseEnclaveError::Option(_)), "{text}");
        }
        let error = "16:5005,drain".parse::<Enclave>().unwrap_err();
        assert!(matches!(error, ParseEnclaveError::Endpoint(_)), "{error}");
    }

    #[test]
    fn a_list_has_one_at_least_and_none_twice() {
        let list = |text: &str| {
            let enclaves = text.split_whitespace().map(|text| text.parse().unwrap());
            Enclaves::try_from(enclaves.collect::<Vec<Enclave>>())
        };
        assert_eq!(list(""), Err(EnclavesError::None));
        let twice = list("vsock:16:5005 vsock:17:5005 vsock:16:5005,weight=2");
        let sixteen = "vsock:16:5005".parse().unwrap();
        assert_eq!(twice, Err(EnclavesError::Twice(sixteen)));
        let both = "vsock:16:5005 vsock:17:5005,weight=2";
        assert_eq!(list(both).unwrap().to_string(), both);
    }
}
