//! The program's arguments. In an enclave they are read from the image, where they are measured.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, ValueEnum};
use sealnote_access::PublicKey;
use sealnote_encrypted_model::KeyId;
use sealnote_engine::DEFAULT_WINDOW;
use sealnote_key_release::Locator;
use sealnote_key_release::kbs::KbsUrl;
use sealnote_model::ModelDigest;
use sealnote_transport::Endpoint;

use crate::attester::azure_vtpm::Registers;
use crate::server::PARENT_CID;

/// Attests, opens, classifies, seals, forgets.
#[derive(Parser)]
#[command(name = "sealnote-enclave", version)]
pub struct Args {
    /// Where to listen: vsock:CID:PORT (vsock:any:5005 in an enclave), unix:PATH or tcp:HOST:PORT.
    #[arg(long, value_name = "ADDR")]
    pub listen: Endpoint,
    /// The model: a folder with config.json, tokenizer.json and model.safetensors, or with the three encrypted
    /// (`sealnote model encrypt`), and nothing else.
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// Of an encrypted model: which key service has its key, and by what the service is known.
    #[command(flatten)]
    pub key: KeyArgs,
    /// Who may ask, and how much: a list of clients in JSON. Without it anybody may, unless the releaser of the model's
    /// key sends a list.
    #[arg(long, value_name = "FILE")]
    pub clients: Option<PathBuf>,
    /// Where evidence comes from.
    #[arg(long)]
    pub attester: AttesterKind,
    /// Longest window in tokens, special tokens included; a longer note is read in several.
    #[arg(long, value_name = "TOKENS", default_value_t = DEFAULT_WINDOW)]
    pub window: usize,
    /// How the encoder is computed; stated in the claims. By default in int8 if the model's type has
    /// such a path, else in f32.
    #[arg(long)]
    pub precision: Option<PrecisionKind>,
    /// From which vsock CIDs connections are taken; 3 is the instance that a Nitro enclave runs on.
    #[arg(long = "peer-cid", value_name = "CID", default_values_t = [PARENT_CID.0])]
    pub peer_cids: Vec<u32>,
    /// Where the parent hands over what the vendor signed about the machine (`sealnote-parent
    /// --endorsements-to`), for evidence that needs it: sev-snp, tdx, azure-vtpm. From whom it comes does not
    /// matter, since clients check it; who reaches the address can keep clients away, as the parent can.
    #[arg(long, value_name = "ADDR")]
    pub endorsements_listen: Option<Endpoint>,
    /// Azure's vTPM: the registers that are quoted, which must be those of the clients' policies
    /// [default: 0,1,2,3,4,5,7,8,9,11]
    #[arg(long, value_name = "N,N…")]
    pub vtpm_pcrs: Option<Registers>,
    /// Azure's vTPM: the register that is extended by the model, 8 to 15, and nothing else [default: 11]
    #[arg(long, value_name = "N")]
    pub vtpm_model_pcr: Option<u8>,
    /// Software attester: write its development root here, as PEM.
    #[arg(long, value_name = "FILE")]
    pub software_root_out: Option<PathBuf>,
    /// Software attester: the kind of its evidence; nitro unless this says otherwise.
    #[arg(long, value_name = "KIND")]
    pub software_kind: Option<SoftwareKind>,
    /// Software attester: write its measurements here, as nitro-cli prints them; of another kind than nitro, a policy
    /// that asks for them.
    #[arg(long, value_name = "FILE")]
    pub measurements_out: Option<PathBuf>,
}

/// What an encrypted model's key is asked for by. All of it is measured with the image.
#[derive(ClapArgs)]
pub struct KeyArgs {
    /// Where the model's key comes from: aws-kms:KEY-ARN, kbs:///REPOSITORY/TYPE/TAG or sealnote://HOST:PORT.
    #[arg(
        long = "model-encryption-key-url",
        env = "MODEL_ENCRYPTION_KEY_URL",
        value_name = "URL",
        requires_all = ["model_digest", "key_id", "key_via"]
    )]
    pub url: Option<Locator>,
    /// The digest of the model's plaintext (`sealnote model inspect`).
    #[arg(long, value_name = "HEX", requires = "url")]
    pub model_digest: Option<ModelDigest>,
    /// The id of the key that the model is encrypted under (`sealnote model inspect`).
    #[arg(long = "model-key-id", value_name = "ID", requires = "url")]
    pub key_id: Option<KeyId>,
    /// Where the parent's egress to the key service listens, as vsock:3:8443.
    #[arg(long, value_name = "ADDR", requires = "url")]
    pub key_via: Option<Endpoint>,
    /// With aws-kms and kbs over https: certificates that the service's own must lead to, in PEM. Of AWS, Amazon's unless
    /// this says otherwise.
    #[arg(long, value_name = "FILE", requires = "url")]
    pub key_service_roots: Option<PathBuf>,
    /// With aws-kms: where the parent's egress to the instance's metadata (169.254.169.254:80) listens.
    #[arg(long, value_name = "ADDR", requires = "url")]
    pub metadata_via: Option<Endpoint>,
    /// With kbs: the KBS's address, https://HOST:PORT or http://HOST:PORT.
    #[arg(long, value_name = "URL", requires = "url")]
    pub kbs_url: Option<KbsUrl>,
    /// With sealnote://: the public key of who may release the model's key, as `sealnote key show` prints it.
    #[arg(long, value_name = "ed25519:KEY", requires = "url")]
    pub releaser_key: Option<PublicKey>,
}

/// Where evidence comes from.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AttesterKind {
    /// The Nitro Security Module, through /dev/nsm.
    Nsm,
    /// An SEV-SNP guest's report, by configfs-tsm or /dev/sev-guest. Untried on hardware.
    SevSnp,
    /// A TDX guest's quote, by configfs-tsm, with the model in RTMR3 (Linux 6.16 or later). Untried on
    /// hardware.
    Tdx,
    /// A quote of the vTPM of a confidential VM of Azure on SEV-SNP, through /dev/tpmrm0, with the model in a register.
    /// Untried on Azure.
    AzureVtpm,
    /// A root made at start, for development; not built into release images.
    Software,
}

/// The kind of the software attester's evidence.
#[derive(Clone, Copy, ValueEnum)]
pub enum SoftwareKind {
    /// Documents as of the Nitro Security Module.
    Nitro,
    /// Reports as of an AMD SEV-SNP guest.
    SevSnp,
    /// Quotes as of an Intel TDX guest.
    Tdx,
    /// Quotes as of the vTPM of an Azure confidential VM.
    AzureVtpm,
}

/// How the encoder is computed.
#[derive(Clone, Copy, ValueEnum)]
pub enum PrecisionKind {
    /// 32-bit floating-point: logits within 1e-4 of transformers'.
    F32,
    /// Linear layers in 8-bit integers, several times as fast.
    Int8,
}

/// What is wrong with the flags taken together.
pub fn misuse(args: &Args) -> Option<&'static str> {
    let software = args.attester == AttesterKind::Software;
    let of_software = args.software_kind.is_some()
        || args.software_root_out.is_some()
        || args.measurements_out.is_some();
    if software && !cfg!(feature = "software-attester") {
        return Some(
            "the software attester is not built into this binary; use the --attester of this machine, \
             or a development build (--features software-attester)",
        );
    }
    if !software && of_software {
        return Some(
            "--software-kind, --software-root-out and --measurements-out go with --attester software; \
             a real enclave's measurements come from its image",
        );
    }
    if args.attester != AttesterKind::AzureVtpm
        && (args.vtpm_pcrs.is_some() || args.vtpm_model_pcr.is_some())
    {
        return Some("--vtpm-pcrs and --vtpm-model-pcr go with --attester azure-vtpm");
    }
    let locator = args.key.url.as_ref();
    if args.key.kbs_url.is_some() != matches!(locator, Some(Locator::Kbs { .. })) {
        return Some(
            "--kbs-url goes with a --model-encryption-key-url of kbs:///, and that needs it",
        );
    }
    if args.key.metadata_via.is_some() != matches!(locator, Some(Locator::AwsKms { .. })) {
        return Some(
            "--metadata-via goes with a --model-encryption-key-url of aws-kms:, and that needs it",
        );
    }
    if matches!(locator, Some(Locator::Owner { .. })) && args.key.key_service_roots.is_some() {
        return Some(
            "--key-service-roots does not go with sealnote://: that service is known by --releaser-key",
        );
    }
    let by_owner = matches!(locator, Some(Locator::Owner { .. }));
    if by_owner != args.key.releaser_key.is_some() {
        return Some(
            "--releaser-key goes with a --model-encryption-key-url of sealnote://, and that needs it: it says who may \
             release the model's key",
        );
    }
    match (args.attester, args.endorsements_listen.is_some()) {
        (AttesterKind::Nsm, true) => Some(
            "--endorsements-listen does not go with --attester nsm: a Nitro document has its \
             certificates with it, and nothing would be handed over",
        ),
        (AttesterKind::SevSnp | AttesterKind::Tdx | AttesterKind::AzureVtpm, false) => Some(
            "--attester sev-snp, tdx and azure-vtpm need --endorsements-listen: without endorsements no client \
             could check the evidence; the parent hands them over, see `sealnote-parent --endorsements`",
        ),
        _ => None,
    }
}
