//! What the examples that measure scenes are given on their command line, and how they end.

use std::process::ExitCode;

use crate::fault::Fault;

/// `[--missed] [--false] [--only NAME] [--seed N]`.
#[derive(Debug)]
pub struct Arguments {
    /// Whether what was missed is listed.
    pub missed: bool,
    /// Whether what was told wrongly is listed.
    pub wrong: bool,
    /// Only scenes of this name or class.
    pub only: Option<String>,
    /// The seed of the fleet.
    pub seed: u64,
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments { missed: false, wrong: false, only: None, seed: 1 };
    while let Some(name) = words.next() {
        match name.as_str() {
            "--missed" => arguments.missed = true,
            "--false" => arguments.wrong = true,
            "--only" => arguments.only = Some(words.next().ok_or("--only needs a value")?),
            "--seed" => {
                let value = words.next().ok_or("--seed needs a value")?;
                arguments.seed = value.parse().map_err(|error| format!("--seed: {error}"))?;
            }
            _ => return Err(format!("{name} is unknown; there are --missed, --false, --only and --seed")),
        }
    }
    Ok(arguments)
}

/// Runs an example: a mistake on its command line ends it with 2, a fault with 1.
pub fn run(measure: impl Fn(&Arguments) -> Result<(), Fault>) -> ExitCode {
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    match measure(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_mistakes_are_named() {
        let check = |line: &str| parse(line.split_whitespace().map(str::to_owned));
        let read = check("--missed --only miner --seed 7").unwrap();
        assert_eq!((read.missed, read.wrong, read.only.as_deref(), read.seed), (true, false, Some("miner"), 7));
        assert!(check("--seed x").unwrap_err().contains("--seed") && check("--quiet").unwrap_err().contains("--quiet"));
    }
}
