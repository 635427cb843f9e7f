//! `id2label`: the labels' names.

use std::collections::HashMap;

use crate::error::LabelFault;

/// Greatest number of labels.
const MAX_LABELS: usize = 512;
/// Greatest length of a label in bytes.
const MAX_LABEL_BYTES: usize = 200;

/// The labels in the order of their ids, which JSON has as strings.
pub(super) fn labels(id2label: &HashMap<String, String>) -> Result<Vec<String>, LabelFault> {
    let count = id2label.len();
    if count == 0 {
        return Err(LabelFault::None);
    }
    if count > MAX_LABELS {
        return Err(LabelFault::TooMany {
            found: count,
            limit: MAX_LABELS,
        });
    }
    let mut labels: Vec<String> = Vec::with_capacity(count);
    for index in 0..count {
        let label = id2label
            .get(&index.to_string())
            .ok_or(LabelFault::Missing {
                missing: index,
                last: count - 1,
            })?;
        if label.is_empty() {
            return Err(LabelFault::Empty { index });
        }
        if label.len() > MAX_LABEL_BYTES {
            let (bytes, limit) = (label.len(), MAX_LABEL_BYTES);
            return Err(LabelFault::TooLong {
                index,
                bytes,
                limit,
            });
        }
        if label.chars().any(char::is_control) {
            return Err(LabelFault::Control { index });
        }
        if let Some(first) = labels.iter().position(|earlier| earlier == label) {
            return Err(LabelFault::Same {
                first,
                second: index,
            });
        }
        labels.push(label.clone());
    }
    Ok(labels)
}
