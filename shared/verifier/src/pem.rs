//! A certificate in a file: PEM (RFC 7468) with one certificate, and nothing behind it.

use x509_cert::Certificate;
use x509_cert::der::{self, Decode, pem};

/// Strictly: `DecodePem` of crate `der` takes bytes behind the certificate for nothing.
pub(crate) fn certificate(text: &[u8]) -> Result<Certificate, der::Error> {
    let (label, bytes) = pem::decode_vec(text)?;
    match label {
        "CERTIFICATE" => Certificate::from_der(&bytes),
        _ => Err(pem::Error::Label.into()),
    }
}

#[cfg(test)]
mod tests {
    use x509_cert::der::pem::{LineEnding, encode_string};

    use super::*;

    #[test]
    fn nothing_may_stand_behind_a_certificate() {
        let der = include_bytes!("nitro/roots/aws-nitro-root-g1.der");
        let written =
            |label: &str, bytes: &[u8]| encode_string(label, LineEnding::LF, bytes).unwrap();
        let read = |text: String| certificate(text.as_bytes()).is_ok();
        assert!(read(written("CERTIFICATE", der)));
        for more in [&b"\0"[..], b"\0\0", b"\0\0\x02L", b"\x30\0"] {
            assert!(!read(written("CERTIFICATE", &[&der[..], more].concat())));
        }
        assert!(!read(written("CERTIFICATE", &der[..der.len() - 1])));
        assert!(!read(written("X509 CERTIFICATE", der)));
    }
}
