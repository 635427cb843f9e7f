//! AMD's part: the keys of a root and of the CA below it, and what they certify.

use std::str::FromStr;
use std::thread;
use std::time::SystemTime;

use p384::ecdsa::VerifyingKey;
use rand_core::CryptoRng;
use rsa::signature::RandomizedSigner;
use rsa::{PrivateKey, pss};
use sha2::Sha384;
use x509_cert::SubjectPublicKeyInfo;
use x509_cert::certificate::{Rfc5280, Version};
use x509_cert::crl::{CertificateList, TbsCertList};
use x509_cert::der::asn1::{Any, BitString, ObjectIdentifier, OctetString};
use x509_cert::der::{Encode, Tag};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::KeyUsages;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::DynSignatureAlgorithmIdentifier;
use x509_cert::time::Time;

use super::machine::{KeyOwner, Machine, Product};
use crate::certificate::{CertificateSpec, ca_extensions};
use crate::error::AttesterError;

/// AMD's keys have so many bits, and verifiers ask for them.
const RSA_BITS: usize = 4096;

/// Serial numbers of the root, of the CA below it, and of leaves, which AMD gives 0.
const ARK_SERIAL: u8 = 1;
const CA_SERIAL: u8 = 2;
const LEAF_SERIAL: u8 = 0;

/// All of AMD's extensions are under it.
const AMD_ARC: &str = "1.3.6.1.4.1.3704.1";

/// From when and until when something is valid.
pub type Validity = (SystemTime, SystemTime);

/// The keys of the root (ARK) and of the CA that certifies machines (ASK or ASVK).
#[derive(Clone)]
pub struct Authority {
    ark: PrivateKey,
    ca: PrivateKey,
}

impl Authority {
    /// Draws both keys at the same time, each by randomness of its own: it takes about a second.
    ///
    /// # Errors
    ///
    /// None in practice: the size is one that keys can have.
    pub fn generate<R: CryptoRng + Send>(rngs: &mut [R; 2]) -> Result<Self, AttesterError> {
        let [first, second] = rngs;
        let (ark, ca) = thread::scope(|scope| {
            let ark = scope.spawn(|| PrivateKey::new(first, RSA_BITS));
            let ca = PrivateKey::new(second, RSA_BITS);
            let ark = ark
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            (ark, ca)
        });
        Ok(Self { ark: ark?, ca: ca? })
    }

    /// The root's key.
    pub fn ark(&self) -> &PrivateKey {
        &self.ark
    }

    /// The key of the CA below it.
    pub fn ca(&self) -> &PrivateKey {
        &self.ca
    }

    /// Signs as the root.
    pub fn ark_signer(&self) -> pss::SigningKey<Sha384> {
        pss::SigningKey::new(self.ark.clone())
    }

    /// Signs as the CA.
    pub fn ca_signer(&self) -> pss::SigningKey<Sha384> {
        pss::SigningKey::new(self.ca.clone())
    }

    /// The root of a generation, to be signed by itself.
    ///
    /// # Errors
    ///
    /// None in practice: the encoder writes to memory.
    pub fn ark_spec(
        &self,
        product: Product,
        validity: Validity,
    ) -> Result<CertificateSpec, AttesterError> {
        let name = ark_name(product)?;
        let usages = KeyUsages::KeyCertSign | KeyUsages::CRLSign;
        let extensions = ca_extensions(None, usages)?;
        let key = SubjectPublicKeyInfo::from_key(self.ark.as_public_key())?;
        spec(ARK_SERIAL, [name.clone(), name], validity, key, extensions)
    }

    /// The CA of a machine's keys, to be signed by the root.
    ///
    /// # Errors
    ///
    /// None in practice: the encoder writes to memory.
    pub fn ca_spec(
        &self,
        machine: &Machine,
        validity: Validity,
    ) -> Result<CertificateSpec, AttesterError> {
        let names = [ark_name(machine.product)?, ca_name(machine)?];
        let extensions = ca_extensions(Some(0), KeyUsages::KeyCertSign)?;
        let key = SubjectPublicKeyInfo::from_key(self.ca.as_public_key())?;
        spec(CA_SERIAL, names, validity, key, extensions)
    }

    /// The certificate of a machine's key, to be signed by the CA (57230, tables 8 and 9).
    ///
    /// # Errors
    ///
    /// A cloud's id that is not in ASCII.
    pub fn leaf_spec(
        machine: &Machine,
        key: &VerifyingKey,
        validity: Validity,
    ) -> Result<CertificateSpec, AttesterError> {
        let subject = match machine.owner {
            KeyOwner::Chip => "SEV-VCEK",
            KeyOwner::Cloud(_) => "SEV-VLEK",
        };
        let names = [ca_name(machine)?, name(subject)?];
        let key = SubjectPublicKeyInfo::from_key(key)?;
        spec(LEAF_SERIAL, names, validity, key, leaf_extensions(machine)?)
    }

    /// The root's revocation list without an entry, to be signed by [`sign_crl`](Self::sign_crl).
    ///
    /// # Errors
    ///
    /// A time that X.509 cannot express.
    pub fn crl_spec(
        &self,
        product: Product,
        (this_update, next_update): Validity,
    ) -> Result<TbsCertList<Rfc5280>, AttesterError> {
        Ok(TbsCertList {
            version: Version::V2,
            signature: self.ark_signer().signature_algorithm_identifier()?,
            issuer: ark_name(product)?,
            this_update: Time::try_from(this_update)?,
            next_update: Some(Time::try_from(next_update)?),
            revoked_certificates: None,
            crl_extensions: None,
        })
    }

    /// The signed list, DER.
    ///
    /// # Errors
    ///
    /// The signer's failure, or a list that cannot be encoded.
    pub fn sign_crl<R: CryptoRng + ?Sized>(
        list: TbsCertList<Rfc5280>,
        signer: &pss::SigningKey<Sha384>,
        rng: &mut R,
    ) -> Result<Vec<u8>, AttesterError> {
        let signature: pss::Signature = signer.try_sign_with_rng(rng, &list.to_der()?)?;
        let list = CertificateList {
            signature_algorithm: list.signature.clone(),
            tbs_cert_list: list,
            signature: BitString::from_bytes(&Box::<[u8]>::from(signature))?,
        };
        Ok(list.to_der()?)
    }
}

/// An extension of AMD's, as `3.1` or `4`, with its value in DER or raw.
///
/// # Errors
///
/// What is no arc.
pub fn amd_extension(arc: &str, value: Vec<u8>) -> Result<Extension, AttesterError> {
    Ok(Extension {
        extn_id: ObjectIdentifier::new(&format!("{AMD_ARC}.{arc}"))
            .map_err(x509_cert::der::Error::from)?,
        critical: false,
        extn_value: OctetString::new(value)?,
    })
}

/// A name as AMD's certificates have them.
///
/// # Errors
///
/// What is no name.
pub fn name(common: &str) -> Result<Name, AttesterError> {
    let rest = "O=Advanced Micro Devices,ST=CA,L=Santa Clara,C=US,OU=Engineering";
    Ok(Name::from_str(&format!("CN={common},{rest}"))?)
}

fn ark_name(product: Product) -> Result<Name, AttesterError> {
    name(&format!("ARK-{product}"))
}

fn ca_name(machine: &Machine) -> Result<Name, AttesterError> {
    let product = machine.product;
    match machine.owner {
        KeyOwner::Chip => name(&format!("SEV-{product}")),
        KeyOwner::Cloud(_) => name(&format!("SEV-VLEK-{product}")),
    }
}

fn leaf_extensions(machine: &Machine) -> Result<Vec<Extension>, AttesterError> {
    let text = |text: &str| Any::new(Tag::Ia5String, text.as_bytes())?.to_der();
    let tcb = machine.tcb;
    let mut parts = match tcb.fmc {
        Some(fmc) => vec![("3.9", fmc)],
        // Of a part that no TCB has yet.
        None => vec![("3.4", 0)],
    };
    parts.extend([
        ("3.1", tcb.bootloader),
        ("3.2", tcb.tee),
        ("3.3", tcb.snp),
        ("3.8", tcb.microcode),
    ]);
    // The version of all this, and the product.
    let mut extensions = vec![
        amd_extension("1", 0u8.to_der()?)?,
        amd_extension("2", text(machine.product.extension())?)?,
    ];
    for (arc, version) in parts {
        extensions.push(amd_extension(arc, version.to_der()?)?);
    }
    extensions.push(match &machine.owner {
        KeyOwner::Chip => amd_extension("4", machine.hwid().to_vec())?,
        KeyOwner::Cloud(id) => amd_extension("5", text(id)?)?,
    });
    Ok(extensions)
}

fn spec(
    serial: u8,
    [issuer, subject]: [Name; 2],
    (not_before, not_after): Validity,
    public_key: SubjectPublicKeyInfo,
    extensions: Vec<Extension>,
) -> Result<CertificateSpec, AttesterError> {
    Ok(CertificateSpec {
        serial: SerialNumber::new(&[serial])?,
        issuer,
        subject,
        not_before,
        not_after,
        public_key,
        extensions,
    })
}
