//! Whom the parent lets in, for how long, and how those that it turns away are told.
//!
//! Every decision here takes a time that depends neither on how many are connected nor on how many were refused.

mod address_rates;
mod entrance;
mod full;
mod open_files;
mod origin;
mod places;
mod rate;
mod silence;

pub(crate) use entrance::{Entrance, Limit};
pub(crate) use full::Farewells;
pub(crate) use open_files::allow_open_files;
pub(crate) use origin::Origin;
pub(crate) use places::{NoPlace, Place, Places};
pub(crate) use silence::gone_or_silent;
