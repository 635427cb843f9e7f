//! What the `sev` crate says of a report with its chain.

use anyhow::{Context, Result};
use sev::certs::snp::{Certificate, Chain, Verifiable, builtin, ca};
use sev::firmware::guest::AttestationReport;
use sev::parser::ByteParser;

/// The roots that it is given.
pub struct Oracle {
    roots: Vec<Certificate>,
}

impl Oracle {
    /// AMD's roots, as the crate has them.
    pub fn amd() -> Result<Self> {
        let roots = [
            builtin::milan::ark(),
            builtin::genoa::ark(),
            builtin::turin::ark(),
        ];
        Ok(Self {
            roots: roots.into_iter().collect::<Result<_, _>>()?,
        })
    }

    /// A root of one's own.
    pub fn with_root(pem: &str) -> Result<Self> {
        let root = Certificate::from_pem(pem.as_bytes()).context("the root")?;
        Ok(Self { roots: vec![root] })
    }

    /// Whether the report is signed by the leaf's key, and the chain leads to one of the roots.
    pub fn accepts(&self, report: &[u8], leaf: &[u8], intermediate: &[u8]) -> bool {
        let Ok(report) = AttestationReport::from_bytes(report) else {
            return false;
        };
        let (Ok(vek), Ok(ask)) = (
            Certificate::from_der(leaf),
            Certificate::from_der(intermediate),
        ) else {
            return false;
        };
        self.roots.iter().any(|ark| {
            let ca = ca::Chain {
                ark: ark.clone(),
                ask: ask.clone(),
            };
            let chain = Chain {
                ca,
                vek: vek.clone(),
            };
            (&chain, &report).verify().is_ok()
        })
    }
}
