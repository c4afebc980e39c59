//! Every row in every version.
use super::*;
use crate::fixtures::every;

#[test]
fn dump() {
    for spec in [&SPEC, &SPEC_1_8, &SPEC_1_1] {
        for (block, records) in every::records(spec) {
            let lines: String = records.iter().map(|record| format!("{}\n", record.said.text)).collect();
            std::fs::write(format!("/tmp/ocsfx/{}.{block}.ndjson", spec.name), lines).unwrap();
        }
    }
}
