//! The sign of life that `nitro-cli run-enclave` waits for (aws-nitro-enclaves-sdk-bootstrap, init.c).

use std::time::Duration;

use anyhow::{Context, bail};
use sealnote_transport::{Cid, Endpoint, connect_within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::server::PARENT_CID;

const PORT: u32 = 9000;
/// What is sent and must come back.
const BEAT: u8 = 0xB7;
const PATIENCE: Duration = Duration::from_secs(30);

/// On the kernel's command line: another CID to beat to, for an emulator whose host is not the parent's
/// CID. The image's line is measured, but a hypervisor may lengthen it. So nothing else is read from it:
/// who writes there can send the beat elsewhere, and so keep the enclave from starting, which he can anyway.
const CID_OPTION: &str = "sealnote.heartbeat_cid=";

/// Beats once, and waits for the echo.
pub(super) fn beat(command_line: &str) -> anyhow::Result<()> {
    let parent = Endpoint::Vsock {
        cid: cid(command_line)?,
        port: PORT,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let beat = async {
        let mut stream = connect_within(&parent, PATIENCE).await?;
        stream.write_all(&[BEAT]).await?;
        match stream.read_u8().await? {
            BEAT => Ok(()),
            _ => bail!("the echo is another byte"),
        }
    };
    runtime
        .block_on(async { tokio::time::timeout(PATIENCE, beat).await? })
        .with_context(|| format!("no heartbeat with {parent}"))
}

fn cid(command_line: &str) -> anyhow::Result<Cid> {
    let mut options = command_line.split_whitespace();
    match options.find_map(|option| option.strip_prefix(CID_OPTION)) {
        Some(number) => number
            .parse()
            .map(Cid)
            .with_context(|| format!("{CID_OPTION} takes a number")),
        None => Ok(PARENT_CID),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heartbeat_goes_to_the_parent_unless_the_command_line_says_otherwise() {
        assert_eq!(cid("console=ttyS0 quiet").unwrap(), PARENT_CID);
        assert_eq!(cid("quiet sealnote.heartbeat_cid=2\n").unwrap(), Cid(2));
        assert!(cid("sealnote.heartbeat_cid=parent").is_err());
    }
}
