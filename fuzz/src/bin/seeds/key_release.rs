//! Encrypted models, and what key services answer.

#[allow(dead_code, reason = "only what is sealed is written")]
#[path = "../../../../enclave/key-release/tests/kbs/sealed.rs"]
mod sealed;

use p256::SecretKey;
use p256::elliptic_curve::Generate;
use sealed::Sealed;
use sealnote_fuzz::{Seeded, encrypted_model};

use crate::{Outcome, Seeds, vectors};

impl Seeds {
    pub(crate) fn encrypted_models(&self) -> Outcome<()> {
        self.write("encrypted_model", "genuine", &[&encrypted_model::file(1)])?;
        let edits: [&[u8; 6]; 6] = [
            &[0, 1, 0x20, 0, 16, 1],
            &[1, 6, 0, 0, 0, 0],
            &[2, 1, 0x40, 0x41, 0, 0],
            &[3, 1, 0x40, 0x41, 0, 0],
            &[4, 1, 0x20, 0x82, 0, 255],
            &[5, 1, 0x40, 0x41, 0, 0],
        ];
        self.write("encrypted_model", "edits", &edits.map(<[u8; 6]>::as_slice))
    }

    /// What KMS answers, with bytes that open to nothing.
    pub(crate) fn envelopes(&self) -> Outcome<()> {
        let head = "308006092a864886f70d010703a0803080020102";
        let recipient = "3182016b308201670201028020";
        let oaep = "303c06092a864886f70d010107302fa00f300d06096086480165030402010500\
            a11c301a06092a864886f70d010108300d0609608648016503040201050004820100";
        let content = "308006092a864886f70d010701301d060960864801650304012a0410";
        let parts = [
            hex::decode([head, recipient].concat())?,
            vec![1; 32],
            hex::decode(oaep)?,
            vec![2; 256],
            hex::decode(content)?,
            vec![3; 16],
            hex::decode("a0800430")?,
            vec![4; 48],
            // The ends of what has no length before it.
            vec![0; 10],
        ];
        self.write("cms", "made", &[&parts.concat()])?;
        for (name, envelope) in vectors("kms")? {
            self.write("cms", &name, &[&envelope])?;
        }
        Ok(())
    }

    /// The target's two keys are of the same seeds.
    pub(crate) fn jwes(&self) -> Outcome<()> {
        let [sender, recipient] =
            [1, 2].map(|seed| SecretKey::generate_from_rng(&mut Seeded(seed)));
        let header = sealed::header(sealed::epk(&sender.public_key())).to_string();
        self.write("jwe", "header", &[header.as_bytes()])?;
        for (name, old, new) in [
            ("rsa", "ECDH-ES+A256KW", "RSA-OAEP-256"),
            ("zip", "{\"alg\"", "{\"zip\":\"DEF\",\"alg\""),
            ("crit", "{\"alg\"", "{\"crit\":[],\"alg\""),
        ] {
            self.write("jwe", name, &[header.replace(old, new).as_bytes()])?;
        }
        let recipient = recipient.public_key();
        let whole = Sealed::by(&sender, &recipient, &[0x4b; 32], header.into_bytes());
        self.write("jwe", "whole", &[&whole.bytes()])
    }
}
