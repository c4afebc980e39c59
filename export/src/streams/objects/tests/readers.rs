//! Objects of Security Lake as others read them: Apache Arrow's own Python, DuckDB with the query that we ship, and Tenzir. `make validators` fetches
//! them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::*;
use crate::fixtures::validators::program;

fn output(command: &mut Command) -> String {
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

/// What is said of an HTTP request, of a tool call and of something that no class is made for, in words of OCSF 1.9.
fn said(number: u64) -> Value {
    let metadata = json!({"version": "1.9.0", "uid": format!("events/0/{number}"), "sequence": number, "log_name": "events/0",
        "product": {"name": "Tachograph", "vendor_name": "Tachograph"}, "profiles": ["security_control"], "labels": ["tachograph.mapping=1"]});
    let actor = json!({"user": {"name": "alice", "uid": "u-42"}, "session": {"uid": "s-1"}});
    let common = json!({"time": 1_763_750_000_123_u64 - number, "severity_id": 2, "severity": "Low", "metadata": metadata, "actor": actor,
        "unmapped": {"tachograph": {"tool": "bash"}}, "ai_agent": {"name": "claude-code", "type_id": 1, "ai_model": {"name": "m"}}});
    let own = match number % 3 {
        0 => {
            json!({"class_uid": 4002, "category_uid": 4, "activity_id": 6, "type_uid": 400_206, "status_id": 2, "is_alert": false,
            "http_request": {"http_method": "POST", "url": {"url_string": "https://paste.example/api", "port": 443}, "body_length": 51_234},
            "dst_endpoint": {"hostname": "paste.example", "port": 443}, "observables": [{"name": "dst_endpoint.hostname", "type_id": 1, "value": "paste.example"}]})
        }
        1 => {
            json!({"class_uid": 6003, "category_uid": 6, "activity_id": 99, "type_uid": 600_399, "api": {"operation": "tools/call"},
            "resources": [{"name": "bash"}], "message_context": {"prompt_tokens": 9_000_000_000_u64}})
        }
        _ => {
            json!({"class_uid": 0, "category_uid": 0, "activity_id": 99, "type_uid": 99, "message": "\u{202e}'; DROP TABLE x; --\n"})
        }
    };
    let mut said = common;
    said.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    said
}

/// Writes the objects of so many records into a folder, and says their names.
fn write(folder: &Path, count: u64) -> Vec<PathBuf> {
    let mut records = fixtures::records(&events(0, count));
    for record in &mut records {
        record.said.text = said(record.export_seq).to_string();
        record.time = Timestamp::from_unix_micros((1_763_750_000_123 - record.export_seq as i64) * 1_000);
    }
    let settings = json!({"type": "security_lake", "bucket": "lake-x", "region": "eu-central-1", "account": "123456789012", "credentials": "environment"});
    let packer = Packer { format: Format::Parquet, by_class: true };
    let mut paths = Vec::new();
    for message in sink(&settings).render(&records).messages {
        let path = folder.join(&message.key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, packer.pack(&message.body).unwrap()).unwrap();
        paths.push(path);
    }
    paths
}

#[test]
fn others_read_what_security_lake_gets() {
    let dir = tempfile::tempdir().unwrap();
    let paths = write(dir.path(), 300);
    assert_eq!(paths.len(), 3, "{paths:?}");
    let arrow = "import sys, json, pyarrow.parquet as p\nfor path in sys.argv[1:]:\n  f = p.ParquetFile(path); m = f.metadata; t = f.read()\n  \
                 print(json.dumps([t.num_rows, m.created_by, m.row_group(0).column(0).compression, t['time'].to_pylist() == sorted(t['time'].to_pylist()), \
                 str(t.schema.field('metadata').type.field('sequence').type), t.to_pylist()[0]['metadata']['log_name'], \
                 json.loads(t.to_pylist()[0]['unmapped'])['tachograph']['tool']]))";
    let read = output(Command::new(program("python")).args(["-c", arrow]).args(&paths));
    let expected = json!([100, "tachograph", "ZSTD", true, "int64", "events/0", "bash"]).to_string();
    assert_eq!(read.lines().map(|line| line.replace(' ', "")).collect::<Vec<_>>(), vec![expected; 3]);

    let shipped = include_str!("../../../../../deploy/duckdb/gaps-security-lake.sql");
    let place = "/var/spool/tachograph";
    assert!(shipped.contains(place));
    let sql = shipped.replace(place, dir.path().to_str().unwrap());
    let duckdb = "import duckdb, json, sys; print(json.dumps(duckdb.sql(sys.argv[1]).fetchall()))";
    let counted: Value =
        serde_json::from_str(&output(Command::new(program("python")).args(["-c", duckdb, &sql]))).unwrap();
    assert_eq!(counted, json!([["events/0", 0, 299, 300, 0, 0]]));
    let web = paths.iter().find(|path| path.to_string_lossy().contains("tachograph_4002")).unwrap();
    std::fs::remove_file(web).unwrap();
    let counted: Value =
        serde_json::from_str(&output(Command::new(program("python")).args(["-c", duckdb, &sql]))).unwrap();
    assert_eq!(counted, json!([["events/0", 1, 299, 200, 99, 0]]), "what is missing is counted");
}

#[test]
fn tenzir_reads_what_security_lake_gets() {
    let dir = tempfile::tempdir().unwrap();
    for path in write(dir.path(), 30) {
        let pipeline = format!(
            "from_file \"{}\" {{ read_parquet }}\nsummarize n=count(), uid=max(metadata.sequence)\nwrite_ndjson",
            path.display()
        );
        let read: Value =
            serde_json::from_str(output(Command::new(program("tenzir")).arg(&pipeline)).lines().next().unwrap())
                .unwrap();
        assert_eq!(read["n"], 10, "{read}");
    }
}
