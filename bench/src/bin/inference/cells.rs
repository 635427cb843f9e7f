//! What is measured: texts in batches, by name, from a file that all engines read.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use serde::Deserialize;

/// Texts, a batch each.
pub type Batches = Vec<Vec<String>>;

#[derive(Deserialize)]
struct Cell {
    name: String,
    batches: Vec<Vec<Item>>,
}

#[derive(Deserialize)]
struct Item {
    text: String,
}

/// The cells of `file`, a JSON list of `{"name", "batches": [[{"text"}]]}`.
pub fn read(file: &Path) -> anyhow::Result<HashMap<String, Batches>> {
    let bytes = fs::read(file).with_context(|| file.display().to_string())?;
    let cells: Vec<Cell> = serde_json::from_slice(&bytes)?;
    let mut named = HashMap::new();
    for cell in cells {
        let texts = |batch: Vec<Item>| batch.into_iter().map(|item| item.text).collect();
        let batches: Batches = cell.batches.into_iter().map(texts).collect();
        ensure!(
            !batches.is_empty() && batches.iter().all(|batch| !batch.is_empty()),
            "{}: a batch without texts",
            cell.name
        );
        named.insert(cell.name, batches);
    }
    Ok(named)
}
