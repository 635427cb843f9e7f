//! A key from AWS KMS: what is asked, what is taken for an answer, and what is refused.

#[path = "../kit/mod.rs"]
mod kit;

mod envelope;
mod refused;
mod stub;

use std::sync::{Arc, Mutex};

use getrandom::SysRng;
use rand_core::UnwrapErr;
use rsa::PublicKey;
use rsa::pkcs8::DecodePublicKey;
use rsa::traits::PublicKeyParts;
use sealnote_encrypted_model::WrongKeyLength;
use sealnote_key_release::aws_kms::{AwsKms, CmsError, KmsError, MODULUS_BITS};
use sha2::{Digest, Sha384};

use envelope::{Parts, tlv};
use kit::Authority;
use stub::{ARN, Asked, MODEL_KEY, World, decrypted};

/// An answer with the model's key, in parts that are changed first.
fn changed(change: impl Fn(&mut Parts) + Send + Sync + 'static) -> impl Fn(&Asked) -> Vec<u8> {
    move |asked| {
        let mut parts = Parts::sealed(&MODEL_KEY, &asked.public_key);
        change(&mut parts);
        decrypted(&parts.ber())
    }
}

#[tokio::test]
async fn kms_gives_the_key() {
    let world = World::with(changed(|_| ())).await;
    assert_eq!(world.release().await.unwrap(), MODEL_KEY);
    // The stub has compared all of both with what they should be.
    assert_eq!(world.kms.received().len(), 1);
    assert_eq!(world.metadata.received().len(), 3);
    assert_eq!(world.client.address(), stub::HOST);
}

#[tokio::test]
async fn the_content_may_come_in_pieces() {
    let world = World::with(changed(|parts| parts.pieces = 7)).await;
    assert_eq!(world.release().await.unwrap(), MODEL_KEY);
}

#[tokio::test]
async fn each_request_has_an_rsa_key_and_a_document_of_its_own() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    let world = World::with(move |asked: &Asked| {
        kept.lock().unwrap().push(asked.public_key.clone());
        let mut domain = Sha384::new_with_prefix(b"sealnote kms");
        domain.update([0]);
        domain.update(ARN);
        assert_eq!(asked.user_data, domain.finalize().to_vec());
        decrypted(&Parts::sealed(&MODEL_KEY, &asked.public_key).ber())
    })
    .await;
    for _ in 0..2 {
        assert_eq!(world.release().await.unwrap(), MODEL_KEY);
    }
    let asked = asked.lock().unwrap();
    assert_ne!(asked[0], asked[1]);
    for key in asked.iter() {
        let key = PublicKey::from_public_key_der(key).unwrap();
        assert_eq!((key.n().bit_width() as usize, MODULUS_BITS), (2048, 2048));
    }
}

#[tokio::test]
async fn an_envelope_for_another_or_changed_does_not_open() {
    let mut rng = UnwrapErr(SysRng);
    let other = rsa::PrivateKey::new(&mut rng, MODULUS_BITS).unwrap();
    let other = rsa::pkcs8::EncodePublicKey::to_public_key_der(other.as_public_key()).unwrap();
    let other = other.into_vec();
    // Of the block before the padding's, with which it is xored: it then says 17.
    let padding_flipped = changed(|parts| {
        let content = parts.content.as_mut().unwrap();
        let at = content.len() - 17;
        content[at] ^= 1;
    });
    let key_flipped = changed(|parts| *parts.encrypted_key.last_mut().unwrap() ^= 1);
    // AES-256 by name, and a key of another length.
    let short = |asked: &Asked| {
        decrypted(&Parts::sealed_under(&[1; 16], &MODEL_KEY, &asked.public_key).ber())
    };
    let none =
        |asked: &Asked| decrypted(&Parts::sealed_under(&[], &MODEL_KEY, &asked.public_key).ber());
    let for_other = move |_: &Asked| decrypted(&Parts::sealed(&MODEL_KEY, &other).ber());
    for world in [
        World::with(for_other).await,
        World::with(padding_flipped).await,
        World::with(key_flipped).await,
        World::with(short).await,
        World::with(none).await,
    ] {
        let error = world.release().await.unwrap_err();
        assert!(
            matches!(error, KmsError::Cms(CmsError::DoesNotOpen)),
            "{error}"
        );
        let said =
            "K5: what KMS answered is refused: it does not open with the key that KMS was given";
        assert_eq!(error.to_string(), said);
    }
}

/// CBC is not authenticated, and nothing here pretends that it is: such a key opens no model.
#[tokio::test]
async fn a_changed_initialization_vector_gives_another_key() {
    let world = World::with(changed(|parts| {
        *parts.content_algorithm.last_mut().unwrap() ^= 1;
    }))
    .await;
    let mut other = MODEL_KEY;
    other[15] ^= 1;
    assert_eq!(world.release().await.unwrap(), other);
}

#[tokio::test]
async fn a_model_key_has_32_bytes() {
    for len in [0, 1, 16, 31, 33, 64] {
        let world = World::with(move |asked: &Asked| {
            decrypted(&Parts::sealed(&vec![7; len], &asked.public_key).ber())
        })
        .await;
        let error = world.release().await.unwrap_err();
        assert!(
            matches!(error, KmsError::KeyLength(WrongKeyLength { len: is }) if is == len),
            "{error}"
        );
        assert!(error.to_string().starts_with("K6: "), "{error}");
    }
}

#[tokio::test]
async fn an_envelope_of_another_shape_is_refused() {
    // Each case by itself is in `refused`; here, that the release asks.
    let world = World::with(changed(|parts| parts.attributes = tlv(0xa1, &[]))).await;
    let error = world.release().await.unwrap_err();
    assert!(
        matches!(error, KmsError::Cms(CmsError::Attributes)),
        "{error}"
    );
}

#[test]
fn another_locator_or_partition_is_refused() {
    let roots = Authority::new().roots();
    let via = || "tcp:127.0.0.1:1".parse().unwrap();
    let new = |locator: &str| {
        let locator = locator.parse().unwrap();
        AwsKms::new(&locator, via(), roots.clone(), via()).unwrap_err()
    };
    assert!(matches!(new("kbs:///a/b/c"), KmsError::Locator));
    let iso = "aws-kms:arn:aws-iso:kms:us-iso-east-1:111122223333:key/1";
    assert!(matches!(new(iso), KmsError::Partition));
}
