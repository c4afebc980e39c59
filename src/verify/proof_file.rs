//! Checks a proof file (FORMAT.md, section 12): one entry, without the data directory. It knows nothing of `ledger`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use proof::leaf::{self, CONTENT_DOMAIN, FACTS_DOMAIN, Leaf};
use proof::note::{Checkpoint, Verifier};
use proof::tree::root_from_inclusion;
use proof::{Digest, Header};
use serde::{Deserialize, Serialize};

use crate::exit::Failure;
use crate::limits;

/// The file.
#[derive(Deserialize)]
struct ProofFile {
    format: u32,
    position: String,
    leaf_data: String,
    facts: OpenedPart,
    content: Option<OpenedPart>,
    batch: InTree,
    header: String,
    log: InTree,
    checkpoint: String,
    key: String,
}

#[derive(Deserialize)]
struct OpenedPart {
    salt: String,
    part: String,
}

#[derive(Deserialize)]
struct InTree {
    index: u64,
    size: u64,
    path: Vec<String>,
}

/// What a file proves.
#[derive(Debug, Serialize)]
pub struct Proven {
    /// The entry.
    pub position: String,
    /// Its leaf hash.
    pub leaf: String,
    /// The batch.
    pub batch: u64,
    /// Origin of the checkpoint,
    pub origin: String,
    /// and how many batches it covers.
    pub batches: u64,
    /// Whether the content part is disclosed, and so proven too.
    pub with_content: bool,
}

/// What came of a check: what the file proves, or what does not hold.
pub type Checked = Result<Proven, String>;

/// Checks a file with the key that was given, or with the one that the file names.
pub fn check(path: &Path, key: Option<&Verifier>) -> Result<Checked, Failure> {
    let mut text = String::new();
    File::open(path)?.take(limits::PROOF_FILE_BYTES_MAX).read_to_string(&mut text)?;
    let file: ProofFile = serde_json::from_str(&text)
        .map_err(|error| Failure::usage(format!("{}: it is no proof file: {error}", path.display())))?;
    if file.format != 1 {
        return Err(Failure::usage(format!(
            "{}: it has format {}, and this version reads 1",
            path.display(),
            file.format
        )));
    }
    Ok(prove(&file, key))
}

fn prove(file: &ProofFile, key: Option<&Verifier>) -> Checked {
    let data = bytes("leaf_data", &file.leaf_data)?;
    let leaf = Leaf::from_data(&data).ok_or("leaf_data is no leaf")?;
    if committed(&file.facts, FACTS_DOMAIN)? != leaf.facts {
        return Err("the facts part is not the one that the leaf commits to".to_owned());
    }
    if let Some(content) = &file.content
        && Some(committed(content, CONTENT_DOMAIN)?) != leaf.content
    {
        return Err("the content part is not the one that the leaf commits to".to_owned());
    }
    let header = Header::decode(&bytes("header", &file.header)?).ok_or("header is no batch header")?;
    if root_of(leaf.hash(), &file.batch)? != header.root || file.batch.size != u64::from(header.count) {
        return Err("the leaf is not in the batch".to_owned());
    }
    let named = Verifier::parse(&file.key).map_err(|error| format!("key: {error}"));
    let key = match (key, &named) {
        (Some(key), _) | (None, Ok(key)) => key,
        (None, Err(wrong)) => return Err(wrong.clone()),
    };
    let checkpoint = Checkpoint::open(&file.checkpoint, key).map_err(|error| format!("checkpoint: {error}"))?;
    let in_log = file.log.index == header.batch && file.log.size == checkpoint.size;
    if !in_log || root_of(header.leaf_hash(), &file.log)? != checkpoint.root {
        return Err("the batch is not in the log of the checkpoint".to_owned());
    }
    let seq = header.first_seq.checked_add(file.batch.index).ok_or("the header's position is too large")?;
    let place = |ledger: &str| format!("{ledger}/{}/{seq}", header.shard);
    let shard = |ledger: &str| format!("/{ledger}/{}/", header.shard);
    let ledger = ["events", "operations"].into_iter().find(|ledger| place(ledger) == file.position);
    let of_log = |ledger: &&str| checkpoint.origin.contains(&shard(ledger)) && leaf.shard == header.shard;
    if !ledger.as_ref().is_some_and(of_log) {
        return Err(format!(
            "it proves entry {seq} of shard {} of {}, not {}",
            header.shard, checkpoint.origin, file.position
        ));
    }
    Ok(Proven {
        position: file.position.clone(),
        leaf: hex::encode(leaf.hash().0),
        batch: header.batch,
        origin: checkpoint.origin,
        batches: checkpoint.size,
        with_content: file.content.is_some(),
    })
}

fn bytes(name: &str, text: &str) -> Result<Vec<u8>, String> {
    hex::decode(text).map_err(|error| format!("{name}: {error}"))
}

fn committed(part: &OpenedPart, domain: &[u8]) -> Result<Digest, String> {
    let salt = bytes("salt", &part.salt)?.try_into().map_err(|_| "a salt has 16 bytes")?;
    Ok(leaf::commitment(&salt, &leaf::digest(domain, &bytes("part", &part.part)?)))
}

fn root_of(leaf: Digest, tree: &InTree) -> Result<Digest, String> {
    let path: Option<Vec<Digest>> = tree.path.iter().map(|node| Digest::from_hex(node)).collect();
    let path = path.ok_or("a node of a path is no hash")?;
    root_from_inclusion(leaf, tree.index, tree.size, &path).ok_or_else(|| "a path does not fit its tree".to_owned())
}
