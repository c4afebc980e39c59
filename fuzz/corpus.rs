//! Writes what the fuzz targets begin with, from the examples of the dialects: a file for each in `FOLDER/TARGET/`. What the fuzzer found
//! there before stays.

use std::path::Path;
use std::{env, fs, io};

use ingest::fuzzing::TARGETS;

fn main() -> io::Result<()> {
    let Some(folder) = env::args_os().nth(1) else {
        return Err(io::Error::other("say into which folder: corpus FOLDER"));
    };
    for target in TARGETS {
        let folder = Path::new(&folder).join(target.name);
        fs::create_dir_all(&folder)?;
        let seeds = (target.seeds)();
        for (number, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:04}")), seed)?;
        }
        println!("{}: {} seeds", target.name, seeds.len());
    }
    Ok(())
}
