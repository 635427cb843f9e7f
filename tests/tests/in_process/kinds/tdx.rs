//! The same of quotes.

use super::*;

#[tokio::test]
async fn evidence_of_another_kind_session_or_machine_fails_its_check_before_anything_is_sealed() {
    let (nitro, snp, tdx, other_tdx) = (
        rig(SoftwareKind::Nitro).await,
        rig(SoftwareKind::SevSnp).await,
        rig(SoftwareKind::Tdx).await,
        rig(SoftwareKind::Tdx).await,
    );
    // The other machine's root is trusted too, so that its collateral holds by itself.
    let (policy, mut roots) = of_all(&[&nitro, &snp, &tdx]);
    roots
        .danger_add_development_root(other_tdx.root_pem())
        .unwrap();
    let trusting = |rig: &Rig| {
        let client = rig.client_at(&rig.server).unwrap();
        client.policy(policy.clone()).roots(roots.clone()).build()
    };
    let of_nitro = recorded(&nitro).await;
    let of_snp = recorded(&snp).await;
    let of_tdx = recorded(&tdx).await;
    let of_other = recorded(&other_tdx).await;
    let endorsed_nitro = Carried {
        endorsements: of_tdx.endorsements.clone(),
        ..of_nitro
    };
    #[rustfmt::skip] // A line each, so that they can be read as a table.
    let cases: [(&str, &Rig, Tamper, &str); 18] = [
        ("a quote said to be a report", &tdx, said_to_be(SEV_SNP), "S1"),
        ("a quote said to be a document", &tdx, said_to_be(NITRO), "P1"),
        ("a quote said to be of a kind without rules", &tdx, said_to_be(EvidenceKind(4)), "P1"),
        ("a report said to be a quote", &snp, said_to_be(TDX), "T1"),
        ("a document said to be a quote", &nitro, said_to_be(TDX), "P1"),
        ("a document as a quote", &tdx, with(TDX, endorsed_nitro), "T1"),
        ("a report as a quote", &tdx, with(TDX, of_snp.clone()), "T1"),
        ("a quote as a report", &snp, with(SEV_SNP, of_tdx.clone()), "S1"),
        ("a quote as a document", &nitro, with(NITRO, unendorsed(&of_tdx)), "A1"),
        ("a quote where a report is due", &snp, with(TDX, of_tdx.clone()), "B1"),
        ("a report where a quote is due", &tdx, with(SEV_SNP, of_snp), "B1"),
        ("a quote of another session", &tdx, with(TDX, of_tdx.clone()), "B1"),
        ("another machine's quote", &tdx, with(TDX, of_other.clone()), "B1"),
        ("another machine's collateral", &tdx, endorsed(of_other.endorsements), "T5"),
        ("no collateral", &tdx, endorsed(None), "P1"),
        ("half of the collateral", &tdx, endorsed(half(&of_tdx.endorsements)), "T3"),
        ("other claims", &tdx, Box::new(other_claims), "B1"),
        ("another key", &tdx, Box::new(other_key), "B1"),
    ];
    for (name, rig, tamper, check) in cases {
        refused(name, trusting(rig), tamper, check).await;
    }

    let other = |field: &str, value: Value| {
        let mut policy = tdx.policy().clone();
        *policy["evidence"]["tdx"].pointer_mut(field).unwrap() = value;
        policy
    };
    let register = json!("77".repeat(48));
    #[rustfmt::skip]
    let cases = [
        ("a quote to a policy for documents", &tdx, nitro.policy().clone(), "P1"),
        ("a quote to a policy for reports", &tdx, snp.policy().clone(), "P1"),
        ("a document to a policy for quotes", &nitro, tdx.policy().clone(), "P1"),
        ("another executable", &tdx, other("/measurements/0/mrtd", register.clone()), "T18"),
        ("another model", &tdx, other("/measurements/0/rtmr3", register), "T19"),
        ("another machine's policy", &tdx, other_tdx.policy().clone(), "T23"),
        ("another TDX module", &tdx, other("/measurements/0/mr_seam", json!(["77".repeat(48)])), "T12"),
        ("younger collateral", &tdx, other("/least_tcb_evaluation_data_number", json!(19)), "T13"),
    ];
    for (name, server, policy, check) in cases {
        let policy = Policy::from_json(policy.to_string()).unwrap();
        let client = trusting(server).to_builder().policy(policy).build();
        refused(name, client, pass(), check).await;
    }
    // Another root of the same name, and Intel's alone.
    let other = client(tdx.server.clone(), other_tdx.root_pem(), tdx.policy());
    refused("another root", other.unwrap().build(), pass(), "T3").await;
    let intel = trusting(&tdx).to_builder().roots(TrustRoots::vendors());
    refused("no development root", intel.build(), pass(), "T3").await;
}
