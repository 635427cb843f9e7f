//! Where the key comes from: `MODEL_ENCRYPTION_KEY_URL`. Check K1.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A service that releases a key, and what it calls it. It grants no trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Locator {
    /// `aws-kms:ARN`: AWS KMS, by the ARN of the key that wraps the model's key.
    AwsKms {
        /// The key's ARN: `arn:PARTITION:kms:REGION:ACCOUNT:key/ID`.
        arn: String,
    },
    /// `kbs:///REPOSITORY/TYPE/TAG`: a resource of a Trustee KBS.
    Kbs {
        /// The resource's three names.
        resource: [String; 3],
    },
    /// `sealnote://HOST:PORT`: the owner's release service.
    Owner {
        /// The service's address: for people, and for the parent's allow list. The enclave resolves no name.
        authority: String,
    },
}

/// Why a text is no locator.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LocatorError {
    /// Another scheme.
    #[error(
        "MODEL_ENCRYPTION_KEY_URL is none of aws-kms:KEY-ARN, kbs:///REPOSITORY/TYPE/TAG and sealnote://HOST:PORT"
    )]
    Scheme,
    /// No ARN of a KMS key.
    #[error(
        "MODEL_ENCRYPTION_KEY_URL: aws-kms: is followed by a key's ARN, arn:aws:kms:REGION:ACCOUNT:key/ID; an alias can be \
         pointed at another key by whoever has the account"
    )]
    Arn,
    /// No path of a resource.
    #[error(
        "MODEL_ENCRYPTION_KEY_URL: kbs:/// is followed by REPOSITORY/TYPE/TAG, of letters, digits, '.', '_' and '-'"
    )]
    Resource,
    /// No host and port.
    #[error("MODEL_ENCRYPTION_KEY_URL: sealnote:// is followed by HOST:PORT and nothing else")]
    Authority,
}

impl FromStr for Locator {
    type Err = LocatorError;

    fn from_str(text: &str) -> Result<Self, LocatorError> {
        if let Some(arn) = text.strip_prefix("aws-kms:") {
            let arn = is_key_arn(arn).then(|| arn.to_owned());
            return arn.map(|arn| Self::AwsKms { arn }).ok_or(LocatorError::Arn);
        }
        if let Some(path) = text.strip_prefix("kbs:///") {
            let names: Vec<String> = path.split('/').map(str::to_owned).collect();
            return match <[String; 3]>::try_from(names) {
                Ok(resource) if resource.iter().all(|name| is_name(name)) => {
                    Ok(Self::Kbs { resource })
                }
                _ => Err(LocatorError::Resource),
            };
        }
        if let Some(authority) = text.strip_prefix("sealnote://") {
            return match is_authority(authority) {
                true => Ok(Self::Owner {
                    authority: authority.to_owned(),
                }),
                false => Err(LocatorError::Authority),
            };
        }
        Err(LocatorError::Scheme)
    }
}

impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AwsKms { arn } => write!(f, "aws-kms:{arn}"),
            Self::Kbs { resource } => write!(f, "kbs:///{}", resource.join("/")),
            Self::Owner { authority } => write!(f, "sealnote://{authority}"),
        }
    }
}

/// `arn:PARTITION:kms:REGION:ACCOUNT:key/ID` (AWS KMS Developer Guide, "Key identifiers").
fn is_key_arn(arn: &str) -> bool {
    let parts: Vec<&str> = arn.split(':').collect();
    let [scheme, partition, service, region, account, resource] = parts[..] else {
        return false;
    };
    let lower = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let id = resource.strip_prefix("key/").unwrap_or_default();
    scheme == "arn"
        && partition.starts_with("aws")
        && lower(partition)
        && service == "kms"
        && lower(region)
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && lower(id)
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// `HOST:PORT`.
pub(crate) fn is_authority(authority: &str) -> bool {
    let Some((host, port)) = authority.rsplit_once(':') else {
        return false;
    };
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let host_is_good = match inner {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_name(host),
    };
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    host_is_good && digits && port.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_printed() {
        for text in [
            "aws-kms:arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "aws-kms:arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab",
            "kbs:///sealnote/model-key/default.1",
            "sealnote://keys.example.org:7443",
            "sealnote://10.0.0.7:7443",
            "sealnote://[::1]:7443",
        ] {
            assert_eq!(text.parse::<Locator>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        use LocatorError::*;
        for (text, error) in [
            ("", Scheme),
            ("https://kms.example.org", Scheme),
            ("AWS-KMS:arn", Scheme),
            ("file:///key", Scheme),
            ("aws-kms:", Arn),
            (
                "aws-kms:arn:aws:kms:eu-central-1:111122223333:alias/model",
                Arn,
            ),
            ("aws-kms:arn:aws:s3:eu-central-1:111122223333:key/1", Arn),
            ("aws-kms:arn:aws:kms:eu-central-1:1111:key/1", Arn),
            ("aws-kms:arn:aws:kms:EU:111122223333:key/1", Arn),
            ("aws-kms:arn:aws:kms:eu-central-1:111122223333:key/", Arn),
            ("aws-kms:arn:aws:kms:eu-central-1:111122223333:key/a:b", Arn),
            ("kbs:///a/b", Resource),
            ("kbs:///a/b/c/d", Resource),
            ("kbs:///a//c", Resource),
            ("kbs:///../b/c", Resource),
            ("kbs:///a/b/c?d", Resource),
            ("kbs://host/a/b/c", Scheme),
            ("sealnote://host", Authority),
            ("sealnote://host:0", Authority),
            ("sealnote://host:65536", Authority),
            ("sealnote://host:+1", Authority),
            ("sealnote://host:1/", Authority),
            ("sealnote://:1", Authority),
            ("sealnote://[x]:1", Authority),
            ("sealnote://user@host:1", Authority),
        ] {
            assert_eq!(text.parse::<Locator>(), Err(error), "{text}");
        }
    }
}
