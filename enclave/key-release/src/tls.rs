//! TLS that ends in the enclave. What carries it, the parent's egress included, sees a host's name and ciphertext.
//!
//! TLS 1.3 alone; the roots are given by the image and no other is trusted; no resumption, so that each connection proves
//! the service anew; no key log. A certificate's time is compared with the machine's clock. Revocation is not asked for.
//!
//! The provider of rustls is graviola: the enclave's programs are built without a C compiler, and the policy of
//! dependencies bans ring and AWS-LC. Graviola is by a maintainer of rustls, takes its arithmetic from s2n-bignum, whose
//! assembler is proven correct, and works in constant time. RustCrypto's provider is an alpha. What the session and the
//! evidence rest on stays RustCrypto's: TLS guards only what a key service says, and its key is sealed to the enclave
//! once more, inside.

use std::{io, sync::Arc};

use rustls::{
    AlertDescription, CertificateError, ClientConfig, RootCertStore, client::Resumption,
    version::TLS13,
};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use sealnote_transport::Stream;
use thiserror::Error;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// The certificates that a service's own must lead to.
#[derive(Clone, Debug)]
pub struct Roots(Arc<ClientConfig>);

/// Why there is no TLS with a service. Nothing of it is the peer's text.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsError {
    /// The processor is older than graviola takes.
    #[error(
        "this processor lacks {lacks}, which TLS needs here: x86-64 with AES, PCLMULQDQ, BMI1, BMI2, ADX and AVX2 (since about \
         2014), or AArch64 with AES, PMULL and SHA-2. Under an emulator, choose a processor that has them"
    )]
    Processor {
        /// The first feature that is missing.
        lacks: &'static str,
    },
    /// The file of roots has no certificate.
    #[error("the service's roots hold no certificate: they are a file of certificates in PEM")]
    NoRoots,
    /// One of them is none.
    #[error("certificate {index} of the service's roots, counted from 1, cannot be read")]
    BadRoot {
        /// Which one, from 1.
        index: usize,
    },
    /// A certificate cannot be made out to it.
    #[error("the service's host is neither a DNS name nor an IP address")]
    Host,
    /// The connection ended before TLS was there.
    #[error("the connection ended before TLS was there")]
    Ended,
    /// The service's certificate is not the service's.
    #[error("the service's certificate is refused: {0}")]
    Certificate(CertificateFault),
    /// The service refused.
    #[error("the service ended the handshake of TLS: {alert}")]
    Alert {
        /// Its reason, by RFC 8446's name.
        alert: &'static str,
    },
    /// It speaks something else.
    #[error("the service does not speak TLS 1.3 as it should")]
    Protocol,
}

/// What is wrong with a service's certificate.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateFault {
    /// None of the roots issued it.
    #[error(
        "it leads to none of the roots in the image. Somebody sits between, or the image needs the service's root"
    )]
    Root,
    /// It is another host's.
    #[error("it is made out to another host")]
    Name,
    /// It is too old or too young.
    #[error("it is not valid now. Its time has passed, or the machine's clock is wrong")]
    Time,
    /// Anything else.
    #[error("it is malformed, or not for a server")]
    Other,
}

impl Roots {
    /// The certificates of a PEM file; what else the file holds is passed over.
    ///
    /// # Errors
    /// No certificate, one that is none, or a processor that TLS does not run on.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TlsError> {
        if let Some(lacks) = missing_feature() {
            return Err(TlsError::Processor { lacks });
        }
        let mut roots = RootCertStore::empty();
        for (certificate, index) in CertificateDer::pem_slice_iter(pem).zip(1..) {
            let certificate = certificate.map_err(|_| TlsError::BadRoot { index })?;
            roots
                .add(certificate)
                .map_err(|_| TlsError::BadRoot { index })?;
        }
        if roots.is_empty() {
            return Err(TlsError::NoRoots);
        }
        let provider = Arc::new(rustls_graviola::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(|_| TlsError::Protocol)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }

    /// Speaks TLS over `stream` to `host`, to which the certificate is made out.
    pub(crate) async fn connect(
        &self,
        host: &str,
        stream: Stream,
    ) -> Result<TlsStream<Stream>, TlsError> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| TlsError::Host)?;
        let connector = TlsConnector::from(Arc::clone(&self.0));
        connector.connect(name, stream).await.map_err(reason)
    }
}

/// The first feature that graviola asks for and this processor lacks; graviola itself panics.
fn missing_feature() -> Option<&'static str> {
    macro_rules! first_missing {
        ($detected:ident: $($feature:tt),+) => {
            [$(($feature, std::arch::$detected!($feature))),+]
        };
    }
    #[cfg(target_arch = "x86_64")]
    let features = first_missing!(is_x86_feature_detected: "aes", "pclmulqdq", "bmi1", "bmi2", "adx", "avx", "avx2");
    #[cfg(target_arch = "aarch64")]
    let features = first_missing!(is_aarch64_feature_detected: "neon", "aes", "pmull", "sha2");
    let missing = features.into_iter().find(|(_, there)| !there);
    missing.map(|(feature, _)| feature)
}

/// What rustls says, without what it repeats of the peer.
fn reason(error: io::Error) -> TlsError {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        None => TlsError::Ended,
        Some(rustls::Error::InvalidCertificate(error)) => TlsError::Certificate(fault(error)),
        Some(rustls::Error::AlertReceived(alert)) => TlsError::Alert {
            alert: name(*alert),
        },
        Some(_) => TlsError::Protocol,
    }
}

fn fault(error: &CertificateError) -> CertificateFault {
    use CertificateError::*;
    match error {
        // The second is what a stranger of the root's name comes to.
        UnknownIssuer | BadSignature => CertificateFault::Root,
        NotValidForName | NotValidForNameContext { .. } => CertificateFault::Name,
        Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. } => {
            CertificateFault::Time
        }
        _ => CertificateFault::Other,
    }
}

fn name(alert: AlertDescription) -> &'static str {
    alert.as_str().unwrap_or("an alert without a name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_certificates_in_pem() {
        let amazon = include_bytes!("aws_kms/amazon_roots.pem");
        assert!(Roots::from_pem(amazon).is_ok());
        assert_eq!(Roots::from_pem(b"").unwrap_err(), TlsError::NoRoots);
        let key = b"-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n";
        assert_eq!(Roots::from_pem(key).unwrap_err(), TlsError::NoRoots);

        let mut second_is_none = amazon.to_vec();
        second_is_none.splice(
            0..0,
            *b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
        );
        let error = Roots::from_pem(&second_is_none).unwrap_err();
        assert_eq!(error, TlsError::BadRoot { index: 1 });
        let cut = &amazon[..amazon.len() - 30];
        assert_eq!(
            Roots::from_pem(cut).unwrap_err(),
            TlsError::BadRoot { index: 5 }
        );
    }

    #[test]
    fn this_processor_has_what_tls_needs() {
        assert_eq!(missing_feature(), None);
    }
}
