//! What AMD says of a leaf's key (57230, tables 8 and 9): extensions under an arc of AMD's own.

use x509_cert::der::Decode;
use x509_cert::der::asn1::{Ia5StringRef, ObjectIdentifier};
use x509_cert::ext::Extension;

use crate::sev_snp::product::Product;
use crate::sev_snp::report::Tcb;

/// All of AMD's extensions are under it.
pub(super) const AMD_ARC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1");

const PRODUCT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.2");
const BOOTLOADER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.1");
const TEE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.2");
const SNP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.3");
const MICROCODE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.8");
const FMC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.9");
const HWID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.4");
const CSP_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.5");

/// Of parts that no TCB has yet: 0, where they are.
const RESERVED: [ObjectIdentifier; 4] = [
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.4"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.5"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.6"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.7"),
];

/// A leaf's extensions. An extension that is there twice, or does not parse, is none.
pub(in crate::sev_snp) struct LeafExtensions(Vec<Extension>);

/// How often an extension is there.
enum Found<'a> {
    Never,
    Once(&'a [u8]),
    Twice,
}

impl LeafExtensions {
    pub(super) fn new(extensions: Vec<Extension>) -> Self {
        Self(extensions)
    }

    /// The generation that the key is of.
    pub(in crate::sev_snp) fn product(&self) -> Option<Product> {
        Product::of_extension(self.text(PRODUCT_NAME)?)
    }

    /// The TCB that the key was derived for, with an FMC if the product has one.
    pub(in crate::sev_snp) fn tcb(&self, product: Product) -> Option<Tcb> {
        let fmc = match (self.find(FMC), product.is_turin()) {
            (Found::Once(_), true) => Some(self.number(FMC)?),
            (Found::Never, false) => None,
            _ => return None,
        };
        let is_zero = |oid: ObjectIdentifier| match self.find(oid) {
            Found::Never => true,
            Found::Once(_) => self.number(oid) == Some(0),
            Found::Twice => false,
        };
        let tcb = Tcb {
            fmc,
            bootloader: self.number(BOOTLOADER)?,
            tee: self.number(TEE)?,
            snp: self.number(SNP)?,
            microcode: self.number(MICROCODE)?,
        };
        RESERVED.into_iter().all(is_zero).then_some(tcb)
    }

    /// The chip's id; `None` where there is a cloud's too. Its bytes are the extension's value, with nothing around.
    pub(in crate::sev_snp) fn chip(&self) -> Option<&[u8]> {
        match (self.find(HWID), self.find(CSP_ID)) {
            (Found::Once(id), Found::Never) => Some(id),
            _ => None,
        }
    }

    /// The cloud's id; `None` where there is a chip's too.
    pub(in crate::sev_snp) fn csp_id(&self) -> Option<&str> {
        match self.find(HWID) {
            Found::Never => self.text(CSP_ID),
            _ => None,
        }
    }

    fn number(&self, oid: ObjectIdentifier) -> Option<u8> {
        match self.find(oid) {
            Found::Once(value) => u8::from_der(value).ok(),
            _ => None,
        }
    }

    fn text(&self, oid: ObjectIdentifier) -> Option<&str> {
        match self.find(oid) {
            Found::Once(value) => Ia5StringRef::from_der(value).ok().map(|text| text.as_str()),
            _ => None,
        }
    }

    fn find(&self, oid: ObjectIdentifier) -> Found<'_> {
        let mut found = self.0.iter().filter(|extension| extension.extn_id == oid);
        match (found.next(), found.next()) {
            (None, _) => Found::Never,
            (Some(extension), None) => Found::Once(extension.extn_value.as_bytes()),
            _ => Found::Twice,
        }
    }
}
