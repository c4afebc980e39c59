//! The proof of one record: made of a directory, checked without it, and worthless once a byte of it is another one.

use crate::harness::World;
use crate::life::{COLLECTOR, lines, push};

#[test]
fn a_record_is_proven_without_the_directory() {
    let world = World::new(COLLECTOR);
    let token = world.token("coderd", &["--role", "ingest", "--dialect", "coder", "--trust", "control_plane"]);
    let server = world.serve();
    assert_eq!(push(&server.ingest, &token, 0, &lines(0..20)).unwrap().status, 200);
    // The stop closes the batch and signs it.
    assert!(server.stop().unwrap().success());
    let proof = world.run(&["proof", "events/0/7"]).ok().json();
    let verify = |proof: &serde_json::Value| {
        std::fs::write(world.path("proof.json"), proof.to_string()).unwrap();
        world.run(&["verify", "proof.json"])
    };
    let verified = verify(&proof);
    assert!(verified.code == 0 && verified.out.starts_with("verified: events/0/7 (facts)"), "{verified:?}");
    for member in ["/leaf_data", "/facts/salt", "/facts/part", "/header", "/batch/path/0", "/log/path/0"] {
        let mut other = proof.clone();
        let Some(value) = other.pointer_mut(member) else { continue };
        let mut text = value.as_str().unwrap().to_owned();
        let at = text.len() / 2;
        let digit = if &text[at..=at] == "0" { "1" } else { "0" };
        text.replace_range(at..=at, digit);
        *value = text.into();
        assert_eq!(verify(&other).code, 3, "{member}");
    }
    let mut other = proof.clone();
    other["position"] = "events/0/8".into();
    assert_eq!(verify(&other).code, 3);
    std::fs::write(world.path("proof.json"), "{}").unwrap();
    assert_eq!(world.run(&["verify", "proof.json"]).code, 2);
    assert_eq!(world.run(&["proof", "events/0/99"]).code, 2);
    let hash = proof["leaf"].as_str().unwrap();
    assert_eq!(world.run(&["proof", &format!("7-{hash:.8}")]).ok().json(), proof);
}
