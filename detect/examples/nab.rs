//! Scores the engine of `spend.rate` on the Numenta Anomaly Benchmark: one configuration, one pass, no look ahead.
//!
//! `cargo run --release -p detect --example nab -- NAB_DIR OUT_DIR` reads `NAB_DIR/data/*/*.csv` (timestamp, value) and
//! writes files of the same names with one `anomaly_score` in [0, 1] for each row, as the benchmark's scorer wants them.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use detect::anomaly::{Baseline, Profile};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(nab), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("usage: nab NAB_DIR OUT_DIR".into());
    };
    let (data, out) = (Path::new(&nab).join("data"), Path::new(&out));
    let (mut files, mut rows) = (0, 0);
    for group in fs::read_dir(&data)? {
        let group = group?;
        fs::create_dir_all(out.join(group.file_name()))?;
        for file in fs::read_dir(group.path())? {
            let file = file?;
            let (scores, count) = score(&fs::read_to_string(file.path())?)?;
            fs::write(out.join(group.file_name()).join(file.file_name()), scores)?;
            (files, rows) = (files + 1, rows + count);
        }
    }
    println!("{files} files, {rows} rows, {} bytes of state for one stream", size_of::<Baseline>());
    Ok(())
}

/// The scores of one file, and the number of its rows.
fn score(text: &str) -> Result<(String, usize), Box<dyn Error>> {
    let (mut baseline, mut profile) = (Baseline::default(), Profile::default());
    let (mut out, mut rows) = ("timestamp,anomaly_score\n".to_owned(), 0);
    for line in text.lines().skip(1).filter(|line| !line.is_empty()) {
        let (time, value) = line.split_once(',').ok_or("a row has a timestamp and a value")?;
        let verdict = baseline.step(&mut profile, second(time).ok_or("an odd timestamp")?, value.trim().parse()?);
        writeln!(out, "{time},{}", verdict.score)?;
        rows += 1;
    }
    Ok((out, rows))
}

/// The second of a timestamp such as `2014-04-01 00:05:00`.
fn second(time: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| time.get(range)?.parse::<i64>().ok();
    let midnight = ledger::calendar::midnight(number(0..4)?, number(5..7)?, number(8..10)?);
    Some(midnight + number(11..13)? * 3_600 + number(14..16)? * 60 + number(17..19)?)
}
