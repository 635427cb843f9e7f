//! `--version`: what this program is, to the commit, and what it speaks.

use sealnote_protocol::claims::PROTOCOL;
use sealnote_protocol::suite::Suite;

/// `-V`.
pub(crate) const SHORT: &str = env!("CARGO_PKG_VERSION");

/// `--version`. The commit is `unknown` where the source was no git checkout, and of a development build.
pub(crate) fn long() -> String {
    let suites = Suite::ALL.map(|suite| format!("\nsuite    {suite}"));
    format!(
        "{SHORT}\ncommit   {}\nprotocol {PROTOCOL}{}",
        env!("SEALNOTE_COMMIT"),
        suites.concat()
    )
}
