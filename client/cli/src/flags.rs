//! One definition of the flags: of it come the parser, help, man pages and completions.
//!
//! A flag is taken from the command line, else from its environment variable, else from the profile of the
//! [config file](crate::config). The variable of `--text-field` is `SEALNOTE_TEXT_FIELD`, and so on. A `--danger-` flag
//! has neither variable nor key: whoever takes the danger writes it where it is taken.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::{BoolishValueParser, Resettable};
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches, Id};

use crate::config::{self, Config, ConfigError, Profile};
use crate::exit::Exit;
use crate::{Cli, Invocation};

/// Flags that say what a single call is about, so that no profile may set them.
const OF_ONE_CALL: [&str; 7] = [
    "config", "profile", "output", "rejects", "force", "dry-run", "json",
];

/// Why there is nothing to run.
pub(crate) enum Stop {
    /// Wrong usage; or help, or the version, was asked for.
    Said(clap::Error),
    Config(ConfigError),
}

/// The whole definition, with each flag's variable.
pub(crate) fn definition() -> Command {
    each_argument(Cli::command(), &|arg| {
        let arg = match arg.get_action() {
            ArgAction::SetTrue => arg.value_parser(BoolishValueParser::new()),
            _ => arg,
        };
        match variable(&arg) {
            Some(name) => arg.env(name).hide_env_values(true),
            None => arg,
        }
    })
}

/// The command, from the command line, the environment and the config file.
pub(crate) fn parse(arguments: Vec<OsString>) -> Result<Invocation, Stop> {
    let mut definition = definition();
    definition.build();
    // What is wrong is found below: this is to see which flags were given.
    let seen = definition.clone().ignore_errors(true);
    let seen = seen.try_get_matches_from(&arguments).map_err(Stop::Said)?;
    let (command, given) = leaf(&definition, &seen);
    let mut config = config::load(
        text_of(given, "config"),
        text_of(given, "profile").map(|name| name.to_string_lossy().into_owned()),
        |file: &Path, key: &str, texts| take(&definition, file, key, texts),
    );
    let layers = Layers::new(command, given, &config);
    let matches = layers.apply().try_get_matches_from(&arguments);
    let matches = matches.map_err(Stop::Said)?;
    let cli = Cli::from_arg_matches(&matches).map_err(Stop::Said)?;
    match config.problem.take() {
        Some(problem) if !cli.command.goes_on_without_config() => Err(Stop::Config(problem)),
        problem => Ok(Invocation {
            cli,
            config: Config { problem, ..config },
        }),
    }
}

/// The environment variable of a flag.
fn variable(arg: &Arg) -> Option<String> {
    let long = arg.get_long().filter(|long| !is_danger(long))?;
    Some(format!(
        "SEALNOTE_{}",
        long.replace('-', "_").to_uppercase()
    ))
}

fn is_danger(long: &str) -> bool {
    long.starts_with("danger-")
}

fn each_argument(command: Command, change: &dyn Fn(Arg) -> Arg) -> Command {
    let command = command.mut_args(change);
    command.mut_subcommands(|command| each_argument(command, change))
}

/// The command that was asked for, and what was given to it.
fn leaf<'a>(command: &'a Command, matches: &'a ArgMatches) -> (&'a Command, &'a ArgMatches) {
    match matches.subcommand() {
        Some((name, below)) => match command.find_subcommand(name) {
            Some(command) => leaf(command, below),
            None => (command, matches),
        },
        None => (command, matches),
    }
}

fn text_of(matches: &ArgMatches, id: &str) -> Option<OsString> {
    let mut raw = matches.try_get_raw(id).ok()??;
    raw.next()
        .map(Into::into)
        .filter(|text: &OsString| !text.is_empty())
}

/// The flags of this name.
fn flags<'a>(command: &'a Command, long: &'a str) -> Vec<&'a Arg> {
    let own = command.get_arguments();
    let mut found: Vec<&Arg> = own.filter(|arg| arg.get_long() == Some(long)).collect();
    for command in command.get_subcommands() {
        found.extend(flags(command, long));
    }
    found
}

/// A profile is of a server: it sets flags of the commands that talk to one, and where others have the same, theirs.
fn settable(definition: &Command, key: &str) -> bool {
    let has = |command: &Command, long: &str| {
        let mut args = command.get_arguments();
        args.any(|arg| arg.get_long() == Some(long))
    };
    let mut commands = definition.get_subcommands();
    let is_built_in = ["help", "version"].contains(&key);
    !is_built_in && commands.any(|command| has(command, "server") && has(command, key))
}

fn may_be_set(definition: &Command, key: &str) -> Result<(), String> {
    let shown = key.escape_debug();
    if is_danger(key) {
        Err(format!(
            "`{shown}` is not taken from a config file, where it would be forgotten: give --{shown} each time"
        ))
    } else if OF_ONE_CALL.contains(&key) {
        Err(format!(
            "`{shown}` says what a single call is about; give it as --{shown}, or in the environment"
        ))
    } else if !settable(definition, key) {
        Err(format!(
            "`{shown}` is not known; a key is the name of a flag of attest, doctor or submit, without its dashes"
        ))
    } else {
        Ok(())
    }
}

/// A profile's value of a flag.
fn take(
    definition: &Command,
    file: &Path,
    key: &str,
    mut texts: Vec<String>,
) -> Result<Vec<String>, String> {
    may_be_set(definition, key)?;
    let args = flags(definition, key);
    if args.iter().any(|arg| is_path(arg)) {
        for text in &mut texts {
            *text = config::resolve(file, text).to_string_lossy().into_owned();
        }
    }
    // Commands may have different flags of one name; the value is for those that take it.
    let problems: Option<Vec<String>> = args.iter().map(|arg| problem_of(arg, &texts)).collect();
    match problems.and_then(|problems| problems.into_iter().next()) {
        Some(problem) => Err(format!("{key}: {problem}")),
        None => Ok(texts),
    }
}

fn is_path(arg: &Arg) -> bool {
    arg.get_value_parser().type_id() == std::any::TypeId::of::<PathBuf>()
}

/// Why the flag does not take this value.
fn problem_of(arg: &Arg, texts: &[String]) -> Option<String> {
    let takes_many =
        arg.get_value_delimiter().is_some() || matches!(arg.get_action(), ArgAction::Append);
    if texts.len() != 1 && !takes_many {
        return Some("one value is due, and not a list".into());
    }
    let probe = Arg::new("value")
        .long("value")
        .value_parser(arg.get_value_parser().clone());
    let probe = Command::new("probe").no_binary_name(true).arg(probe);
    let refused = |text: &String| {
        let parsed = probe
            .clone()
            .try_get_matches_from([format!("--value={text}")]);
        parsed.err().map(|error| what_is_wrong(&error))
    };
    texts.iter().find_map(refused)
}

fn what_is_wrong(error: &clap::Error) -> String {
    if let Some(source) = std::error::Error::source(error) {
        return source.to_string();
    }
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(all)) if !all.is_empty() => {
            format!("it is none of {}", all.join(", "))
        }
        _ => "the value is not one that the flag takes".into(),
    }
}

/// What stands behind the command line.
struct Layers<'a> {
    profile: Option<&'a Profile>,
    /// Flags whose variable, or whose key, gives way to a flag that excludes them.
    no_variable: BTreeSet<Id>,
    no_key: BTreeSet<Id>,
}

impl<'a> Layers<'a> {
    fn new(command: &Command, given: &ArgMatches, config: &'a Config) -> Self {
        let source = |arg: &Arg| given.value_source(arg.get_id().as_str());
        let excluded = |by: &dyn Fn(Option<ValueSource>) -> bool| {
            let mut excluded = BTreeSet::new();
            for arg in command.get_arguments() {
                for other in command.get_arg_conflicts_with(arg) {
                    for (one, other) in [(arg, other), (other, arg)] {
                        if by(source(one)) && source(other) != Some(ValueSource::CommandLine) {
                            excluded.insert(other.get_id().clone());
                        }
                    }
                }
            }
            excluded
        };
        Self {
            profile: config.profile.as_ref(),
            no_variable: excluded(&|source| source == Some(ValueSource::CommandLine)),
            no_key: excluded(&|source| {
                matches!(
                    source,
                    Some(ValueSource::CommandLine | ValueSource::EnvVariable)
                )
            }),
        }
    }

    /// The definition with these layers.
    fn apply(&self) -> Command {
        let empty = BTreeMap::new();
        let values = self.profile.map_or(&empty, |profile| &profile.values);
        each_argument(definition(), &|arg| {
            let is_empty = |name| std::env::var_os(name).is_some_and(|value| value.is_empty());
            // A variable that is empty is one that is not set.
            let unset = arg.get_env().is_some_and(is_empty);
            let arg = match unset || self.no_variable.contains(arg.get_id()) {
                true => arg.env(Resettable::Reset),
                false => arg,
            };
            let texts = arg.get_long().and_then(|long| values.get(long));
            match texts.filter(|_| !self.no_key.contains(arg.get_id())) {
                Some(texts) if problem_of(&arg, texts).is_none() => arg.default_values(texts),
                _ => arg,
            }
        })
    }
}

/// Longest line of an error: what was typed may be a file's whole content.
const LONGEST: usize = 400;

impl Stop {
    /// Says it where it belongs; and the exit code.
    pub(crate) fn say(self) -> ExitCode {
        match self {
            Self::Said(error) => {
                // If that cannot be written, nobody is there to hear it.
                let _ = print(&error);
                match error.use_stderr() {
                    true => Exit::Usage.into(),
                    false => ExitCode::SUCCESS,
                }
            }
            Self::Config(error) => {
                say!("{error}");
                Exit::Usage.into()
            }
        }
    }
}

fn print(error: &clap::Error) -> std::io::Result<()> {
    let rendered = error.render();
    let styled = rendered.ansi().to_string();
    if !error.use_stderr() {
        return write!(anstream::stdout(), "{styled}");
    }
    let mut out = anstream::stderr();
    for (plain, styled) in rendered.to_string().lines().zip(styled.lines()) {
        match plain.len() <= LONGEST && !plain.contains(char::is_control) {
            true => writeln!(out, "{styled}")?,
            false => writeln!(out, "{}", crate::say::cut(plain, LONGEST))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_but_a_danger_has_a_variable_of_its_own() {
        let mut dangers = 0;
        let definition = definition();
        definition.clone().debug_assert();
        let mut check = vec![&definition];
        while let Some(command) = check.pop() {
            check.extend(command.get_subcommands());
            for arg in command.get_arguments() {
                let Some(long) = arg.get_long() else { continue };
                let variable = arg.get_env().map(|name| name.to_string_lossy());
                match is_danger(long) {
                    true => {
                        dangers += 1;
                        assert_eq!(variable, None, "{long}");
                        let problem = may_be_set(&definition, long).unwrap_err();
                        assert!(problem.contains("not taken from a config file"));
                    }
                    false => {
                        let name = long.to_uppercase().replace('-', "_");
                        assert_eq!(variable, Some(format!("SEALNOTE_{name}").into()));
                    }
                }
            }
        }
        assert!(dangers > 0);
    }

    /// An example that cannot be parsed would be worse than none.
    #[test]
    fn every_command_has_examples_and_they_can_be_parsed() {
        fn check(command: &Command, path: &str) {
            if command.has_subcommands() {
                for command in command
                    .get_subcommands()
                    .filter(|command| !command.is_hide_set())
                {
                    check(command, &format!("{path} {}", command.get_name()));
                }
                return;
            }
            let text = command.get_after_help().map(ToString::to_string);
            let text = text.unwrap_or_default();
            let examples: Vec<&str> = text
                .lines()
                .filter_map(|line| line.trim().strip_prefix("$ "))
                .collect();
            assert!(!examples.is_empty(), "{path} has no example");
            for example in examples {
                let start = example.find(path).unwrap_or_else(|| panic!("{example}"));
                let words = example[start..]
                    .split_whitespace()
                    .take_while(|word| !["|", ">", "<", ">>"].contains(word))
                    .map(|word| word.trim_matches('\''));
                let parsed = super::definition().try_get_matches_from(words);
                if let Err(error) = parsed {
                    panic!("{example}: {error}");
                }
            }
        }
        check(&definition(), "sealnote");
    }
}
