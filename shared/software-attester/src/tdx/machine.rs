//! A machine and its guest.

use std::time::SystemTime;

use p256::ecdsa::signature::Signer;
use p256::ecdsa::{DerSignature, Signature, SigningKey, VerifyingKey};
use p256::elliptic_curve::Generate;
use rand_core::CryptoRng;
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha384};
use x509_cert::certificate::Rfc5280;
use x509_cert::crl::TbsCertList;

use super::DAY;
use super::certificates::*;
use super::collateral::{date_of, qe_identity, tcb_info};
use super::layout::*;
use crate::certificate::CertificateSpec;
use crate::error::AttesterError;

const ROOT_NAME: &str = "Intel SGX Root CA";
const CA_NAME: &str = "Intel SGX PCK Platform CA";

/// The form of a quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Version 4, TDX 1.0.
    V4,
    /// Version 5, TDX 1.0.
    V5Td10,
    /// Version 5, TDX 1.5.
    V5Td15,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::V4, Self::V5Td10, Self::V5Td15];
}

/// Who signs what.
#[derive(Clone)]
pub struct Signers {
    /// Of the TCB signer's certificate.
    pub tcb_signer: SigningKey,
    /// Of the certificate of who signs the QE identity.
    pub qe_signer: SigningKey,
    /// Of the certificate of the platforms' CA.
    pub pck_ca: SigningKey,
    /// Of the platform's certificate.
    pub pck: SigningKey,
    /// Of the TCB info.
    pub tcb_info: SigningKey,
    /// Of the QE identity.
    pub qe_identity: SigningKey,
    /// Of the root's revocation list.
    pub root_list: SigningKey,
    /// Of that of the platforms' CA.
    pub pck_list: SigningKey,
    /// Of the quoting enclave's report.
    pub qe_report: SigningKey,
    /// Of the quote.
    pub quote: SigningKey,
}

/// A machine, its guest, and what the vendor says of them.
#[derive(Clone)]
pub struct Machine {
    /// Who signs what.
    pub signers: Signers,
    /// The root certificate, DER.
    pub root: Vec<u8>,
    /// Signs the TCB info.
    pub tcb_signer: CertificateSpec,
    /// Signs the QE identity.
    pub qe_signer: CertificateSpec,
    /// Certifies platforms.
    pub pck_ca: CertificateSpec,
    /// The platform's certificate.
    pub pck: CertificateSpec,
    /// The root's revocation list.
    pub root_list: TbsCertList<Rfc5280>,
    /// That of the platforms' CA.
    pub pck_list: TbsCertList<Rfc5280>,
    /// What is said of platforms.
    pub tcb_info: Value,
    /// What is said of the quoting enclave.
    pub qe_identity: Value,
    /// The quote's header.
    pub header: [u8; 48],
    /// The quote's form.
    pub form: Form,
    /// The quote's body.
    pub body: Vec<u8>,
    /// The quoting enclave's report.
    pub qe_report: [u8; 384],
    /// What is hashed into it with the attestation key.
    pub qe_auth_data: Vec<u8>,
    /// Signs quotes.
    pub attestation_key: VerifyingKey,
    /// What was measured.
    pub events: Vec<Event>,
}

/// What was measured into a register, 0 to 3.
#[derive(Clone)]
pub struct Event {
    /// Which of the four.
    pub register: u8,
    /// What it was extended by.
    pub digest: [u8; 48],
}

impl Machine {
    /// One whose guest has measured nothing, and whose collateral is ten days old at `now`.
    ///
    /// # Errors
    ///
    /// A time that X.509 cannot express.
    pub fn new<R: CryptoRng + ?Sized>(
        form: Form,
        platform: &Platform,
        now: SystemTime,
        rng: &mut R,
    ) -> Result<Self, AttesterError> {
        let now = seconds(now);
        let mut key = || SigningKey::generate_from_rng(rng);
        let (root, tcb, qe, ca, pck, quote) = (key(), key(), key(), key(), key(), key());
        let of_root = |serial, name: &str, key| certificate(serial, ROOT_NAME, name, key, now);
        let mut root_spec = of_root(1, ROOT_NAME, &root)?;
        root_spec.extensions = ca_extensions(Some(1))?;
        let mut pck_ca = of_root(4, CA_NAME, &ca)?;
        pck_ca.extensions = ca_extensions(Some(0))?;
        let mut pck_spec = certificate(5, CA_NAME, "Intel SGX PCK Certificate", &pck, now)?;
        pck_spec.extensions = leaf_extensions()?;
        pck_spec.extensions.push(sgx_extension(platform)?);
        let leaf = |serial, key| {
            let mut spec = of_root(serial, "Intel SGX TCB Signing", key)?;
            spec.extensions = leaf_extensions()?;
            Ok::<_, AttesterError>(spec)
        };
        let dates = (now.saturating_sub(10 * DAY), now.saturating_add(20 * DAY));
        let mut machine = Self {
            root: root_spec.sign::<_, DerSignature>(&root)?,
            tcb_signer: leaf(2, &tcb)?,
            qe_signer: leaf(3, &qe)?,
            pck_ca,
            pck: pck_spec,
            root_list: revocation_list(ROOT_NAME, dates)?,
            pck_list: revocation_list(CA_NAME, dates)?,
            tcb_info: tcb_info(platform, now)?,
            qe_identity: qe_identity(now)?,
            header: header(form),
            form,
            body: body(form),
            qe_report: qe_report(),
            qe_auth_data: (0..32).collect(),
            attestation_key: *quote.verifying_key(),
            events: Vec::new(),
            signers: Signers {
                tcb_signer: root.clone(),
                qe_signer: root.clone(),
                pck_ca: root.clone(),
                pck: ca.clone(),
                tcb_info: tcb,
                qe_identity: qe,
                root_list: root,
                pck_list: ca,
                qe_report: pck,
                quote,
            },
        };
        machine.hold_attestation_key();
        machine.date_collateral(dates)?;
        Ok(machine)
    }

    /// Says of the collateral from when and until when it holds, in seconds after 1970.
    ///
    /// # Errors
    ///
    /// A time that X.509 cannot express.
    pub fn date_collateral(&mut self, dates: (u64, u64)) -> Result<(), AttesterError> {
        for document in [&mut self.tcb_info, &mut self.qe_identity] {
            date_of(document, dates)?;
        }
        for list in [&mut self.root_list, &mut self.pck_list] {
            list.this_update = time(dates.0)?;
            list.next_update = Some(time(dates.1)?);
        }
        Ok(())
    }

    /// Extends a register.
    pub fn measure(&mut self, register: u8, digest: [u8; 48]) {
        let at = RTMR0 + 48 * usize::from(register);
        let rtmr = &mut self.body[at..at + 48];
        let extended = Sha384::new().chain_update(&*rtmr).chain_update(digest);
        rtmr.copy_from_slice(&extended.finalize());
        self.events.push(Event { register, digest });
    }

    /// Other bytes of the body.
    ///
    /// # Panics
    ///
    /// Beyond its end.
    pub fn set(&mut self, at: usize, bytes: &[u8]) {
        self.body[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Other bytes of the quoting enclave's report.
    ///
    /// # Panics
    ///
    /// Beyond its end.
    pub fn set_qe(&mut self, at: usize, bytes: &[u8]) {
        self.qe_report[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Puts the attestation key's hash into the quoting enclave's report.
    pub fn hold_attestation_key(&mut self) {
        let hash = Sha256::new()
            .chain_update(self.attestation_point())
            .chain_update(&self.qe_auth_data)
            .finalize();
        self.set_qe(QE_REPORT_DATA, &hash);
    }

    /// The quote, signed.
    ///
    /// # Errors
    ///
    /// A certificate with a name or time that X.509 cannot express.
    pub fn quote(&self) -> Result<Vec<u8>, AttesterError> {
        let mut quote = self.header.to_vec();
        let kind: Option<u16> = match self.form {
            Form::V4 => None,
            Form::V5Td10 => Some(2),
            Form::V5Td15 => Some(3),
        };
        if let Some(kind) = kind {
            quote.extend(kind.to_le_bytes());
            quote.extend((self.body.len() as u32).to_le_bytes());
        }
        quote.extend(&self.body);
        let signature: Signature = self.signers.quote.sign(&quote);
        let data = self.signature_data(&signature)?;
        quote.extend((data.len() as u32).to_le_bytes());
        quote.extend(data);
        Ok(quote)
    }

    /// Intel's collateral, in the shape of dcap-qvl's `QuoteCollateralV3`.
    ///
    /// # Errors
    ///
    /// A certificate or list with a name or time that X.509 cannot express.
    pub fn collateral(&self) -> Result<Value, AttesterError> {
        let root = pem(&self.root)?;
        let of_tcb = issue(&self.tcb_signer, &self.signers.tcb_signer)?;
        let of_qe = issue(&self.qe_signer, &self.signers.qe_signer)?;
        let of_ca = issue(&self.pck_ca, &self.signers.pck_ca)?;
        let (tcb_info, qe_identity) = (self.tcb_info.to_string(), self.qe_identity.to_string());
        let sign = |key: &SigningKey, text: &str| {
            let signature: Signature = key.sign(text.as_bytes());
            hex::encode(signature.to_bytes())
        };
        Ok(json!({
            "pck_crl_issuer_chain": of_ca + &root,
            "root_ca_crl": hex::encode(sign_list(&self.root_list, &self.signers.root_list)?),
            "pck_crl": hex::encode(sign_list(&self.pck_list, &self.signers.pck_list)?),
            "tcb_info_issuer_chain": of_tcb + &root,
            "tcb_info_signature": sign(&self.signers.tcb_info, &tcb_info),
            "tcb_info": tcb_info,
            "qe_identity_issuer_chain": of_qe + &root,
            "qe_identity_signature": sign(&self.signers.qe_identity, &qe_identity),
            "qe_identity": qe_identity,
        }))
    }

    /// The log of what was measured, as firmware writes it.
    pub fn event_log(&self) -> Vec<u8> {
        let mut log = Vec::new();
        log.extend(1_u32.to_le_bytes());
        log.extend(3_u32.to_le_bytes());
        log.extend([0; 20]);
        log.extend(33_u32.to_le_bytes());
        log.extend(b"Spec ID Event03\0");
        log.extend([0, 0, 0, 0, 0, 2, 0, 2]);
        log.extend(1_u32.to_le_bytes());
        log.extend(0x000c_u16.to_le_bytes());
        log.extend(48_u16.to_le_bytes());
        log.push(0);
        for event in &self.events {
            log.extend((u32::from(event.register) + 1).to_le_bytes());
            log.extend(0x8000_0001_u32.to_le_bytes());
            log.extend(1_u32.to_le_bytes());
            log.extend(0x000c_u16.to_le_bytes());
            log.extend(event.digest);
            log.extend(5_u32.to_le_bytes());
            log.extend(b"event");
        }
        log
    }

    /// The root, to be accepted by name.
    ///
    /// # Errors
    ///
    /// A root that is no certificate.
    pub fn root_pem(&self) -> Result<String, AttesterError> {
        pem(&self.root)
    }

    fn signature_data(&self, signature: &Signature) -> Result<Vec<u8>, AttesterError> {
        let chain = issue(&self.pck, &self.signers.pck)?
            + &issue(&self.pck_ca, &self.signers.pck_ca)?
            + &pem(&self.root)?;
        let mut qe = self.qe_report.to_vec();
        let qe_signature: Signature = self.signers.qe_report.sign(&self.qe_report);
        qe.extend(qe_signature.to_bytes());
        qe.extend((self.qe_auth_data.len() as u16).to_le_bytes());
        qe.extend(&self.qe_auth_data);
        qe.extend(5_u16.to_le_bytes());
        qe.extend((chain.len() as u32).to_le_bytes());
        qe.extend(chain.as_bytes());
        let mut data = signature.to_bytes().to_vec();
        data.extend(self.attestation_point());
        data.extend(6_u16.to_le_bytes());
        data.extend((qe.len() as u32).to_le_bytes());
        data.extend(qe);
        Ok(data)
    }

    fn attestation_point(&self) -> Vec<u8> {
        self.attestation_key.to_sec1_point(false).as_bytes()[1..].to_vec()
    }
}
