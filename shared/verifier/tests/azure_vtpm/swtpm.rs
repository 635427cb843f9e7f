//! A quote that a TPM in software made, which shares no code with this one: `make test-vtpm-quote`.

use std::path::PathBuf;

use rsa::pkcs8::DecodePublicKey;
use sealnote_verifier::azure_vtpm::{Tee, inspect};

use super::fixture::{Attempt, jwk};
use super::own_rules;

#[test]
#[ignore = "needs a quote by swtpm, which `make test-vtpm-quote` makes"]
fn a_quote_of_another_implementation() {
    let folder = std::env::var_os("SEALNOTE_TPM_QUOTE").expect("the folder of the quote");
    let read = |name: &str| {
        let path = PathBuf::from(&folder).join(name);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let key = String::from_utf8(read("ak.pem")).expect("PEM");
    let key = rsa::PublicKey::from_public_key_pem(&key).expect("a key");
    let mut attempt = Attempt::new();
    attempt.set_keys(&[jwk("HCLAkPub", &key)]);
    let mut gathered = attempt.gathered();
    gathered.quote = read("quote");
    gathered.signature = read("signature");
    gathered.pcrs = read("pcrs");
    let parts = gathered.parts();
    let evidence = inspect(&parts).expect("it can be read");
    let hardware = attempt.rules["sev-snp"].clone();
    attempt.rules = own_rules::rules(Tee::SevSnp, &hardware, evidence.pcrs());
    let vtpm = attempt.check_gathered(&gathered).expect("it passes");
    assert_eq!(vtpm.pcrs().len(), 12);
    assert_eq!(vtpm.pcrs()[&8], [0; 32]);
    assert_ne!(vtpm.pcrs()[&4], [0; 32]);

    for (at, bit) in (0..gathered.quote.len()).zip((0..8).cycle()) {
        let mut flipped = gathered.clone();
        flipped.quote[at] ^= 1 << bit;
        let rejection = attempt.check_gathered(&flipped).expect_err("a flipped bit");
        assert_eq!(rejection.check().id(), "V6", "bit {bit} of byte {at}");
    }
}
