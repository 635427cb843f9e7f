//! AWS Signature Version 4: who asks. AWS General Reference, "Create a signed AWS API request".
//!
//! Of our own, on RustCrypto's HMAC: AWS's crate for it would bring some twenty others into the enclave, and this is held by
//! AWS's published test suite. Only what is asked here: no query, header values without runs of spaces.

use std::fmt::Write as _;
use std::time::SystemTime;

use der::DateTime;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::credentials::Credentials;

/// A time as AWS writes it: `20150830T123600Z`.
#[derive(Clone, Debug)]
pub(super) struct Timestamp(String);

/// What is signed. Names of headers in lower case.
pub(super) struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub headers: Vec<(&'a str, &'a str)>,
    pub body: &'a [u8],
}

/// For what the signature holds.
pub(super) struct Scope<'a> {
    pub time: &'a Timestamp,
    pub region: &'a str,
    pub service: &'a str,
}

impl Timestamp {
    /// `None` before 1970 and after 9999.
    pub fn of(time: SystemTime) -> Option<Self> {
        let t = DateTime::from_system_time(time).ok()?;
        let (day, time) = (
            (t.year(), t.month(), t.day()),
            (t.hour(), t.minutes(), t.seconds()),
        );
        Some(Self(format!(
            "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
            day.0, day.1, day.2, time.0, time.1, time.2
        )))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn date(&self) -> &str {
        &self.0[..8]
    }
}

/// The value of `Authorization`: every header of the request is signed.
pub(super) fn authorization(
    mut request: Request<'_>,
    scope: &Scope<'_>,
    credentials: &Credentials,
) -> String {
    request.headers.sort_unstable();
    let names: Vec<&str> = request.headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let scope_text = format!(
        "{}/{}/{}/aws4_request",
        scope.time.date(),
        scope.region,
        scope.service
    );
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{}\n{scope_text}\n{}",
        scope.time.as_str(),
        hex::encode(Sha256::digest(canonical(&request, &names)))
    );
    let signature = mac(&key(scope, credentials)[..], &to_sign);
    format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope_text}, SignedHeaders={names}, Signature={}",
        credentials.access_key_id(),
        hex::encode(&signature[..])
    )
}

fn canonical(request: &Request<'_>, names: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(format!("{}\n{}\n\n", request.method, request.path));
    for (name, value) in &request.headers {
        // To a string, which does not fail.
        let _ = writeln!(text, "{name}:{value}");
    }
    let hash = hex::encode(Sha256::digest(request.body));
    let _ = write!(text, "\n{names}\n{hash}");
    text
}

fn key(scope: &Scope<'_>, credentials: &Credentials) -> Zeroizing<[u8; 32]> {
    let secret = Zeroizing::new(format!("AWS4{}", credentials.secret_access_key()));
    let date = mac(secret.as_bytes(), scope.time.date());
    let region = mac(&date[..], scope.region);
    let service = mac(&region[..], scope.service);
    mac(&service[..], "aws4_request")
}

fn mac(key: &[u8], text: &str) -> Zeroizing<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// AWS's published test suite ("Signature Version 4 test suite"), as crate aws-sigv4 1.6 carries it: those cases that have
/// no query and no value to be trimmed.
#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    /// 2015-08-30T12:36:00Z.
    const TIME: Duration = Duration::from_secs(1_440_938_160);
    const STS: &str = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

    fn signed(method: &str, headers: &[(&str, &str)], body: &[u8], token: Option<&str>) -> String {
        let time = Timestamp::of(UNIX_EPOCH + TIME).unwrap();
        let mut headers = headers.to_vec();
        headers.push(("host", "example.amazonaws.com"));
        headers.push(("x-amz-date", time.as_str()));
        headers.extend(token.map(|token| ("x-amz-security-token", token)));
        let request = Request {
            method,
            path: "/",
            headers,
            body,
        };
        let scope = Scope {
            time: &time,
            region: "us-east-1",
            service: "service",
        };
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let credentials = Credentials::for_test("AKIDEXAMPLE", secret, token);
        authorization(request, &scope, &credentials)
    }

    #[test]
    fn the_published_test_suite() {
        let form = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("content-length", "13"),
            (
                "x-amz-content-sha256",
                "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
            ),
        ];
        let date = "host;x-amz-date";
        let with_token = "host;x-amz-date;x-amz-security-token";
        let token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
        for (case, authorization, names, signature) in [
            (
                "get-vanilla",
                signed("GET", &[], b"", None),
                date,
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "post-vanilla",
                signed("POST", &[], b"", None),
                date,
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            (
                "post-header-key-sort",
                signed("POST", &[("my-header1", "value1")], b"", None),
                "host;my-header1;x-amz-date",
                "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
            ),
            (
                "post-x-www-form-urlencoded",
                signed("POST", &form, b"Param1=value1", None),
                "content-length;content-type;host;x-amz-content-sha256;x-amz-date",
                "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
            ),
            (
                "get-vanilla-with-session-token",
                signed("GET", &[], b"", Some(token)),
                with_token,
                "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
            ),
            (
                "post-sts-header-before",
                signed("POST", &[], b"", Some(STS)),
                with_token,
                "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
            ),
        ] {
            let credential = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
            assert_eq!(
                authorization,
                format!(
                    "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
                ),
                "{case}"
            );
        }
    }

    #[test]
    fn a_time_has_its_shape() {
        let time = |time| Timestamp::of(time).map(|time| time.0);
        assert_eq!(time(UNIX_EPOCH).unwrap(), "19700101T000000Z");
        assert_eq!(time(UNIX_EPOCH + TIME).unwrap(), "20150830T123600Z");
        assert_eq!(time(UNIX_EPOCH - Duration::from_secs(1)), None);
    }
}
