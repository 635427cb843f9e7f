//! What a Nitro register measures, and the values of those that follow from a name.

use core::str::FromStr;

use sealnote_model::ModelDigest;
use sealnote_verifier::nitro::MODEL_REGISTER;
use sealnote_verifier::nitro::rules::PinsFile;
use sha2::{Digest, Sha384};

/// What a register measures, for people.
pub(crate) fn measures(register: u8) -> &'static str {
    match register {
        0 => "the whole image",
        1 => "kernel, command line and boot ramdisk",
        2 => "the application",
        3 => "the IAM role of the parent instance",
        4 => "the parent instance",
        8 => "the certificate that signed the image",
        MODEL_REGISTER => "the model that the enclave loaded",
        _ => "nothing that is known here",
    }
}

/// A value that a register beside the image's may have, in hex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pin {
    pub(crate) register: u8,
    pub(crate) value: String,
}

impl Pin {
    /// PCR3 of an enclave whose parent instance has this IAM role. The value is not an extension like the others: the text
    /// itself follows the 48 zero bytes (Nitro Enclaves user guide, "Where to get an enclave's measurements", PCR3 and
    /// PCR4).
    pub(crate) fn of_role(arn: &str) -> Result<Self, String> {
        let is_role = arn.starts_with("arn:") && arn.contains(":iam::") && arn.contains(":role/");
        match is_role {
            true => Ok(Self::of_name(3, arn)),
            false => Err(
                "this is no IAM role's ARN, such as arn:aws:iam::123456789012:role/Webserver; that of an instance \
                 profile is not the role's"
                    .into(),
            ),
        }
    }

    /// PCR4 of an enclave whose parent instance has this id.
    pub(crate) fn of_instance(id: &str) -> Result<Self, String> {
        let digits = id.strip_prefix("i-").unwrap_or_default();
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        match matches!(digits.len(), 8 | 17) && digits.bytes().all(is_hex) {
            true => Ok(Self::of_name(4, id)),
            false => Err("this is no instance's id, such as i-1234567890abcdef0".into()),
        }
    }

    /// PCR16 of an enclave that loaded this model.
    pub(crate) fn of_model(model: &ModelDigest) -> Self {
        Self {
            register: MODEL_REGISTER,
            value: hex::encode(model.register()),
        }
    }

    fn of_name(register: u8, name: &str) -> Self {
        let value = Sha384::new_with_prefix([0; 48]).chain_update(name);
        Self {
            register,
            value: hex::encode(value.finalize()),
        }
    }

    /// The values that a policy file accepts of this register.
    pub(crate) fn list<'a>(&self, pins: &'a mut PinsFile) -> &'a mut Option<Vec<String>> {
        match self.register {
            3 => &mut pins.pcr3,
            4 => &mut pins.pcr4,
            8 => &mut pins.pcr8,
            _ => &mut pins.pcr16,
        }
    }
}

/// As `pcr3=96 hex digits`.
impl FromStr for Pin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (register, value) = text
            .split_once('=')
            .ok_or("it is a register and its value, such as pcr3=… with 96 hex digits")?;
        let register = match register.to_ascii_lowercase().as_str() {
            "pcr3" => 3,
            "pcr4" => 4,
            "pcr8" => 8,
            "pcr16" => MODEL_REGISTER,
            _ => return Err("pcr3, pcr4, pcr8 and pcr16 can be pinned"),
        };
        let mut bytes = [0; 48];
        hex::decode_to_slice(value, &mut bytes).map_err(|_| "the value has 96 hex digits")?;
        let value = hex::encode(bytes);
        Ok(Self { register, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_s_register_is_the_one_in_aws_s_guide() {
        let pin = Pin::of_role("arn:aws:iam::123456789012:role/Webserver").unwrap();
        assert_eq!(pin.register, 3);
        assert_eq!(
            pin.value,
            "78fce75db17cd4e0a3fb8dad3ad128ca5e77edbb2b2c7f75329dccd99aa5f6ef4fc1f1a452e315b9e98f9e312e6921e6"
        );
        for wrong in [
            "Webserver",
            "arn:aws:iam::123456789012:instance-profile/Webserver",
            "arn:aws:sts::123456789012:assumed-role/Webserver/i-0",
        ] {
            assert!(Pin::of_role(wrong).is_err(), "{wrong}");
        }
    }

    /// PCR4 of an enclave on this instance, as AWS has signed it in a document that is published.
    #[test]
    fn an_instance_s_register_is_the_one_that_aws_signs() {
        let pin = Pin::of_instance("i-078824548edcf6519").unwrap();
        assert_eq!(pin.register, 4);
        assert_eq!(
            pin.value,
            "8a4d049b4193ab1554c7c63e9ec581b481fd80c8c2b643f65a4fb0eb2fafeb574bd5e7b04f2e9212ff15729129330a47"
        );
        for wrong in [
            "078824548edcf6519",
            "i-",
            "i-078824548EDCF6519",
            "i-07882454",
        ] {
            let found = Pin::of_instance(wrong);
            assert_eq!(found.is_ok(), wrong == "i-07882454", "{wrong}");
        }
    }

    #[test]
    fn a_pin_is_read_with_its_register() {
        let value = "aB".repeat(48);
        let pin: Pin = format!("PCR16={value}").parse().unwrap();
        assert_eq!((pin.register, pin.value), (16, "ab".repeat(48)));
        for wrong in ["", "pcr3", "pcr0=00", "pcr3=00", &format!("pcr5={value}")] {
            assert!(wrong.parse::<Pin>().is_err(), "{wrong}");
        }
    }
}
