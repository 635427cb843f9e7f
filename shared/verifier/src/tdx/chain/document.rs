//! T3 and T4: the documents that Intel signs, and who signs them.

use dcap_qvl::{QeIdentity, TcbInfo};
use serde::de::DeserializeOwned;
use x509_cert::Certificate;

use super::certificate::Link;
use super::error::{ChainError, Document, Position};
use super::roots::Root;
use crate::time::UnixTime;

/// Whose key signs both documents.
const SIGNER: &[&str] = &["Intel SGX TCB Signing"];

/// A document of Intel's, as it came.
pub(super) struct Signed<'a> {
    pub(super) document: Document,
    pub(super) json: &'a str,
    /// r and s.
    pub(super) signature: &'a [u8],
}

/// From when to when a document holds.
pub(super) struct Dates {
    pub(super) issued: UnixTime,
    next_update: UnixTime,
}

/// A document that a signer's certificate under the root has signed.
pub(super) trait Content: DeserializeOwned {
    /// Whether it is for TDX, in a version that is known.
    fn is_for_tdx(&self) -> bool;
    /// From when to when it holds, as texts.
    fn dates(&self) -> [&str; 2];
}

impl Content for TcbInfo {
    fn is_for_tdx(&self) -> bool {
        self.id == "TDX" && self.version == 3
    }

    fn dates(&self) -> [&str; 2] {
        [&self.issue_date, &self.next_update]
    }
}

impl Content for QeIdentity {
    fn is_for_tdx(&self) -> bool {
        self.id == "TD_QE" && self.version == 2
    }

    fn dates(&self) -> [&str; 2] {
        [&self.issue_date, &self.next_update]
    }
}

impl Signed<'_> {
    /// The document, verified: its signer under the root, its signature, its kind and its dates.
    pub(super) fn verify<T: Content>(
        &self,
        signer: &Link,
        root: &Root,
        now: UnixTime,
    ) -> Result<(T, Dates), ChainError> {
        let document = self.document;
        signer.check_name(SIGNER)?;
        signer.check_is_leaf()?;
        signer.check_issued_by(&root.link)?;
        signer.check_validity(now)?;
        if !signer
            .key()?
            .signed_raw(self.json.as_bytes(), self.signature)
        {
            return Err(ChainError::DocumentSignature { document });
        }
        let shape = ChainError::DocumentShape { document };
        let content: T = serde_json::from_str(self.json).map_err(|_| shape.clone())?;
        if !content.is_for_tdx() {
            return Err(ChainError::DocumentKind { document });
        }
        let [Some(issued), Some(next_update)] = content.dates().map(UnixTime::from_date) else {
            return Err(shape);
        };
        let dates = Dates {
            issued,
            next_update,
        };
        dates.check(document, now)?;
        Ok((content, dates))
    }
}

impl Dates {
    fn check(&self, document: Document, now: UnixTime) -> Result<(), ChainError> {
        let (issued, next_update) = (self.issued, self.next_update);
        if now.as_seconds() < issued.as_seconds() {
            return Err(ChainError::DocumentNotYetValid {
                document,
                issued,
                now,
            });
        }
        match now.as_seconds() > next_update.as_seconds() {
            true => Err(ChainError::DocumentExpired {
                document,
                next_update,
                now,
            }),
            false => Ok(()),
        }
    }
}

/// A chain in PEM, of exactly these places. Quotes may have a NUL behind it.
pub(super) fn certificates<const N: usize>(
    pem: &[u8],
    places: [Position; N],
) -> Result<[Link; N], ChainError> {
    let fault = ChainError::Certificates {
        at: places.first().copied().unwrap_or(Position::Root),
        want: N,
    };
    let pem = pem.strip_suffix(&[0]).unwrap_or(pem);
    let chain = Certificate::load_pem_chain(pem).map_err(|_| fault.clone())?;
    if chain.len() != N {
        return Err(fault);
    }
    let links = chain.into_iter().zip(places);
    let links: Option<Vec<_>> = links
        .map(|(certificate, at)| Link::new(certificate, at))
        .collect();
    links.and_then(|links| links.try_into().ok()).ok_or(fault)
}
