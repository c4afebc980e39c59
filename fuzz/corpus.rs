//! Writes what the fuzz targets begin with, from the examples of the dialects and from a small real ledger: a file for each in `FOLDER/TARGET/`, and
//! that ledger in `FOLDER/../ledger`. What the fuzzer found there before stays, and so does the ledger, whose keys and secrets are its own.

use std::path::Path;
use std::{env, fs, io};

use ingest::fuzzing::TARGETS;
use proof::tree;
use tachograph_fuzz::sample::{File, Sample};

fn main() -> io::Result<()> {
    let Some(folder) = env::args_os().nth(1) else {
        return Err(io::Error::other("say into which folder: corpus FOLDER"));
    };
    let folder = Path::new(&folder);
    for target in TARGETS {
        write(folder, target.name, &(target.seeds)())?;
    }
    let ledger = folder.with_file_name("ledger");
    if !ledger.exists() {
        Sample::make(&ledger);
    }
    let sample = Sample::of(&ledger);
    write(folder, "ledger", &ledger_seeds(&sample))?;
    write(folder, "proofs", &proof_seeds(&sample))
}

fn write(folder: &Path, target: &str, seeds: &[Vec<u8>]) -> io::Result<()> {
    let folder = folder.join(target);
    fs::create_dir_all(&folder)?;
    for (number, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("seed-{number:04}")), seed)?;
    }
    println!("{target}: {} seeds", seeds.len());
    Ok(())
}

/// Each file of the ledger, with what vouches for it made right and left as it is.
fn ledger_seeds(sample: &Sample) -> Vec<Vec<u8>> {
    let of = |(number, file): (usize, &File)| {
        [0, 1].map(|left| [&[2 * number as u8 + left], file.bytes.as_slice()].concat())
    };
    sample.files.iter().enumerate().flat_map(of).collect()
}

/// Headers, notes and keys of the ledger, and proofs over a tree.
fn proof_seeds(sample: &Sample) -> Vec<Vec<u8>> {
    let files = |word: &str| -> Vec<Vec<u8>> {
        let named = sample.files.iter().filter(|file| file.name.to_string_lossy().contains(word));
        named.map(|file| file.bytes.clone()).collect()
    };
    let headers = files("headers").into_iter().flat_map(|bytes| {
        // Behind 16 bytes of the kind and four of the format, and before a hash.
        let body = bytes.get(20..bytes.len().saturating_sub(32)).unwrap_or_default();
        body.chunks_exact(proof::header::HEADER_LEN).map(<[u8]>::to_vec).collect::<Vec<_>>()
    });
    let mut seeds: Vec<Vec<u8>> = headers.chain(files("checkpoint")).chain(files("identity")).collect();
    let leaves: Vec<proof::Digest> = (0..7_u8).map(|leaf| tree::leaf_hash(&[leaf])).collect();
    let proof = |numbers: [u64; 2], digests: &[proof::Digest]| {
        let digests: Vec<u8> = digests.iter().flat_map(|digest| digest.0).collect();
        [numbers.map(u64::to_be_bytes).as_flattened(), &digests].concat()
    };
    for at in 1..leaves.len() {
        let path = tree::inclusion_proof(&leaves, at).unwrap_or_default();
        seeds.push(proof([at as u64, 7], &[&[leaves[at]], &path[..]].concat()));
        let path = tree::consistency_proof(&leaves, at).unwrap_or_default();
        let roots = [tree::root(&leaves[..at]), tree::root(&leaves)];
        seeds.push(proof([at as u64, 7], &[&roots, &path[..]].concat()));
    }
    seeds
}
