//! What a set says was measured, and its values in hex.

use super::RulesError;
use super::file::{ContainerFile, SevSnpFile, TdxFile};
use crate::schema;
use crate::tdx::appraisal::{SEPT_VE_DISABLE, forbidden_attribute};
use crate::token::profile::{Container, Measured, SevSnp, Tdx};

impl ContainerFile {
    pub(super) fn check(self, at: &str) -> Result<Measured, RulesError> {
        let field = format!("{at}.image_digest");
        let Some(digest) = self.image_digest.strip_prefix("sha256:") else {
            return Err(RulesError::ImageDigest { field });
        };
        if self.args.is_empty() {
            let field = format!("{at}.args");
            return Err(RulesError::Empty { field });
        }
        if self.env.contains_key("HOSTNAME") {
            let field = format!("{at}.env.HOSTNAME");
            let profile = crate::token::Profile::Google;
            return Err(RulesError::Unused { field, profile });
        }
        Ok(Measured::Container(Container {
            image_digest: value(digest, field)?,
            args: self.args,
            env: self.env,
        }))
    }
}

impl TdxFile {
    pub(super) fn check(self, at: &str) -> Result<Measured, RulesError> {
        let field = |name: &str| format!("{at}.{name}");
        let td_attributes: [u8; 8] = value(&self.td_attributes, field("td_attributes"))?;
        let bits = u64::from_le_bytes(td_attributes);
        if forbidden_attribute(bits).is_some() || bits & SEPT_VE_DISABLE == 0 {
            let field = field("td_attributes");
            return Err(RulesError::TdAttributes { field });
        }
        Ok(Measured::Tdx(Box::new(Tdx {
            mrtd: value(&self.mrtd, field("mrtd"))?,
            rtmrs: [
                value_or_zero(&self.rtmr0, field("rtmr0"))?,
                value_or_zero(&self.rtmr1, field("rtmr1"))?,
                value_or_zero(&self.rtmr2, field("rtmr2"))?,
                value_or_zero(&self.rtmr3, field("rtmr3"))?,
            ],
            mr_config_id: value_or_zero(&self.mr_config_id, field("mr_config_id"))?,
            mr_owner: value_or_zero(&self.mr_owner, field("mr_owner"))?,
            mr_owner_config: value_or_zero(&self.mr_owner_config, field("mr_owner_config"))?,
            td_attributes,
            xfam: value(&self.xfam, field("xfam"))?,
        })))
    }
}

impl SevSnpFile {
    pub(super) fn check(self, at: &str) -> Result<Measured, RulesError> {
        let field = |name: &str| format!("{at}.{name}");
        Ok(Measured::SevSnp(SevSnp {
            measurement: value(&self.measurement, field("measurement"))?,
            host_data: value_or_zero(&self.host_data, field("host_data"))?,
            id_key_digest: value_or_zero(&self.id_key_digest, field("id_key_digest"))?,
            author_key_digest: value_or_zero(&self.author_key_digest, field("author_key_digest"))?,
            smt_allowed: self.smt_allowed,
        }))
    }
}

/// Hex digits that are not all zero; zero is said by a word.
pub(super) fn value<const N: usize>(text: &str, field: String) -> Result<[u8; N], RulesError> {
    schema::value(text).map_err(|fault| RulesError::Value { field, fault })
}

fn value_or_zero<const N: usize>(text: &str, field: String) -> Result<[u8; N], RulesError> {
    schema::value_or_zero(text).map_err(|fault| RulesError::Value { field, fault })
}
