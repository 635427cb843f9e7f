//! docs/parent.md lists every setting and every metric as the program has it. SEALNOTE_BLESS=1 writes the lists anew.

use std::fmt::Write;

use clap::{Arg, CommandFactory};
use sealnote_parent::{Metrics, program::Arguments};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/parent.md");

#[test]
fn each_setting_and_each_metric_is_on_the_operators_page() {
    let mut page = std::fs::read_to_string(PAGE).unwrap();
    for (begin, listed, end) in [
        (
            "<!-- settings: made from the program's own definition -->\n",
            settings(),
            "<!-- end of settings -->\n",
        ),
        (
            "<!-- metrics: made from the program's own answer -->\n",
            metrics(),
            "<!-- end of metrics -->\n",
        ),
    ] {
        let (before, rest) = page.split_once(begin).unwrap();
        let (there, after) = rest.split_once(end).unwrap();
        if std::env::var_os("SEALNOTE_BLESS").is_some() {
            page = [before, begin, &listed, end, after].concat();
            std::fs::write(PAGE, &page).unwrap();
        } else {
            assert_eq!(there, listed, "SEALNOTE_BLESS=1 writes it anew");
        }
    }
}

/// A table for each group of flags. The variable's name and the file's key follow from the flag's, and are not listed.
fn settings() -> String {
    let definition = Arguments::command();
    let mut text = String::new();
    let mut group = None;
    for flag in definition
        .get_arguments()
        .filter(|flag| !flag.is_hide_set())
    {
        let Some(name) = flag.get_long() else {
            continue;
        };
        let variable = flag.get_env().unwrap().to_str().unwrap();
        let expected = name.replace('-', "_").to_uppercase();
        assert_eq!(variable, format!("SEALNOTE_PARENT_{expected}"));
        let heading = flag.get_help_heading().unwrap_or("Addresses and files");
        if group != Some(heading) {
            let separator = if text.is_empty() { "" } else { "\n" };
            let _ = write!(text, "{separator}| {heading} | |\n|---|---|\n");
            group = Some(heading);
        }
        let _ = writeln!(text, "| `--{name}{}` | {} |", value(flag), help(flag));
    }
    text
}

fn value(flag: &Arg) -> String {
    let names = flag.get_value_names().unwrap_or_default();
    let names: String = names.iter().map(|name| format!(" {name}")).collect();
    match flag.is_require_equals_set() {
        true => format!("[={}]", names.trim()),
        false => names,
    }
}

fn help(flag: &Arg) -> String {
    let mut help = flag.get_help().unwrap().to_string().replace('|', "\\|");
    let values: Vec<String> = flag
        .get_possible_values()
        .iter()
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if !values.is_empty() {
        help += &format!(": {}", values.join(" or "));
    }
    help
}

fn metrics() -> String {
    let scrape = Metrics::default().encode();
    let mut text = "| metric | | |\n|---|---|---|\n".to_owned();
    let mut lines = scrape.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(described) = line.strip_prefix("# HELP ") else {
            continue;
        };
        let (name, help) = described.split_once(' ').unwrap();
        let kind = lines.peek().unwrap().rsplit(' ').next().unwrap();
        let _ = writeln!(
            text,
            "| `{name}` | {kind} | {} |",
            help.trim_end_matches('.')
        );
    }
    text
}
