//! What AWS KMS answers: CMS in BER. What is read is read of all the bytes: not of fewer, nor of more. What is taken in BER
//! is the same in DER.
//!
//! Input: the message.

#![no_main]

use cms::content_info::ContentInfo;
use cms::enveloped_data::EnvelopedData;
use der::{Any, Decode, Encode};
use libfuzzer_sys::fuzz_target;
use sealnote_fuzz::within;
use sealnote_key_release::aws_kms::Envelope;

fuzz_target!(|bytes: &[u8]| {
    let parsed = within(16 * 1024 + 96 * bytes.len(), || Envelope::parse(bytes));
    let Ok(envelope) = parsed else { return };
    assert!(Envelope::parse(&bytes[..bytes.len() - 1]).is_err());
    assert!(Envelope::parse(&[bytes, &[0]].concat()).is_err());
    assert_eq!(Envelope::parse(&in_der(bytes)), Ok(envelope));
});

fn in_der(ber: &[u8]) -> Vec<u8> {
    let mut message = ContentInfo::from_ber(ber).expect("what was read");
    let content = message.content.to_der().expect("what was read");
    let content = EnvelopedData::from_ber(&content).expect("what was read");
    message.content = Any::encode_from(&content).expect("what was read");
    message.to_der().expect("what was read")
}
