//! The set that evidence itself would match: its values, as it says them, under the names of docs/json.md.

use std::collections::BTreeMap;

use sealnote_verifier::policy::PolicyFile;
use sealnote_verifier::token::rules::{ContainerFile, ProfileFile, SevSnpFile, TdxFile};
use sealnote_verifier::token::{Measured, Profile};
use sealnote_verifier::{Kind, azure_vtpm, nitro, sev_snp, tdx, token};
use serde::Deserialize;
use serde_json::Value;

use super::{Set, no_rules};
use crate::exit::{Exit, Failure};

/// The set, without a label; of a token, also the issuer that it names. What is zero is set down as the word, where a set
/// may have it.
///
/// The policy says how a token of its issuer is to be read.
pub(crate) fn of_evidence(
    kind: Kind,
    facts: &Value,
    policy: &PolicyFile,
) -> Result<(Set, Option<String>), Failure> {
    let set = match kind {
        Kind::Nitro => Set::Nitro(of_nitro(facts)?),
        Kind::SevSnp => Set::SevSnp(of_sev_snp(facts)?),
        Kind::Tdx => Set::Tdx(of_tdx(facts)?),
        Kind::AzureVtpm => Set::AzureVtpm(of_azure_vtpm(facts)?),
        Kind::Token => {
            let (set, issuer) = of_token(facts, policy)?;
            return Ok((Set::Token(Box::new(set)), Some(issuer)));
        }
        other => unreachable!("evidence of {} has sets", other.name()),
    };
    Ok((set, None))
}

fn of_nitro(facts: &Value) -> Result<nitro::rules::SetFile, Failure> {
    let pcrs = registers(facts)?;
    let pcr = |index: u8| pcrs.get(&index).cloned();
    Ok(nitro::rules::SetFile {
        pcr0: pcr(0),
        pcr1: pcr(1),
        pcr2: pcr(2),
        // That of an image without a signature.
        pcr8: pcr(8).filter(|value| !is_zero(value)),
        ..nitro::rules::SetFile::default()
    })
}

fn of_sev_snp(facts: &Value) -> Result<sev_snp::rules::SetFile, Failure> {
    Ok(sev_snp::rules::SetFile {
        label: String::new(),
        not_after: None,
        least_suite: None,
        measurement: text(facts, "measurement")?,
        host_data: or_zero(text(facts, "host_data")?),
        id_key_digest: or_zero(text(facts, "id_key_digest")?),
        author_key_digest: or_zero(text(facts, "author_key_digest")?),
    })
}

fn of_tdx(facts: &Value) -> Result<tdx::rules::SetFile, Failure> {
    let measured = |name| text(facts, name).map(or_zero);
    Ok(tdx::rules::SetFile {
        label: String::new(),
        not_after: None,
        least_suite: None,
        mrtd: text(facts, "mrtd")?,
        rtmr0: measured("rtmr0")?,
        rtmr1: measured("rtmr1")?,
        rtmr2: measured("rtmr2")?,
        rtmr3: measured("rtmr3")?,
        mr_config_id: measured("mr_config_id")?,
        mr_owner: measured("mr_owner")?,
        mr_owner_config: measured("mr_owner_config")?,
        xfam: text(facts, "xfam")?,
        mr_seam: vec![text(facts, "mr_seam")?],
    })
}

fn of_azure_vtpm(facts: &Value) -> Result<azure_vtpm::rules::SetFile, Failure> {
    let pcrs = registers(facts)?;
    let pcrs = pcrs
        .into_iter()
        .map(|(index, value)| (index, or_zero(value)));
    Ok(azure_vtpm::rules::SetFile {
        label: String::new(),
        not_after: None,
        least_suite: None,
        tee: field(facts, "tee")?,
        pcrs: azure_vtpm::rules::PcrsFile(pcrs.collect()),
    })
}

fn of_token(
    facts: &Value,
    policy: &PolicyFile,
) -> Result<(token::rules::SetFile, String), Failure> {
    let claims = facts.get("claims").unwrap_or(&Value::Null);
    let issuer = text(claims, "iss")?;
    let rules = policy.evidence.token.as_ref();
    let rules = rules.ok_or_else(|| no_rules(Kind::Token))?;
    let Some(trusted) = rules.issuers.iter().find(|rules| rules.issuer == issuer) else {
        return Err(Exit::Usage.because(format!(
            "the token names the issuer {issuer:?}, which the policy does not trust"
        )));
    };
    let profile = match trusted.profile {
        ProfileFile::Google => Profile::Google,
        ProfileFile::Azure => Profile::Azure,
        ProfileFile::Intel => Profile::Intel,
    };
    let measured = profile.measured(claims.to_string().as_bytes());
    let measured = measured.map_err(|error| Exit::Rejected.because(error.to_string()))?;
    let mut set = token::rules::SetFile::default();
    match measured {
        Measured::Container(container) => {
            set.container = Some(ContainerFile {
                image_digest: format!("sha256:{}", hex::encode(container.image_digest)),
                args: container.args,
                env: container.env,
            });
        }
        Measured::Tdx(domain) => {
            let [rtmr0, rtmr1, rtmr2, rtmr3] = domain.rtmrs.map(zero_or_hex);
            set.tdx = Some(TdxFile {
                mrtd: hex::encode(domain.mrtd),
                rtmr0,
                rtmr1,
                rtmr2,
                rtmr3,
                mr_config_id: zero_or_hex(domain.mr_config_id),
                mr_owner: zero_or_hex(domain.mr_owner),
                mr_owner_config: zero_or_hex(domain.mr_owner_config),
                td_attributes: hex::encode(domain.td_attributes),
                xfam: hex::encode(domain.xfam),
            });
        }
        Measured::SevSnp(guest) => {
            set.sev_snp = Some(SevSnpFile {
                measurement: hex::encode(guest.measurement),
                host_data: zero_or_hex(guest.host_data),
                id_key_digest: zero_or_hex(guest.id_key_digest),
                author_key_digest: zero_or_hex(guest.author_key_digest),
                smt_allowed: guest.smt_allowed,
            });
        }
        _ => unreachable!("every kind of what is measured has a set"),
    }
    Ok((set, issuer))
}

fn registers(facts: &Value) -> Result<BTreeMap<u8, String>, Failure> {
    field(facts, "pcrs")
}

fn text(facts: &Value, name: &str) -> Result<String, Failure> {
    field(facts, name)
}

/// A field of what `inspect` printed: somebody may have edited it.
fn field<T: for<'de> Deserialize<'de>>(facts: &Value, name: &str) -> Result<T, Failure> {
    let value = facts.get(name).unwrap_or(&Value::Null);
    T::deserialize(value).map_err(|_| {
        Exit::Usage.because(format!(
            "what the evidence says has no {name}, or not as `sealnote inspect` prints it"
        ))
    })
}

fn is_zero(value: &str) -> bool {
    value.bytes().all(|digit| digit == b'0')
}

fn or_zero(value: String) -> String {
    match is_zero(&value) {
        true => "zero".to_owned(),
        false => value,
    }
}

fn zero_or_hex(value: impl AsRef<[u8]>) -> String {
    or_zero(hex::encode(value))
}
