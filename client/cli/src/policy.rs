//! Policy files: made, changed, outlined, compared.

pub(crate) mod against;
pub(crate) mod compare;
pub(crate) mod contents;
pub(crate) mod lint;
pub(crate) mod outline;
pub(crate) mod registers;
pub(crate) mod serials;
pub(crate) mod set;
pub(crate) mod signature;
pub(crate) mod signed;
pub(crate) mod signers;
pub(crate) mod source;
pub(crate) mod stored;
