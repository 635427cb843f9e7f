//! `sealnote submit`: records in, results out.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use sealnote_client::OnOtherModel;

use crate::Server;
use crate::evidence::Seen;
use crate::exit::{Exit, Failure};
use crate::files::{claim_stdin, is_stdin};
use crate::run::{self, Options};
use crate::sink::{OutputFormat, Scores, SinkOptions};
use crate::source::{Format, Input};

const EXAMPLES: &str = "\
Examples:
  $ sealnote submit notes.jsonl -o results.jsonl --server tcp:sealnote.example:7000 --policy policy.json
  $ sealnote submit notes.jsonl -o results.jsonl --resume --rejects rejects.jsonl --connections 4
  $ sealnote submit notes.jsonl --text-field report --id-field case --dry-run
  $ zcat notes.jsonl.gz | sealnote submit --profile ward --scores top --top 3 > results.jsonl";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Submit {
    #[command(flatten)]
    server: Server,
    /// The records; `-` or nothing reads standard input.
    #[arg(value_name = "INPUT")]
    input: Option<PathBuf>,
    /// What the input is, instead of what its content and name say.
    #[arg(long, value_name = "FORMAT", help_heading = "Input")]
    format: Option<Format>,
    /// The field or column of the text. It is sent, sealed; nothing else is.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "text",
        help_heading = "Input"
    )]
    text_field: String,
    /// The field or column of the id.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "id",
        help_heading = "Input"
    )]
    id_field: String,
    /// Fields that go to the results as they are. They are never sent.
    #[arg(
        long,
        value_name = "NAME,…",
        value_delimiter = ',',
        help_heading = "Input"
    )]
    pass: Vec<String>,
    /// Bytes that a record may have. A longer one is skipped, and has an error.
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20, value_parser = clap::value_parser!(u64).range(1024..=1 << 28), help_heading = "Input")]
    max_record_bytes: u64,
    /// Refuse a record whose id an earlier one has.
    #[arg(long, help_heading = "Input")]
    unique_ids: bool,
    /// Read and check all records, and send nothing: no server is needed.
    #[arg(long, conflicts_with_all = ["output", "rejects", "resume"], help_heading = "Input")]
    dry_run: bool,
    /// Write the results here instead of to standard output (`-`). The file appears when it is complete.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Write records that failed here, with their reason, instead of among the results; in the results' format.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    rejects: Option<PathBuf>,
    /// Replace files that are there, and give up a run that was cut short.
    #[arg(long, conflicts_with = "resume", help_heading = "Output")]
    force: bool,
    /// What the results are written as, where the name of FILE does not say it.
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    output_format: Option<OutputFormat>,
    /// Scores beside the label.
    #[arg(
        long,
        value_name = "WHICH",
        default_value = "none",
        help_heading = "Output"
    )]
    scores: WhichScores,
    /// How many scores `--scores top` gives.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..), help_heading = "Output")]
    top: u16,
    /// Count a record as failed if the model's vocabulary has less than this share of its tokens, from 0 to 1.
    #[arg(long, value_name = "SHARE", value_parser = parse_share, help_heading = "Output")]
    min_known: Option<f64>,
    /// Print the run's manifest as JSON when it is complete. Needs -o FILE.
    #[arg(long, requires = "output", help_heading = "Output")]
    json: bool,
    /// Keep the evidence of each session here, accepted or not.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    evidence_out: Option<PathBuf>,
    /// Go on with a run that was cut short, or begin one.
    #[arg(long, help_heading = "Run")]
    resume: bool,
    /// End the run at the first record that fails.
    #[arg(long, help_heading = "Run")]
    fail_fast: bool,
    /// Sessions at the same time.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64), help_heading = "Run")]
    connections: u16,
    /// How long to go on trying, without one answer, where the connection is lost in the middle of a run, in seconds. The
    /// first connection is tried once.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 300,
        help_heading = "Run"
    )]
    retry: u64,
    /// Go on when the enclave of a later session has a different model. Each result is then in the labels
    /// of the model that gave it, and its field `model` is that model's digest.
    #[arg(long, help_heading = "Run")]
    allow_other_model: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum WhichScores {
    /// No further scores.
    None,
    /// The best few: see --top.
    Top,
    /// Each label's.
    All,
}

fn parse_share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("this is not a number from 0 to 1".into()),
    }
}

impl Submit {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        if self.input().path.is_none() {
            claim_stdin("the records")?;
        }
        if self.dry_run {
            return run::check(&self.input(), self.unique_ids);
        }
        let mut client = self.server.client()?;
        if self.allow_other_model {
            client = client.on_other_model(OnOtherModel::GoOn);
        }
        let format = OutputFormat::choose(self.output_format, self.output.as_deref());
        let trust = &self.server.trust;
        let inputs = [
            self.input.clone(),
            trust.policy.clone(),
            trust.policy_signer.clone(),
            self.server.client_key.clone(),
        ];
        let roots = trust.danger_accept_software_root.iter().cloned().map(Some);
        let options = Options {
            input: self.input(),
            inputs: inputs
                .into_iter()
                .chain(roots)
                .flatten()
                .filter(|path| !is_stdin(path))
                .collect(),
            format: format.map_err(|error| Exit::Usage.because(error.to_string()))?,
            sink: SinkOptions {
                scores: match self.scores {
                    WhichScores::None => Scores::None,
                    WhichScores::Top => Scores::Top(self.top.into()),
                    WhichScores::All => Scores::All,
                },
                models: self.allow_other_model,
                passed: self.pass.iter().cloned().collect(),
            },
            evidence: Seen::kept_in(self.evidence_out)?,
            output: self.output,
            rejects: self.rejects,
            resume: self.resume,
            force: self.force,
            min_known: self.min_known,
            unique_ids: self.unique_ids,
            fail_fast: self.fail_fast,
            connections: self.connections.into(),
            patience: Duration::from_secs(self.retry),
            json: self.json,
        };
        run::run(client, options).await
    }

    fn input(&self) -> Input {
        let path = self.input.clone();
        Input {
            path: path.filter(|path| path.as_os_str() != "-"),
            format: self.format,
            text_field: self.text_field.clone(),
            id_field: self.id_field.clone(),
            pass: self.pass.iter().cloned().collect(),
            max_record: self.max_record_bytes as usize,
        }
    }
}
