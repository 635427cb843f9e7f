//! `sealnote doctor`: each step to a session by itself, and what to do about the one that fails. No note is sent.

mod finding;
mod local;
mod look;
mod remote;

use std::sync::Arc;

use clap::Args;
use sealnote_client::{Client, Policy, TrustRoots};

use crate::Server;
use crate::config::Config;
use crate::exit::Failure;

use finding::{Finding, Findings};

const EXAMPLES: &str = "\
Examples:
  $ sealnote doctor --server tcp:sealnote.example:7000 --policy policy.json
  $ sealnote doctor --profile ward --json";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Doctor {
    #[command(flatten)]
    server: Server,
    /// Print JSON: docs/json.md.
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(crate) async fn run(self, config: Config) -> Result<(), Failure> {
        let mut findings = Findings::new(self.json);
        findings.add(local::config(&config));
        findings.add(local::machine());
        let trusted = self.trusted(&mut findings);
        match self.server.endpoint() {
            Ok(server) => {
                let is_trusted = trusted.is_some();
                let (policy, roots) = match trusted {
                    Some(trusted) => trusted,
                    None => local::stand_in()?,
                };
                let client = Client::builder(server.clone(), policy, roots);
                let client = client.handshake_timeout(self.server.timeout().min(remote::PATIENCE));
                let client = match self.server.client_key() {
                    Ok(Some(key)) => client.key(Arc::new(key)),
                    Ok(None) => client,
                    Err(failure) => {
                        findings.add(Finding::failed("client key", failure, remote::NO_KEY));
                        client
                    }
                };
                remote::examine(&client.build(), is_trusted, &mut findings).await;
            }
            Err(failure) => findings.add(Finding::failed("address", failure, NO_SERVER)),
        }
        findings.end()
    }

    /// The policy and the trust anchors, if they can be used.
    fn trusted(&self, findings: &mut Findings) -> Option<(Policy, TrustRoots)> {
        match self.server.trust.load() {
            Ok((policy, roots)) => {
                let path = self.server.trust.policy.as_deref();
                findings.add(local::policy(&policy, path, sealnote_client::now()));
                if !self.server.trust.danger_accept_software_root.is_empty() {
                    findings.add(local::danger());
                }
                Some((policy, roots))
            }
            Err(failure) => {
                findings.add(Finding::failed("policy", failure, local::NO_POLICY));
                None
            }
        }
    }
}

const NO_SERVER: &str =
    "ask whoever runs the Sealnote server for its address; nothing beyond this machine was checked";
