//! The part of a run in which notes are away.

use std::time::Duration;

use sealnote_client::{SessionEnd, SubmitError};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::connections::Ended;
use super::manifest::Manifest;
use super::plan::Files;
use super::progress::{Progress, grouped};
use super::reader::{self, ReadError};
use super::signals::{self, Signals};
use super::writer::Writer;
use super::{Event, Options};
use crate::exit::{Exit, Failure};
use crate::files::shown;

/// How often the manifest says what is on the disk.
const CHECKPOINT: Duration = Duration::from_secs(2);

/// How often a bar moves.
const TELL: Duration = Duration::from_millis(500);

/// Events that are taken at once.
const AT_ONCE: usize = 4096;

/// How long answers are waited for when a run is asked to end.
const DRAIN: Duration = Duration::from_secs(20);

/// Why a run does not come to its end.
pub(super) enum Cut {
    Submit(SubmitError),
    Input(ReadError),
    /// The reader did not come to the input's end, and did not say why.
    Reader,
    Output(std::io::Error),
    /// One record failed, and that was to be enough.
    FailFast,
    Signal(u8),
}

/// A run on its way.
pub(super) struct Journey {
    pub(super) writer: Writer,
    pub(super) manifest: Manifest,
    pub(super) files: Option<Files>,
    pub(super) progress: Progress,
    pub(super) fail_fast: bool,
    pub(super) read: Option<reader::Seen>,
    pub(super) missing_close: Option<SessionEnd>,
}

impl Journey {
    /// Until all records have their rows, or the run is cut: `None` is its end.
    pub(super) async fn travel(
        &mut self,
        mut connections: JoinSet<Result<Ended, SubmitError>>,
        arriving: &mut UnboundedReceiver<Event>,
        signals: &mut Signals,
        halt: impl Fn(),
    ) -> Option<Cut> {
        signals.keeps(self.kept());
        let mut checkpoint = interval(CHECKPOINT);
        checkpoint.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tell = interval(TELL);
        tell.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Once it is cut, what is in flight is waited for until then.
        let mut cut: Option<(Cut, Instant)> = None;
        let mut over = false;
        // The reader may wait for a standard input that never comes: a run that is cut does not wait for it.
        while !(connections.is_empty() && (over || cut.is_some())) {
            let deadline = cut.as_ref().map_or_else(far, |(_, deadline)| *deadline);
            let happened = tokio::select! {
                biased;
                number = signals.next() => {
                    if cut.is_some() {
                        break;
                    }
                    Some(Cut::Signal(number))
                }
                () = sleep_until(deadline) => break,
                _ = checkpoint.tick() => {
                    let kept = self.checkpoint();
                    signals.keeps(self.kept());
                    kept.err().map(Cut::Output)
                }
                _ = tell.tick() => {
                    self.tell();
                    None
                }
                event = arriving.recv(), if !over => match event {
                    Some(event) => self.take(event, arriving),
                    None => {
                        over = true;
                        None
                    }
                },
                Some(ended) = connections.join_next() => match ended {
                    Ok(Ok(Ended::Done(missing))) => {
                        self.missing_close = self.missing_close.take().or(missing);
                        None
                    }
                    Ok(Ok(Ended::NotNeeded(error))) => {
                        note!("one connection fewer: {error}");
                        None
                    }
                    Ok(Err(error)) => Some(Cut::Submit(error)),
                    Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                    Err(_) => None,
                },
            };
            let Some(happened) = happened else { continue };
            halt();
            if matches!(happened, Cut::Output(_)) {
                // Whatever the reason before: rows were lost.
                cut = Some((happened, Instant::now()));
                break;
            }
            // The first reason is the one that is told.
            cut = cut.or_else(|| Some((happened, Instant::now() + DRAIN)));
        }
        connections.shutdown().await;
        self.drain(arriving, cut.map(|(cut, _)| cut))
    }

    /// Takes what is there, and writes it; not without end, for signals and checkpoints are due meanwhile.
    fn take(&mut self, event: Event, arriving: &mut UnboundedReceiver<Event>) -> Option<Cut> {
        let mut cut = None;
        let there = std::iter::from_fn(|| arriving.try_recv().ok());
        for event in std::iter::once(event).chain(there).take(AT_ONCE) {
            match event {
                Event::Read(Ok(seen)) => self.read = Some(seen),
                Event::Read(Err(error)) => cut = Some(Cut::Input(error)),
                Event::Done(done) => match self.writer.take(done) {
                    Ok(true) if self.fail_fast => cut = cut.or(Some(Cut::FailFast)),
                    Ok(_) => {}
                    Err(error) => return Some(Cut::Output(error)),
                },
            }
        }
        // What is there has waited long enough.
        match self.writer.flush() {
            Ok(()) => cut,
            Err(error) => Some(Cut::Output(error)),
        }
    }

    fn drain(&mut self, arriving: &mut UnboundedReceiver<Event>, cut: Option<Cut>) -> Option<Cut> {
        if matches!(cut, Some(Cut::Output(_))) {
            return cut;
        }
        let mut cut = cut;
        while let Ok(event) = arriving.try_recv() {
            match self.take(event, arriving) {
                Some(Cut::Output(error)) => return Some(Cut::Output(error)),
                then => cut = cut.or(then),
            }
        }
        cut
    }

    fn tell(&mut self) {
        self.progress
            .tell(self.writer.records(), self.writer.counts().failed);
    }

    /// Has the disk keep what there is.
    fn checkpoint(&mut self) -> std::io::Result<()> {
        let Some(files) = &self.files else {
            return self.writer.flush();
        };
        if self.manifest.input.records == self.writer.records() {
            return Ok(());
        }
        self.writer.sync(&mut self.manifest)?;
        self.manifest.write(&files.manifest())
    }

    /// Gives the files their names, and says how it went.
    pub(super) fn arrive(
        mut self,
        cut: Option<Cut>,
        options: &Options,
        signals: &Signals,
    ) -> Result<(), Failure> {
        self.progress.finish();
        let cut = match cut {
            Some(Cut::Output(error)) => Some(Cut::Output(error)),
            cut => match self.checkpoint() {
                Ok(()) => cut,
                Err(error) => Some(Cut::Output(error)),
            },
        };
        signals.keeps(self.kept());
        let all = self.read.map(|read| read.records);
        let cut = cut.or((all != Some(self.writer.records())).then_some(Cut::Reader));
        if let Some(cut) = cut {
            return Err(self.cut(cut));
        }
        if self.writer.records() == 0 {
            if let Some(files) = &self.files {
                files.give_up();
            }
            return Err(Exit::Usage.because(format!("{} holds no record", options.input.name())));
        }
        if let Some(files) = &self.files {
            let finished = self.writer.sync(&mut self.manifest);
            let finished = finished.and_then(|()| files.finish(&mut self.manifest, options));
            if let Err(error) = finished {
                return Err(self.cut(Cut::Output(error)));
            }
        } else {
            let _ = self.writer.sync(&mut self.manifest);
        }
        if let Some(end) = &self.missing_close {
            note!(
                "the session ended without the enclave's close ({end}); every note had its authenticated answer \
                 before, so the results are complete"
            );
        }
        options.report(&self.manifest, self.read, self.writer.named())
    }

    /// What is there if nothing more is written, as it is said. How much of the last rows a stream has taken cannot be
    /// known.
    fn kept(&self) -> String {
        let Some(files) = &self.files else {
            return String::new();
        };
        format!(
            "; the results of {} records are in {}; the same command with --resume goes on with the others",
            grouped(self.manifest.input.records),
            shown(&files.partial())
        )
    }

    fn cut(&self, cut: Cut) -> Failure {
        let kept = match (&self.files, &cut) {
            // The last checkpoint was made of all that was written, but for this.
            (Some(_), _) | (_, Cut::Output(_)) => self.kept(),
            (None, _) => format!(
                "; {} records have their results",
                grouped(self.writer.records())
            ),
        };
        let (exit, why) = match cut {
            Cut::Submit(error) => {
                let advice = match error {
                    SubmitError::OtherModel(_) => {
                        ". That model was sent no note; --allow-other-model goes on with it, in a run that is begun with \
                         that flag"
                    }
                    _ => "",
                };
                (Exit::from(&error), format!("{error}{kept}{advice}"))
            }
            Cut::Input(error) => (Exit::Usage, format!("{error}{kept}")),
            Cut::Reader => (
                Exit::Internal,
                format!("internal error: the input was not read to its end{kept}"),
            ),
            Cut::Output(error) => (
                Exit::Output,
                format!("the results cannot be written: {error}{kept}"),
            ),
            Cut::FailFast => {
                let first = self.writer.named().first().cloned().unwrap_or_default();
                (Exit::Records, format!("{first}{kept}"))
            }
            Cut::Signal(number) => return signals::ended(number, &kept),
        };
        exit.because(why)
    }
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(86400 * 365)
}
