//! The enclave's own attester for Azure's vTPM over swtpm, a TPM in software that shares no code with this one, under an HCL
//! report of a made-up machine: `make test-vtpm-quote`.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use rsa::pkcs8::DecodePublicKey;
use sealnote_enclave::attester::Attester;
use sealnote_enclave::attester::azure_vtpm::{AzureVtpm, AzureVtpmError, HclError, Layout, Tpm};
use sealnote_enclave::attester::software::sev_snp_machine;
use sealnote_model::ModelDigest;
use sealnote_protocol::session::enclave::Binding;
use sealnote_software_attester::azure_vtpm::{hcl_report, jwk, var_data};
use sealnote_software_attester::sev_snp::SoftwareAttester;
use sealnote_tests::rig::PATIENCE;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep};

use super::*;

/// Bytes of an NV index of swtpm, at most; Azure's has 2,600.
const NV_LEN: usize = 2048;

#[tokio::test]
#[ignore = "needs swtpm, which `make test-vtpm-quote` starts"]
async fn whole_sessions_over_a_tpm_of_another_implementation() {
    let folder = std::env::var_os("SEALNOTE_TPM_QUOTE").expect("the folder of swtpm's socket");
    let folder = PathBuf::from(folder);
    let layout = Layout::default();
    let start = || AzureVtpm::with(Socket::connect(&folder), layout);
    let model = single().engine.info().digest;

    assert!(matches!(start().err(), Some(AzureVtpmError::NoReport)));
    let (mut hardware, rules) = sev_snp_machine([0x70; 48]).unwrap();
    define_report(&folder);
    let other = rsa::PrivateKey::new(&mut UnwrapErr(SysRng), 2048).unwrap();
    write_report(&folder, &mut hardware, &jwk("HCLAkPub", &other));
    let error = start().err();
    assert!(matches!(
        error,
        Some(AzureVtpmError::Report(HclError::OtherKey))
    ));
    let key = std::fs::read_to_string(folder.join("ak.pem")).unwrap();
    let key = rsa::PublicKey::from_public_key_pem(&key).unwrap();
    write_report(&folder, &mut hardware, &jwk("HCLAkPub", &key));

    record(Socket::connect(&folder));
    let mut tpm = Socket::connect(&folder);
    let guest = AzureVtpm::with(tpm.clone(), layout).unwrap();
    let attester: Box<dyn Attester> = Box::new(guest.extend_model(&model).unwrap());
    let endorsements = tempfile::tempdir().unwrap();
    let of_azure = endorsements.path().join("azure-vtpm");
    std::fs::write(of_azure, hardware.endorsements()).unwrap();
    let setup = Setup {
        attester: Some(Software {
            attester,
            root_pem: hardware.root_pem().unwrap(),
            policy: policy(&model.extension(), rules),
        }),
        endorsed: Some(("azure-vtpm", endorsements.path().to_owned())),
        ..Setup::default()
    };
    let vtpm = Rig::start(single(), setup).await.unwrap();
    let client = vtpm.client().unwrap();
    until_endorsed(&client).await;
    let nitro = rig(SoftwareKind::Nitro).await;
    let notes = reference_notes("tiny-bert-single");
    let scores = bits(&submit_all(&client, &notes).await);
    let of_nitro = bits(&submit_all(&nitro.client().unwrap(), &notes).await);
    assert!(!scores.is_empty() && scores == of_nitro);
    let verified = client.verify().await.unwrap();
    assert_eq!(verified.evidence().facts().kind().name(), "azure-vtpm");

    // Another register: there is evidence, and no client that accepts it.
    tpm.extend(9, &[1; 32]);
    let error = client.verify().await.err().unwrap().to_string();
    assert!(error.contains("evidence rejected, check V8: "), "{error}");
    // The model's: there is none.
    tpm.extend(11, &[1; 32]);
    let error = client.verify().await.err().unwrap().to_string();
    assert!(!error.contains("evidence rejected"), "{error}");
    let error = AzureVtpm::with(tpm, layout).err();
    assert!(matches!(error, Some(AzureVtpmError::ExtendedBefore(11))));
}

/// swtpm's socket, on which commands and responses follow each other as they are.
#[derive(Clone)]
struct Socket(Arc<Mutex<UnixStream>>);

impl Socket {
    fn connect(folder: &Path) -> Self {
        let stream = UnixStream::connect(folder.join("socket")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(Arc::new(Mutex::new(stream)))
    }

    /// TPM2_PCR_Extend, as somebody else would send it.
    fn extend(&mut self, register: u8, event: &[u8; 32]) {
        let mut command = hex::decode("80020000004100000182000000").unwrap();
        command.push(register);
        command.extend(hex::decode("0000000940000009000000000000000001000b").unwrap());
        command.extend(event);
        let response = self.transmit(&command).unwrap();
        assert_eq!(response[6..10], [0; 4]);
    }
}

impl Tpm for Socket {
    fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        let mut stream = self.0.lock().unwrap();
        stream.write_all(command)?;
        let mut response = vec![0; 10];
        stream.read_exact(&mut response)?;
        let len = u32::from_be_bytes(response[2..6].try_into().unwrap());
        response.resize(len as usize, 0);
        stream.read_exact(&mut response[10..])?;
        Ok(response)
    }
}

/// What the enclave's own tests replay, where there is no swtpm; written anew with `SEALNOTE_BLESS=1`. Of registers that the
/// session has no use for.
fn record(tpm: Socket) {
    let recorder = Recorder {
        tpm,
        lines: Arc::default(),
    };
    let lines = recorder.lines.clone();
    let layout = Layout::new("0,1,2,3,4,5,7,9,12,15".parse().unwrap(), 12).unwrap();
    let guest = AzureVtpm::with(recorder, layout).unwrap();
    let attester = guest.extend_model(&ModelDigest([7; 48])).unwrap();
    let binding = Binding {
        challenge: [1; 32],
        claims: [2; 48],
        public_key: None,
    };
    attester.attest(&binding).unwrap();
    if std::env::var_os("SEALNOTE_BLESS").is_some() {
        let file = "../enclave/src/attester/azure_vtpm/swtpm.txt";
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        std::fs::write(file, &*lines.lock().unwrap()).unwrap();
    }
}

/// Keeps each command, and each response, as a line of hex.
struct Recorder {
    tpm: Socket,
    lines: Arc<Mutex<String>>,
}

impl Tpm for Recorder {
    fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        let response = self.tpm.transmit(command)?;
        let mut lines = self.lines.lock().unwrap();
        for message in [command, &response] {
            lines.push_str(&hex::encode(message));
            lines.push('\n');
        }
        Ok(response)
    }
}

/// As Azure's paravisor would, by TPM2-tools.
fn define_report(folder: &Path) {
    let len = NV_LEN.to_string();
    let attributes = "ownerread|ownerwrite|authread|authwrite|no_da";
    tool(
        folder,
        &[
            "tpm2_nvdefine",
            "-Q",
            "-C",
            "o",
            "-s",
            &len,
            "-a",
            attributes,
            "0x01400001",
        ],
    );
}

/// A report about this key.
fn write_report(folder: &Path, hardware: &mut SoftwareAttester, key: &Value) {
    let var_data = var_data(std::slice::from_ref(key));
    let mut data = [0; 64];
    data[..32].copy_from_slice(&Sha256::digest(&var_data));
    let report = hardware.attest(&data, SystemTime::now(), &mut UnwrapErr(SysRng));
    let mut report = hcl_report(&report.unwrap(), &var_data);
    assert!(report[NV_LEN..].iter().all(|byte| *byte == 0));
    report.truncate(NV_LEN);
    let file = folder.join("hcl");
    std::fs::write(&file, report).unwrap();
    let file = file.to_str().unwrap();
    tool(
        folder,
        &["tpm2_nvwrite", "-Q", "-C", "o", "-i", file, "0x01400001"],
    );
}

fn tool(folder: &Path, command: &[&str]) {
    let tcti = format!("swtpm:path={}", folder.join("socket").display());
    let mut tool = Command::new(command[0]);
    let status = tool
        .args(&command[1..])
        .env("TPM2TOOLS_TCTI", tcti)
        .status();
    assert!(status.unwrap().success(), "{command:?}");
}

/// The registers as the script left them, and the model's.
fn policy(model: &[u8; 48], hardware: Value) -> String {
    let extended = |event: &[u8]| {
        let value = Sha256::new_with_prefix([0; 32]).chain_update(event);
        json!(hex::encode(value.finalize()))
    };
    let mut pcrs = json!({});
    for register in [0, 1, 2, 3, 4, 5, 7, 8, 9, 11_u8] {
        let mut event = [0; 32];
        event[31] = register + 1;
        pcrs[register.to_string()] = match register {
            0 | 4 | 7 | 9 => extended(&event),
            11 => extended(&Sha256::digest(model)),
            _ => json!("zero"),
        };
    }
    let policy = json!({"version": 2, "evidence": {"azure-vtpm": {
        "measurements": [{"label": "swtpm", "tee": "sev-snp", "pcrs": pcrs}],
        "sev-snp": hardware,
    }}});
    policy.to_string()
}

/// The parent hands endorsements over once the enclave listens, and then every second.
async fn until_endorsed(client: &Client) {
    let end = Instant::now() + PATIENCE;
    loop {
        match client.verify().await {
            Ok(_) => return,
            Err(error) if Instant::now() > end || error.to_string().contains("rejected") => {
                panic!("{error}")
            }
            Err(_) => sleep(std::time::Duration::from_millis(50)).await,
        }
    }
}
