//! What a suite costs by itself, in memory: everything that its secret takes, on both sides.

use std::time::{Duration, Instant};

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_protocol::session::Transcript;
use sealnote_protocol::suite::{PublicKey, rsa_oaep, xwing};

use crate::figures::Figures;

const TIMES: usize = 30;

/// Prints a line for each suite. The rounds alternate.
pub fn print() -> anyhow::Result<()> {
    let rng = &mut UnwrapErr(SysRng);
    let transcript = Transcript::new();
    let rsa = rsa_oaep::PrivateKey::generate(rng)?;
    let rsa_public = PublicKey::RsaOaep(rsa_oaep::PublicKey::from_spki(rsa.spki())?);
    let (mut of_rsa, mut of_xwing) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        let begun = Instant::now();
        let (_, sealed) = rsa_public.encapsulate(&transcript, rng)?;
        rsa.open(&sealed, rng);
        of_rsa.push(begun.elapsed());

        let begun = Instant::now();
        let key = xwing::DecapsulationKey::generate(rng);
        let public = xwing::EncapsulationKey::from_bytes(key.encapsulation_key())?;
        let (_, encapsulated) = PublicKey::XWing(Box::new(public)).encapsulate(&transcript, rng)?;
        key.open(&encapsulated, &transcript, rng);
        of_xwing.push(begun.elapsed());
    }
    println!("\na suite, both sides, in memory            µs");
    let micros = |time: &Duration| time.as_secs_f64() * 1e6;
    Figures::of(of_xwing.iter().map(micros)).print("2, X-Wing, with its key");
    Figures::of(of_rsa.iter().map(micros)).print("1, RSA-OAEP, without its key");
    Ok(())
}
