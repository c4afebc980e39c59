//! Scores the engine `spend::anomaly` on the Numenta Anomaly Benchmark: one configuration, one pass, no look ahead.
//!
//! `cargo run --release -p detect-rules --example nab -- NAB_DIR OUT_DIR` reads `NAB_DIR/data/*/*.csv` (timestamp, value) and
//! writes files of the same names with one `anomaly_score` in [0, 1] for each row, as the benchmark's scorer wants them. Then
//! it scores them itself by the benchmark's rules, with the windows of `NAB_DIR/labels/combined_windows.json`.

#[path = "nab/scorer.rs"]
mod scorer;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use detect_rules::anomaly::{Baseline, Profile};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(nab), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("usage: nab NAB_DIR OUT_DIR".into());
    };
    let (data, out) = (Path::new(&nab).join("data"), Path::new(&out));
    let labels = fs::read_to_string(Path::new(&nab).join("labels/combined_windows.json"))?;
    let labels: BTreeMap<String, Vec<(String, String)>> = serde_json::from_str(&labels)?;
    let (mut files, mut rows, mut corpus) = (0, 0, scorer::Corpus::default());
    for group in fs::read_dir(&data)? {
        let group = group?;
        fs::create_dir_all(out.join(group.file_name()))?;
        for file in fs::read_dir(group.path())? {
            let file = file?;
            let (text, scores) = score(&fs::read_to_string(file.path())?)?;
            fs::write(out.join(group.file_name()).join(file.file_name()), text)?;
            (files, rows) = (files + 1, rows + scores.len());
            let name = format!("{}/{}", group.file_name().to_string_lossy(), file.file_name().to_string_lossy());
            let windows = labels.get(&name).map(Vec::as_slice).unwrap_or_default().iter();
            let windows = windows.map(|(start, end)| Some((second(start)?, second(end)?)));
            corpus.add(&scores, &windows.collect::<Option<Vec<_>>>().ok_or("an odd timestamp in the labels")?);
        }
    }
    println!("{files} files, {rows} rows, {} bytes of state for one stream", size_of::<Baseline>());
    for profile in scorer::PROFILES {
        println!("{:>8}: {:.2}", profile.name, corpus.score(profile));
    }
    Ok(())
}

/// The scores of one file as text, and each with its second.
type Scores = (String, Vec<(i64, f64)>);

fn score(text: &str) -> Result<Scores, Box<dyn Error>> {
    let (mut baseline, mut profile) = (Baseline::default(), Profile::default());
    let (mut out, mut rows) = ("timestamp,anomaly_score\n".to_owned(), Vec::new());
    for line in text.lines().skip(1).filter(|line| !line.is_empty()) {
        let (time, value) = line.split_once(',').ok_or("a row has a timestamp and a value")?;
        let second = second(time).ok_or("an odd timestamp")?;
        let verdict = baseline.step(&mut profile, second, value.trim().parse()?);
        writeln!(out, "{time},{}", verdict.score)?;
        rows.push((second, verdict.score));
    }
    Ok((out, rows))
}

/// The second of a timestamp such as `2014-04-01 00:05:00`.
fn second(time: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| time.get(range)?.parse::<i64>().ok();
    let midnight = operations::calendar::midnight(number(0..4)?, number(5..7)?, number(8..10)?);
    Some(midnight + number(11..13)? * 3_600 + number(14..16)? * 60 + number(17..19)?)
}
