//! What gives no key: each with what it says, and none with a secret.

use base64::{Engine, engine::general_purpose::STANDARD};
use getrandom::SysRng;
use rand_core::UnwrapErr;
use sealnote_key_release::aws_kms::{
    AnswerError, AwsKms, CmsError, CredentialsError, Envelope, KmsError, MAX_WRAPPED, Refusal,
};
use sealnote_key_release::evidence::EvidenceError;
use sealnote_key_release::http::HttpError;
use sealnote_key_release::tls::{CertificateFault, TlsError};
use serde_json::json;

use crate::envelope::*;
use crate::kit::{Authority, Received, Server, answer};
use crate::stub::*;

/// Why there is no key; the text of it has no secret.
async fn why(world: &World) -> KmsError {
    let error = world.release().await.unwrap_err();
    let text = format!("{error} {error:?}");
    for secret in [SECRET, TOKEN, IMDS_TOKEN, ACCESS_KEY] {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(!text.contains("a message of"), "{text}");
    for encoded in [hex::encode(MODEL_KEY), STANDARD.encode(MODEL_KEY)] {
        assert!(!text.contains(&encoded), "{text}");
    }
    error
}

#[tokio::test]
async fn a_plaintext_is_refused() {
    let world = World::with(|asked: &Asked| {
        let sealed = Parts::sealed(&MODEL_KEY, &asked.public_key).ber();
        let body = json!({
            "CiphertextForRecipient": STANDARD.encode(sealed),
            "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
            "KeyId": ARN,
            "Plaintext": STANDARD.encode(MODEL_KEY),
        });
        answer(200, body.to_string())
    })
    .await;
    let error = why(&world).await;
    assert!(
        matches!(error, KmsError::Answer(AnswerError::Plaintext)),
        "{error}"
    );
    assert!(error.to_string().starts_with("K4: "), "{error}");
}

#[tokio::test]
async fn a_refusal_says_what_to_do() {
    for (status, name, refusal, says) in [
        (
            400,
            "AccessDeniedException",
            Refusal::AccessDenied,
            "kms:RecipientAttestation",
        ),
        (
            400,
            "InvalidCiphertextException",
            Refusal::InvalidCiphertext,
            "--encryption-context",
        ),
        (
            400,
            "IncorrectKeyException",
            Refusal::IncorrectKey,
            "MODEL_ENCRYPTION_KEY_URL",
        ),
        (
            400,
            "ExpiredTokenException",
            Refusal::Credentials,
            "expired",
        ),
        (
            400,
            "InvalidSignatureException",
            Refusal::Signature,
            "clock",
        ),
        (400, "ThrottlingException", Refusal::Throttled, "in a while"),
        (
            500,
            "KMSInternalException",
            Refusal::Fault { status: 500 },
            "in a while",
        ),
        (403, "NobodyKnows", Refusal::Other { status: 403 }, "403"),
    ] {
        let world = World::with(move |_: &Asked| refused(status, name)).await;
        let error = why(&world).await;
        assert!(
            matches!(error, KmsError::Refused(is) if is == refusal),
            "{error}"
        );
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_is_none_is_refused() {
    let with = |body: &'static str| World::with(move |_: &Asked| answer(200, body));
    let malformed = why(&with("<html>").await).await;
    assert!(
        matches!(malformed, KmsError::Answer(AnswerError::Malformed)),
        "{malformed}"
    );
    let other = why(&with("{}").await).await;
    assert!(
        matches!(other, KmsError::Answer(AnswerError::OtherKey)),
        "{other}"
    );
    let world = World::with(|_: &Asked| decrypted(b"no BER")).await;
    let error = why(&world).await;
    assert!(
        matches!(error, KmsError::Cms(CmsError::Encoding)),
        "{error}"
    );
}

#[tokio::test]
async fn without_credentials_kms_is_not_asked() {
    const ROLES: &str = "GET /latest/meta-data/iam/security-credentials/ HTTP/1.1";
    type Case = (fn(&Received) -> Vec<u8>, fn(&CredentialsError) -> bool);
    let cases: [Case; 6] = [
        (
            |_| answer(403, "no"),
            |e| matches!(e, CredentialsError::Refused { status: 403 }),
        ),
        (
            |asked| match asked.line.as_str() {
                ROLES => answer(404, "not found"),
                _ => metadata(asked),
            },
            |e| matches!(e, CredentialsError::NoRole),
        ),
        (
            |asked| match asked.line.as_str() {
                ROLES => answer(200, "../../user-data"),
                _ => metadata(asked),
            },
            |e| matches!(e, CredentialsError::Malformed),
        ),
        (
            |asked| match asked.line.as_str() {
                line if line.ends_with("the-role HTTP/1.1") => answer(200, r#"{"Code":"Failed"}"#),
                _ => metadata(asked),
            },
            |e| matches!(e, CredentialsError::Malformed),
        ),
        (
            |asked| match asked.line.as_str() {
                line if line.starts_with("PUT") => answer(200, "a\r\nb: c"),
                _ => metadata(asked),
            },
            |e| matches!(e, CredentialsError::Malformed),
        ),
        (
            |_| vec![],
            |e| matches!(e, CredentialsError::Http(HttpError::Ended { .. })),
        ),
    ];
    for (metadata, expected) in cases {
        let world = World::new(|_: &Asked| unreachable!(), metadata).await;
        let error = why(&world).await;
        assert!(
            matches!(&error, KmsError::Credentials(error) if expected(error)),
            "{error}"
        );
        assert!(world.kms.received().is_empty());
    }
}

#[tokio::test]
async fn another_machine_or_no_wrapped_key_asks_nobody() {
    let world = World::with(|_: &Asked| unreachable!()).await;
    let (wanted, mut rng) = (wanted(), UnwrapErr(SysRng));
    let error = world.client.release(&wanted, WRAPPED, &NoNitro, &mut rng);
    let error = error.await.unwrap_err();
    assert!(
        matches!(error, KmsError::Evidence(EvidenceError::NotOffered { .. })),
        "{error}"
    );
    assert!(error.to_string().starts_with("K3: "), "{error}");
    for len in [0, MAX_WRAPPED + 1] {
        let wrapped = vec![0; len];
        let machine = Machine::new();
        let error = world.client.release(&wanted, &wrapped, &machine, &mut rng);
        let error = error.await.unwrap_err();
        assert!(
            matches!(error, KmsError::Wrapped { len: is } if is == len),
            "{error}"
        );
    }
    assert!(world.kms.received().is_empty());
}

#[tokio::test]
async fn a_kms_under_another_root_or_name_is_asked_nothing() {
    let (authority, other) = (Authority::new(), Authority::named("CN=Another"));
    for (tls, fault) in [
        (other.server(HOST), CertificateFault::Root),
        (
            authority.server("kms.eu-west-1.amazonaws.com"),
            CertificateFault::Name,
        ),
    ] {
        let kms = Server::start(Some(tls), |_| unreachable!()).await;
        let metadata = Server::start(None, metadata).await;
        let (via, metadata_via) = (kms.via.clone(), metadata.via.clone());
        let client = AwsKms::new(&locator(), via, authority.roots(), metadata_via).unwrap();
        let world = World {
            kms,
            metadata,
            client,
        };
        let error = why(&world).await;
        let expected = TlsError::Certificate(fault);
        assert!(
            matches!(&error, KmsError::Http(HttpError::Tls { reason, .. }) if *reason == expected),
            "{error}"
        );
        assert!(world.kms.received().is_empty());
    }
}

#[test]
fn each_deviation_of_an_envelope_has_its_error() {
    const SHA_1: &str = "300906052b0e03021a0500";
    const AES_128_CBC: &str = "0609608648016503040102";
    const AES_256_GCM: &str = "060960864801650304012e";
    const RSA: &str = "06092a864886f70d010101";
    let iv = tlv(0x04, &[1; 16]);
    let good = Parts::of(vec![2; 256], &[1; 16], vec![3; 48]);
    assert!(Envelope::parse(&good.ber()).is_ok());

    type Change<'a> = &'a dyn Fn(&mut Parts);
    let v = |version: u8| tlv(0x02, &[version]);
    let key_agreement = tlv(0x30, &[]);
    // A label of one byte; the label that is the default, which DER leaves out.
    let label = |label: &[u8]| {
        let source = [&hex("06092a864886f70d010109")[..], &tlv(0x04, label)].concat();
        tlv(0xa2, &tlv(0x30, &source))
    };
    let issuer = [tlv(0x30, &[]), v(1)].concat();
    let mask_of_sha_1 = {
        let mask = tlv(0x30, &[hex("06092a864886f70d010108"), hex(SHA_1)].concat());
        let hash = tlv(0xa0, &hex("300d06096086480165030402010500"));
        tlv(0x30, &[hash, tlv(0xa1, &mask)].concat())
    };
    let cases: [(Change, CmsError); 33] = [
        (&|p| p.outer_type = hex(DATA), CmsError::NotEnveloped),
        (&|p| p.version = v(0), CmsError::Version),
        (&|p| p.version = v(3), CmsError::Version),
        (&|p| p.version = v(9), CmsError::Encoding),
        (&|p| p.originator = tlv(0xa0, &[]), CmsError::Originator),
        (&|p| p.recipients = 0, CmsError::Recipients(0)),
        (&|p| p.recipients = 2, CmsError::Recipients(2)),
        (&|p| p.recipient_tag = 0xa4, CmsError::Encoding),
        (&|p| p.recipient_version = v(0), CmsError::RecipientVersion),
        (&|p| p.name = tlv(0x30, &issuer), CmsError::RecipientName),
        (&|p| p.name = key_agreement.clone(), CmsError::Encoding),
        (
            &|p| p.key_algorithm = algorithm(RSA, &tlv(0x05, &[])),
            CmsError::KeyAlgorithm,
        ),
        (&|p| p.key_algorithm = algorithm(OAEP, &[]), CmsError::Oaep),
        (
            &|p| p.key_algorithm = algorithm(OAEP, &tlv(0x30, &[])),
            CmsError::Oaep,
        ),
        (
            &|p| p.key_algorithm = algorithm(OAEP, &oaep(SHA_1, &[])),
            CmsError::Oaep,
        ),
        (
            &|p| p.key_algorithm = algorithm(OAEP, &mask_of_sha_1),
            CmsError::Oaep,
        ),
        (
            &|p| {
                p.key_algorithm =
                    algorithm(OAEP, &oaep("300d06096086480165030402010500", &label(b"x")))
            },
            CmsError::Oaep,
        ),
        (
            &|p| p.encrypted_key = tlv(0x04, &[2; 255]),
            CmsError::EncryptedKey,
        ),
        (
            &|p| p.encrypted_key = tlv(0x04, &[2; 384]),
            CmsError::EncryptedKey,
        ),
        (
            &|p| p.encrypted_key = tlv(0x04, &[]),
            CmsError::EncryptedKey,
        ),
        (
            &|p| p.content_type = hex(ENVELOPED_DATA),
            CmsError::ContentType,
        ),
        (
            &|p| p.content_algorithm = algorithm(AES_128_CBC, &iv),
            CmsError::ContentAlgorithm,
        ),
        (
            &|p| p.content_algorithm = algorithm(AES_256_GCM, &iv),
            CmsError::ContentAlgorithm,
        ),
        (
            &|p| p.content_algorithm = algorithm(AES_256_CBC, &[]),
            CmsError::Iv,
        ),
        (
            &|p| p.content_algorithm = algorithm(AES_256_CBC, &tlv(0x04, &[1; 15])),
            CmsError::Iv,
        ),
        (
            &|p| p.content_algorithm = algorithm(AES_256_CBC, &tlv(0x05, &[])),
            CmsError::Iv,
        ),
        (&|p| p.content = None, CmsError::NoContent),
        (&|p| p.content = Some(vec![]), CmsError::ContentLength),
        (&|p| p.content = Some(vec![3; 47]), CmsError::ContentLength),
        (&|p| p.content = Some(vec![3; 49]), CmsError::ContentLength),
        (&|p| p.attributes = tlv(0xa1, &[]), CmsError::Attributes),
        (&|p| p.attributes = tlv(0xa2, &[]), CmsError::Encoding),
        (&|p| p.attributes = v(1), CmsError::Encoding),
    ];
    for (index, (change, error)) in cases.into_iter().enumerate() {
        let mut parts = good.clone();
        change(&mut parts);
        assert_eq!(Envelope::parse(&parts.ber()), Err(error), "case {index}");
    }
}

#[test]
fn an_envelope_that_is_cut_or_followed_is_none() {
    let good = Parts::of(vec![2; 256], &[1; 16], vec![3; 48]).ber();
    for cut in 0..good.len() {
        let error = Envelope::parse(&good[..cut]);
        assert_eq!(error, Err(CmsError::Encoding), "cut at {cut}");
    }
    for more in [&b"\0"[..], b"\0\0", b"\x05\0"] {
        let longer = [&good[..], more].concat();
        assert_eq!(Envelope::parse(&longer), Err(CmsError::Encoding));
    }
}
