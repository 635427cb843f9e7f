//! Policy files: made, changed, outlined, compared.

pub(crate) mod against;
pub(crate) mod compare;
pub(crate) mod contents;
pub(crate) mod lint;
pub(crate) mod outline;
pub(crate) mod registers;
pub(crate) mod serials;
pub(crate) mod set;
pub mod signature;
pub(crate) mod signed;
pub mod signers;
pub(crate) mod source;
pub(crate) mod stored;
