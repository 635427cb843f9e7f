//! The same of a vTPM's quotes.

use sealnote_evidence::{Evidence, map};

use super::*;

#[tokio::test]
async fn evidence_of_another_kind_session_or_machine_fails_its_check_before_anything_is_sealed() {
    let (snp, vtpm, other_vtpm) = (
        rig(SoftwareKind::SevSnp).await,
        rig(SoftwareKind::AzureVtpm).await,
        rig(SoftwareKind::AzureVtpm).await,
    );
    // The other machine's root is trusted too, so that its endorsements hold by themselves.
    let (policy, mut roots) = of_all(&[&snp, &vtpm]);
    roots
        .danger_add_development_root(other_vtpm.root_pem())
        .unwrap();
    let trusting = |rig: &Rig| {
        let client = rig.client_at(&rig.server).unwrap();
        client.policy(policy.clone()).roots(roots.clone()).build()
    };
    let of_snp = recorded(&snp).await;
    let of_vtpm = recorded(&vtpm).await;
    let of_other = recorded(&other_vtpm).await;

    #[rustfmt::skip] // A line each, so that they can be read as a table.
    let cases: [(&str, &Rig, Tamper, &str); 12] = [
        ("a vTPM's quote said to be a report", &vtpm, said_to_be(SEV_SNP), "S1"),
        ("a vTPM's quote said to be a TD's", &vtpm, said_to_be(TDX), "P1"),
        ("a report said to be a vTPM's quote", &snp, said_to_be(AZURE_VTPM), "V1"),
        ("a report where a vTPM's quote is due", &vtpm, with(SEV_SNP, of_snp), "B1"),
        ("a quote of another session", &vtpm, with(AZURE_VTPM, of_vtpm.clone()), "B1"),
        ("another machine's quote", &vtpm, with(AZURE_VTPM, of_other.clone()), "S21"),
        ("another vTPM's quote under the machine's own report", &vtpm, quoted_by(of_other.evidence.clone()), "V6"),
        ("another machine's endorsements", &vtpm, endorsed(of_other.endorsements), "S11"),
        ("no endorsements", &vtpm, endorsed(None), "P1"),
        ("half of the endorsements", &vtpm, endorsed(half(&of_vtpm.endorsements)), "S6"),
        ("other claims", &vtpm, Box::new(other_claims), "B1"),
        ("another key", &vtpm, Box::new(other_key), "B1"),
    ];
    for (name, rig, tamper, check) in cases {
        refused(name, trusting(rig), tamper, check).await;
    }

    let register = |number: &str| {
        let mut policy = vtpm.policy().clone();
        let set = &mut policy["evidence"]["azure-vtpm"]["measurements"][0];
        set["pcrs"][number] = json!("77".repeat(32));
        policy
    };
    for (name, policy, check) in [
        ("a policy for reports", snp.policy().clone(), "P1"),
        ("another executable", register("4"), "V8"),
        ("another model", register("11"), "V8"),
        ("a register that is not quoted", register("12"), "V8"),
    ] {
        let policy = Policy::from_json(policy.to_string()).unwrap();
        let client = trusting(&vtpm).to_builder().policy(policy).build();
        refused(name, client, pass(), check).await;
    }
    let amd = trusting(&vtpm).to_builder().roots(TrustRoots::vendors());
    refused("no development root", amd.build(), pass(), "S7").await;
}

/// Quote, signature and registers of other evidence.
fn quoted_by(other: Vec<u8>) -> Tamper {
    Box::new(move |mut answer| {
        let own = Evidence::decode(&answer.evidence, 1 << 16).unwrap();
        let other = Evidence::decode(&other, 1 << 16).unwrap();
        let vtpm = [&parts(&own)[..1], &parts(&other)[1..]].concat();
        let vtpm = map::write(&vtpm);
        let evidence = Evidence {
            vtpm: Some(&vtpm),
            ..own
        };
        answer.evidence = evidence.encode();
        answer
    })
}

/// What the vTPM adds.
fn parts<'a>(evidence: &Evidence<'a>) -> Vec<(u8, &'a [u8])> {
    map::read(evidence.vtpm.unwrap(), 1 << 16).unwrap()
}
