//! What the parent hands over, and how often, to a stand-in for the enclave.

use std::{fs, path::Path, time::Duration};

use sealnote_parent::Endorsements;
use sealnote_transport::{Endpoint, Listener};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{Rig, SOON};

#[tokio::test]
async fn each_file_goes_over_under_its_name_again_and_again() {
    let dir = TempDir::new().unwrap();
    let taker = Taker::listen(dir.path()).await;
    let folder = folder(&dir);
    let (snp, tdx) = (vec![1; 64 * 1024], vec![2; 1]);
    fs::write(folder.join("sev-snp"), &snp).unwrap();
    fs::write(folder.join("tdx"), &tdx).unwrap();
    // None of the kinds, and so left alone.
    fs::write(folder.join("tdx.tmp"), "half a file").unwrap();
    let _rig = start(&dir, &taker).await;

    let due = |tdx: &Vec<u8>| {
        vec![
            ("sev-snp".to_owned(), snp.clone()),
            ("tdx".to_owned(), tdx.clone()),
        ]
    };
    // The second round is as an enclave wants it that has restarted.
    for _ in 0..2 {
        assert_eq!(taker.take(2, 1).await, due(&tdx));
    }
    // A file is replaced by renaming, and an enclave of one kind does not want the other.
    let fresh = vec![3; 300];
    fs::write(folder.join("tdx.tmp"), &fresh).unwrap();
    fs::rename(folder.join("tdx.tmp"), folder.join("tdx")).unwrap();
    taker.take(2, 0).await;
    assert_eq!(taker.take(2, 1).await, due(&fresh));
}

#[tokio::test]
async fn what_fails_is_tried_again_and_clients_are_served_meanwhile() {
    let dir = TempDir::new().unwrap();
    let taker = Taker::listen(dir.path()).await;
    // Neither folder nor file is there at first.
    let mut rig = start(&dir, &taker).await;
    let (mut client, mut enclave) = rig.pair().await;
    client.write_all(b"note").await.unwrap();
    let mut note = [0; 4];
    enclave.read_exact(&mut note).await.unwrap();

    let folder = folder(&dir);
    fs::write(folder.join("tdx"), "").unwrap();
    fs::write(folder.join("sev-snp"), "report's").unwrap();
    let (name, bytes) = taker.take(1, 1).await.remove(0);
    assert_eq!((name.as_str(), &bytes[..]), ("sev-snp", &b"report's"[..]));

    // An enclave that goes away in the middle gets them when it is back.
    drop(
        timeout(SOON, taker.listener.accept())
            .await
            .unwrap()
            .unwrap(),
    );
    drop(taker);
    let taker = Taker::listen(dir.path()).await;
    assert_eq!(taker.take(1, 1).await, [(name, bytes)]);
    drop((client, enclave));
    rig.stop().await;
}

async fn start(dir: &TempDir, taker: &Taker) -> Rig {
    let mut endorsements = Endorsements::new(dir.path().join("folder"), taker.endpoint.clone());
    endorsements.period = Duration::from_millis(200);
    Rig::start(|config| config.endorsements = Some(endorsements)).await
}

fn folder(dir: &TempDir) -> std::path::PathBuf {
    let folder = dir.path().join("folder");
    fs::create_dir(&folder).unwrap();
    folder
}

/// Where an enclave would take endorsements.
struct Taker {
    listener: Listener,
    endpoint: Endpoint,
}

impl Taker {
    async fn listen(dir: &Path) -> Self {
        let endpoint: Endpoint = format!("unix:{}", dir.join("taker").display())
            .parse()
            .unwrap();
        let listener = Listener::bind(&endpoint).await.unwrap();
        Self { listener, endpoint }
    }

    /// So many hand-overs, sorted, each answered by this byte.
    async fn take(&self, count: usize, answer: u8) -> Vec<(String, Vec<u8>)> {
        let taking = async {
            let mut taken = Vec::new();
            while taken.len() < count {
                let mut stream = self.listener.accept().await.unwrap();
                let mut name = vec![0; stream.read_u8().await.unwrap().into()];
                stream.read_exact(&mut name).await.unwrap();
                let mut bytes = vec![0; stream.read_u32().await.unwrap() as usize];
                stream.read_exact(&mut bytes).await.unwrap();
                stream.write_all(&[answer]).await.unwrap();
                // The parent has read it, and nothing more follows.
                assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
                taken.push((String::from_utf8(name).unwrap(), bytes));
            }
            taken.sort();
            taken
        };
        timeout(SOON, taking).await.unwrap()
    }
}
