//! Suite 2's primitives give what their drafts print: draft-connolly-cfrg-xwing-kem and draft-ietf-hpke-pq-05.
//!
//! The vectors have another AEAD than ours, which only exports: its number is all that differs.

use std::collections::BTreeMap;

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeR, Serializable, setup_receiver};
use rand_core::{Infallible, TryCryptoRng, TryRng};

/// `name: hex`, the hex over as many lines as it takes; `#` begins a comment.
fn vectors(text: &str) -> BTreeMap<&str, Vec<u8>> {
    let mut values: BTreeMap<&str, String> = BTreeMap::new();
    let mut name = "";
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let part = match line.split_once(": ") {
            Some((next, part)) => {
                name = next;
                part
            }
            None => line.trim(),
        };
        values.entry(name).or_default().push_str(part);
    }
    let decoded = |(name, hex): (_, String)| (name, hex::decode(hex).expect("hex"));
    values.into_iter().map(decoded).collect()
}

/// Draws what it was given.
struct Fixed(Vec<u8>);

impl TryRng for Fixed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("only bytes are drawn")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("only bytes are drawn")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.copy_from_slice(&self.0.drain(..bytes.len()).collect::<Vec<u8>>());
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}

#[test]
fn x_wing() {
    let vectors = vectors(include_str!("vectors/xwing.txt"));
    assert_eq!(vectors.len(), 15);
    for case in 0..3 {
        let value = |name: &str| vectors[&*format!("{name}{case}")].clone();
        let key = <XWing as Kem>::PrivateKey::from_bytes(&value("seed")).unwrap();
        let public = XWing::sk_to_pk(&key);
        assert_eq!(public.to_bytes().as_slice(), value("pk"));

        let mut rng = Fixed(value("eseed"));
        let (secret, sent) = XWing::encap_with_rng(&public, None, &mut rng).unwrap();
        assert!(rng.0.is_empty());
        assert_eq!(sent.to_bytes().as_slice(), value("ct"));
        assert_eq!(secret.0.as_slice(), value("ss"));

        let opened = XWing::decap(&key, None, &sent).unwrap();
        assert_eq!(opened.0.as_slice(), value("ss"));
    }
}

#[test]
fn hpke() {
    let vectors = vectors(include_str!("vectors/hpke-pq.txt"));
    let key = <XWing as Kem>::PrivateKey::from_bytes(&vectors["skRm"]).unwrap();
    assert_eq!(XWing::sk_to_pk(&key).to_bytes().as_slice(), vectors["pkRm"]);
    let sent = <XWing as Kem>::EncappedKey::from_bytes(&vectors["enc"]).unwrap();
    let context = setup_receiver::<ChaCha20Poly1305, HkdfSha256, XWing>(
        &OpModeR::Base,
        &key,
        &sent,
        &vectors["info"],
    )
    .unwrap();
    for index in 0..5 {
        let mut exported = [0; 32];
        let purpose = format!("pseudorandom{index}");
        context.export(purpose.as_bytes(), &mut exported).unwrap();
        assert_eq!(exported[..], vectors[&*format!("exported{index}")]);
    }
}
