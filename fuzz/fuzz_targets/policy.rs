//! A policy file, in both shapes: what loads is never empty, partial or all zero, and means the same in other spacing.

#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use sealnote_fuzz::within;
use sealnote_verifier::Policy;
use sealnote_verifier::nitro::{self, Measurement};
use sealnote_verifier::policy::PolicyFile;
use serde_json::Value;

fuzz_target!(|json: &[u8]| {
    let loaded = within(16 * 1024 + 64 * json.len(), || Policy::from_json(json));
    let Ok(policy) = loaded else {
        return;
    };
    let kinds = [
        policy.nitro().is_some(),
        policy.sev_snp().is_some(),
        policy.tdx().is_some(),
        policy.azure_vtpm().is_some(),
        policy.token().is_some(),
    ];
    assert!(kinds.contains(&true));
    if let Some(rules) = policy.nitro() {
        check_nitro(rules);
    }
    let digests = policy.session().model_digests();
    assert!(digests.is_none_or(|digests| !digests.is_empty()));

    // What is written is read as it was.
    if let Ok(file) = serde_json::from_slice::<PolicyFile>(json) {
        assert_eq!(
            Policy::from_json(file.to_json()).expect("the same policy"),
            policy
        );
    }

    // A number that is nowhere looked at may be more than a `Value` holds.
    if let Ok(value) = serde_json::from_slice::<Value>(json) {
        let spaced = serde_json::to_vec_pretty(&value).expect("JSON");
        assert_eq!(Policy::from_json(spaced).expect("the same policy"), policy);
    }
});

fn check_nitro(rules: &nitro::Rules) {
    let sets = rules.measurement_sets();
    let labels: BTreeSet<&str> = sets.iter().map(|set| set.label()).collect();
    assert!(!sets.is_empty() && labels.len() == sets.len());
    assert!(!labels.iter().any(|label| label.trim().is_empty()));
    for set in sets {
        for register in [0, 1, 2] {
            assert!(
                set.register(register)
                    .is_some_and(|value| value != Measurement::ZERO)
            );
        }
        assert_ne!(set.register(8), Some(Measurement::ZERO));
    }
    for register in 0..=u8::MAX {
        let pin = rules.pin(register);
        assert!(!pin.contains(&Measurement::ZERO));
        assert!(pin.is_empty() || [3, 4, 8, 16].contains(&register));
    }
    assert!(rules.max_age_seconds() > 0);
}
