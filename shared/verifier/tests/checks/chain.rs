//! A12, A13, A15 to A18, A20, X1 and X4: the certificates.

use std::time::Duration;

use p384::ecdsa::signature::hazmat::PrehashSigner;
use p384::ecdsa::signature::{Keypair, Signer};
use p384::ecdsa::{DerSignature, SigningKey, VerifyingKey};
use p384::elliptic_curve::Generate;
use sealnote_software_attester::CertificateSpec;
use sealnote_software_attester::nitro::{ChainSpec, Document, SoftwareRoot};
use sealnote_verifier::{TrustRoots, UnixTime};
use sha2::{Digest, Sha256};
use x509_cert::SubjectPublicKeyInfo;
use x509_cert::der::asn1::{BitString, ObjectIdentifier, OctetString};
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};
use x509_cert::name::Name;
use x509_cert::spki::{AlgorithmIdentifierOwned, DynSignatureAlgorithmIdentifier};

use crate::Case;
use crate::common::{Attempt, Fixture, NOW_SECONDS, now, rng, trusting};

const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const CRL_DISTRIBUTION_POINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.31");
const SECOND: Duration = Duration::from_secs(1);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

pub const CASES: &[Case] = &[
    ("a bundle of AWS's root in place of ours", "A15", |f| {
        f.chain(|chain| {
            chain.cabundle[0] =
                include_bytes!("../../src/nitro/roots/aws-nitro-root-g1.der").to_vec()
        })
    }),
    ("a root that nobody pinned", "X1", |f| {
        f.attempt().roots(TrustRoots::vendors())
    }),
    ("another root of the same name", "X1", |f| {
        let other = SoftwareRoot::generate(now(), &mut rng()).expect("a root");
        f.attempt().roots(trusting(&other))
    }),
    ("a bit of the root flipped", "X1", |f| {
        f.chain(|chain| flip_last_bit(&mut chain.cabundle[0]))
    }),
    ("a bundle in reverse", "X1", |f| {
        f.chain(|chain| chain.cabundle.reverse())
    }),
    ("a bundle without its root", "X1", |f| {
        f.chain(|chain| drop(chain.cabundle.remove(0)))
    }),
    ("no certificate in the bundle", "A12", |f| {
        f.chain(|chain| chain.cabundle[2] = vec![0x30, 0x00])
    }),
    ("a byte after a certificate in the bundle", "A12", |f| {
        f.chain(|chain| chain.cabundle[2].push(0))
    }),
    ("no certificate as leaf", "A13", |f| {
        f.chain(|chain| chain.certificate = vec![0x30, 0x00])
    }),
    ("a byte after the leaf", "A13", |f| {
        f.chain(|chain| chain.certificate.push(0))
    }),
    ("two CAs in each other's place", "A15", |f| {
        f.chain(|chain| chain.cabundle.swap(1, 2))
    }),
    ("a CA left out", "A15", |f| {
        f.chain(|chain| drop(chain.cabundle.remove(2)))
    }),
    ("a CA twice", "A15", |f| {
        f.chain(|chain| chain.cabundle.insert(2, chain.cabundle[1].clone()))
    }),
    ("the root twice", "A20", |f| {
        f.chain(|chain| chain.cabundle.insert(1, chain.cabundle[0].clone()))
    }),
    ("the root alone", "A15", |f| {
        f.chain(|chain| chain.cabundle.truncate(1))
    }),
    ("a leaf of another issuer", "A15", |f| {
        f.spec(|spec| spec.leaf.certificate.issuer = Name::default())
    }),
    ("a leaf that ends now", "accepted", |f| {
        f.spec(|spec| spec.leaf.certificate.not_after = now())
    }),
    ("a leaf that ended a second ago", "A16", |f| {
        f.spec(|spec| spec.leaf.certificate.not_after = now() - SECOND)
    }),
    ("a leaf that ended within this second", "accepted", |f| {
        f.spec(|spec| spec.leaf.certificate.not_after = now())
            .at(UnixTime::from_millis(NOW_SECONDS * 1000 + 999))
    }),
    ("a leaf that starts within this second", "A16", |f| {
        f.spec(|spec| spec.leaf.certificate.not_before = now() + SECOND)
            .at(UnixTime::from_millis(NOW_SECONDS * 1000 + 999))
    }),
    ("a leaf that starts now", "accepted", |f| {
        f.spec(|spec| spec.leaf.certificate.not_before = now())
    }),
    ("a leaf that starts in a second", "A16", |f| {
        f.spec(|spec| spec.leaf.certificate.not_before = now() + SECOND)
    }),
    ("a CA that has ended", "A16", |f| {
        f.spec(|spec| spec.cas[1].certificate.not_after = now() - SECOND)
    }),
    ("a CA that has not started", "A16", |f| {
        f.spec(|spec| spec.cas[0].certificate.not_before = now() + SECOND)
    }),
    ("a root that has ended", "A16", |_| {
        root(|root| root.not_after = now() - SECOND)
    }),
    ("a root that has not started", "A16", |_| {
        root(|root| root.not_before = now() + SECOND)
    }),
    ("a root that ends in a year", "accepted", |_| {
        root(|root| root.not_after = now() + YEAR)
    }),
    ("a CA without basic constraints", "A17", |f| {
        f.spec(|spec| remove(&mut spec.cas[1].certificate, BASIC_CONSTRAINTS))
    }),
    ("basic constraints that are not critical", "A17", |f| {
        f.spec(|spec| constrain(&mut spec.cas[1].certificate, false, true, Some(1)))
    }),
    ("a CA that is none", "A17", |f| {
        f.spec(|spec| constrain(&mut spec.cas[1].certificate, true, false, None))
    }),
    ("a path length that is too short", "A17", |f| {
        f.spec(|spec| constrain(&mut spec.cas[0].certificate, true, true, Some(1)))
    }),
    (
        "a path length that is longer than need be",
        "accepted",
        |f| f.spec(|spec| constrain(&mut spec.cas[0].certificate, true, true, Some(3))),
    ),
    ("unreadable basic constraints", "A17", |f| {
        f.spec(|spec| {
            set(
                &mut spec.cas[1].certificate,
                BASIC_CONSTRAINTS,
                true,
                vec![0x05, 0x00],
            )
        })
    }),
    ("basic constraints twice", "A17", |f| {
        f.spec(|spec| {
            let extensions = &mut spec.cas[1].certificate.extensions;
            extensions.push(extensions[0].clone());
        })
    }),
    ("a leaf that is a CA", "A17", |f| {
        f.spec(|spec| constrain(&mut spec.leaf.certificate, true, true, None))
    }),
    ("a leaf with a path length", "A17", |f| {
        f.spec(|spec| constrain(&mut spec.leaf.certificate, true, false, Some(0)))
    }),
    ("a leaf without basic constraints", "accepted", |f| {
        f.spec(|spec| remove(&mut spec.leaf.certificate, BASIC_CONSTRAINTS))
    }),
    ("a CA without key usage", "A18", |f| {
        f.spec(|spec| remove(&mut spec.cas[1].certificate, KEY_USAGE))
    }),
    ("a CA that may not sign certificates", "A18", |f| {
        f.spec(|spec| usage(&mut spec.cas[1].certificate, KeyUsages::DigitalSignature))
    }),
    ("a leaf without key usage", "A18", |f| {
        f.spec(|spec| remove(&mut spec.leaf.certificate, KEY_USAGE))
    }),
    ("a leaf that may not sign", "A18", |f| {
        f.spec(|spec| usage(&mut spec.leaf.certificate, KeyUsages::NonRepudiation))
    }),
    ("a leaf for TLS servers", "A18", |f| {
        f.spec(|spec| {
            // SEQUENCE { id-kp-serverAuth }
            let server_auth = vec![0x30, 0x0a, 0x06, 0x08, 0x2b, 6, 1, 5, 5, 7, 3, 1];
            set(
                &mut spec.leaf.certificate,
                EXTENDED_KEY_USAGE,
                false,
                server_auth,
            );
        })
    }),
    ("a bit of a CA's signature flipped", "A20", |f| {
        f.chain(|chain| flip_last_bit(&mut chain.cabundle[2]))
    }),
    ("a bit of the leaf's signature flipped", "A20", |f| {
        f.chain(|chain| flip_last_bit(&mut chain.certificate))
    }),
    ("a CA signed by another key", "A20", |f| {
        // The CA above has this key's certificate no longer, but still its name.
        f.spec(|spec| spec.cas[0].key = SigningKey::generate_from_rng(&mut rng()))
    }),
    ("a chain under another root of the same name", "A20", |f| {
        let other = Fixture::new();
        let mut chain = other.chain.clone();
        chain.cabundle[0] = f.root.certificate_der().to_vec();
        f.chain(|ours| *ours = chain)
    }),
    ("an unknown critical extension", "A20", |f| {
        f.spec(|spec| {
            let unknown = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1");
            set(&mut spec.leaf.certificate, unknown, true, vec![0x05, 0x00]);
        })
    }),
    ("a critical extension that webpki knows", "A20", |f| {
        f.spec(|spec| {
            set(
                &mut spec.leaf.certificate,
                CRL_DISTRIBUTION_POINTS,
                true,
                vec![0x30, 0x00],
            )
        })
    }),
    ("the same, not critical", "accepted", |f| {
        f.spec(|spec| {
            set(
                &mut spec.leaf.certificate,
                CRL_DISTRIBUTION_POINTS,
                false,
                vec![0x30, 0x00],
            )
        })
    }),
    ("a critical extension in the root", "A20", |_| {
        root(|root| set(root, CRL_DISTRIBUTION_POINTS, true, vec![0x30, 0x00]))
    }),
    ("a CA that the path does not need", "A20", superfluous_ca),
    ("a P-256 leaf", "X4", |f| {
        f.spec(|spec| spec.leaf.certificate.public_key = p256_key())
    }),
    ("a P-256 CA", "X4", |f| {
        f.spec(|spec| spec.cas[1].certificate.public_key = p256_key())
    }),
    ("a P-384 point said to be on P-256", "X4", |f| {
        f.spec(|spec| {
            let key = &mut spec.leaf.certificate.public_key;
            key.algorithm = p256_key().algorithm;
        })
    }),
    ("a P-256 point said to be on P-384", "X4", |f| {
        f.spec(|spec| {
            let key = &mut spec.leaf.certificate.public_key;
            key.subject_public_key = p256_key().subject_public_key;
        })
    }),
    ("a key in hybrid form", "X4", |f| {
        f.spec(|spec| {
            let key = &mut spec.leaf.certificate.public_key;
            let mut point = key.subject_public_key.raw_bytes().to_vec();
            // SEC 1 section 2.3.3: 6 or 7 by the parity of y.
            point[0] = 0x06 | (point[96] & 1);
            key.subject_public_key = BitString::from_bytes(&point).expect("bits");
        })
    }),
    ("a compressed key", "X4", |f| {
        f.spec(|spec| {
            let key = &mut spec.leaf.certificate.public_key;
            let mut point = key.subject_public_key.raw_bytes()[..49].to_vec();
            point[0] = 0x02;
            key.subject_public_key = BitString::from_bytes(&point).expect("bits");
        })
    }),
    ("a leaf signed with SHA-256", "X4", |f| {
        let signer = EcdsaSha256(f.spec.cas[2].key.clone());
        f.chain(|chain| {
            chain.certificate = f.spec.leaf.certificate.sign(&signer).expect("a leaf");
        })
    }),
    ("a CA signed with SHA-256", "X4", |f| {
        let signer = EcdsaSha256(f.spec.cas[0].key.clone());
        f.chain(|chain| {
            chain.cabundle[2] = f.spec.cas[1].certificate.sign(&signer).expect("a CA");
        })
    }),
];

/// The fixture under a root that deviates.
fn root(edit: fn(&mut CertificateSpec)) -> Attempt {
    let mut link = SoftwareRoot::template(now(), &mut rng()).expect("a root");
    edit(&mut link.certificate);
    Fixture::under(SoftwareRoot::from_link(link).expect("a signed root")).attempt()
}

/// The regional CA has issued another of its own name, which issued nothing.
fn superfluous_ca(fixture: &Fixture) -> Attempt {
    let mut spec: ChainSpec = fixture.spec.clone();
    constrain(&mut spec.cas[0].certificate, true, true, Some(3));
    let mut idle = spec.cas[0].clone();
    idle.certificate.issuer = idle.certificate.subject.clone();
    idle.key = SigningKey::generate_from_rng(&mut rng());
    idle.certificate.public_key =
        SubjectPublicKeyInfo::from_key(&VerifyingKey::from(&idle.key)).expect("a key");
    let idle = idle
        .certificate
        .sign::<_, DerSignature>(&spec.cas[0].key)
        .expect("a CA");
    let mut chain = spec.issue(&fixture.root).expect("a chain");
    chain.cabundle.insert(2, idle);
    let document = Document {
        certificate: chain.certificate.clone(),
        cabundle: chain.cabundle.clone(),
        ..fixture.document.clone()
    };
    fixture.payload(&document.encode().expect("a payload"))
}

fn set(certificate: &mut CertificateSpec, id: ObjectIdentifier, critical: bool, value: Vec<u8>) {
    remove(certificate, id);
    certificate.extensions.push(Extension {
        extn_id: id,
        critical,
        extn_value: OctetString::new(value).expect("an extension"),
    });
}

fn remove(certificate: &mut CertificateSpec, id: ObjectIdentifier) {
    certificate
        .extensions
        .retain(|extension| extension.extn_id != id);
}

fn constrain(certificate: &mut CertificateSpec, critical: bool, ca: bool, path_len: Option<u8>) {
    let constraints = BasicConstraints {
        ca,
        path_len_constraint: path_len,
    };
    let value = constraints.to_der().expect("basic constraints");
    set(certificate, BASIC_CONSTRAINTS, critical, value);
}

fn usage(certificate: &mut CertificateSpec, allowed: KeyUsages) {
    let value = KeyUsage(allowed.into()).to_der().expect("a key usage");
    set(certificate, KEY_USAGE, true, value);
}

fn flip_last_bit(der: &mut [u8]) {
    if let Some(last) = der.last_mut() {
        *last ^= 1;
    }
}

/// The generator of P-256 (SEC 2 section 2.4.2), which is a valid public key.
fn p256_key() -> SubjectPublicKeyInfo {
    let der = hex::decode(
        "3059301306072a8648ce3d020106082a8648ce3d030107034200\
         046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
         4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
    )
    .expect("hex");
    SubjectPublicKeyInfo::from_der(&der).expect("a key")
}

/// A P-384 key that signs with ecdsa-with-SHA256 (RFC 5758 section 3.2).
struct EcdsaSha256(SigningKey);

impl Keypair for EcdsaSha256 {
    type VerifyingKey = VerifyingKey;

    fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey::from(&self.0)
    }
}

impl Signer<DerSignature> for EcdsaSha256 {
    fn try_sign(&self, message: &[u8]) -> Result<DerSignature, p384::ecdsa::signature::Error> {
        self.0.sign_prehash(&Sha256::digest(message))
    }
}

impl DynSignatureAlgorithmIdentifier for EcdsaSha256 {
    fn signature_algorithm_identifier(
        &self,
    ) -> Result<AlgorithmIdentifierOwned, x509_cert::spki::Error> {
        Ok(AlgorithmIdentifierOwned {
            oid: ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2"),
            parameters: None,
        })
    }
}
