//! docs/parent.md lists every setting and every metric as the program has it. SEALNOTE_BLESS=1 writes the lists anew.

use std::fmt::Write;

use clap::{Arg, CommandFactory};
use sealnote_parent::program::Arguments;

use crate::Rig;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/parent.md");

#[tokio::test]
async fn each_setting_and_each_metric_is_on_the_operators_page() {
    let mut page = std::fs::read_to_string(PAGE).unwrap();
    for (begin, listed, end) in [
        (
            "<!-- settings: made from the program's own definition -->\n",
            settings(),
            "<!-- end of settings -->\n",
        ),
        (
            "<!-- metrics: made from the program's own answer -->\n",
            metrics(&Rig::start(|_| {}).await.metrics.encode()),
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
    let mut groups: Vec<(&str, String)> = Vec::new();
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
        let row = format!("| `--{name}{}` | {} |\n", value(flag), help(flag));
        let heading = flag.get_help_heading().unwrap_or("Addresses and files");
        match groups.iter_mut().find(|(group, _)| *group == heading) {
            Some((_, rows)) => *rows += &row,
            None => groups.push((heading, row)),
        }
    }
    let tables: Vec<String> = groups
        .into_iter()
        .map(|(heading, rows)| format!("| {heading} | |\n|---|---|\n{rows}"))
        .collect();
    tables.join("\n")
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

fn metrics(scrape: &str) -> String {
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
