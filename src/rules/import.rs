//! `tachograph rules import`: rules of other formats as rules of ours. Files are read and written here; what a rule becomes, and why
//! another becomes none, `detect-sigma` says.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use detect_rules::limits::USER_RULES_MAX;
use detect_runner::limits::RULE_FILE_BYTES_MAX;
use detect_sigma::limits::{SIGMA_FILE_BYTES_MAX, SIGMA_FILES_MAX};
use detect_sigma::{Imported, Input, Options, Outcome, Written};

use crate::exit::{self, CommandResult, Failure};
use crate::output::{self, Table};

/// The formats.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make rules of Sigma rules, and name what of them cannot be expressed.
    Sigma(Sigma),
}

/// Arguments of `rules import sigma`.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 everything is imported, 1 a rule is not or only in part, 2 usage.")]
pub struct Sigma {
    /// Files of Sigma rules, or directories of them (*.yml, *.yaml; those inside, too). They are read together: correlations name rules of any file.
    #[arg(value_name = "FILE|DIR", required = true)]
    files: Vec<PathBuf>,
    /// Where to write a file of rules for each file of Sigma rules [default: standard output].
    #[arg(short = 'o', long = "output", value_name = "DIR")]
    output: Option<PathBuf>,
    /// Write rules of which only a part can be expressed, too: switched off, with what is left out in comments.
    #[arg(long)]
    partial: bool,
    /// Columns by which alerts are kept apart [default: session for commands and files, workspace for requests].
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    by: Vec<String>,
}

/// The first line of a file that this command wrote, and so may write again.
const HEAD: &str = "# Imported by `tachograph rules import sigma`.\n";

/// Runs the command.
pub fn run(command: Command) -> CommandResult {
    match command {
        Command::Sigma(arguments) => sigma(&arguments),
    }
}

fn sigma(arguments: &Sigma) -> CommandResult {
    let mut files = Vec::new();
    for path in &arguments.files {
        let root = if path.is_dir() { path.as_path() } else { path.parent().unwrap_or(Path::new("")) };
        find(path, root, &mut files).with_context(|| format!("cannot read {}", path.display()))?;
    }
    if files.is_empty() {
        return Err(Failure::usage("there is no file that ends in .yml or .yaml").hint("Name the file itself."));
    }
    let texts = files.iter().map(|file| read(&file.path)).collect::<Result<Vec<_>, _>>()?;
    let inputs: Vec<Input<'_>> = texts.iter().map(|text| Input { text }).collect();
    let options = Options { partial: arguments.partial, by: arguments.by.clone() };
    let imported = detect_sigma::import(&inputs, &options);
    let tables = tables(&files, &imported);
    if let Some(folder) = &arguments.output {
        write(folder, &tables)?;
        output::print(&summary(&files, &imported))?;
    } else {
        // What is printed is a file of rules; what became of them is for whoever looks.
        output::print(&format!("{HEAD}{}", tables.values().map(String::as_str).collect::<String>()))?;
        eprint!("{}", summary(&files, &imported));
    }
    let is_done = |rule: &Imported| !matches!(rule.outcome, Outcome::Partial(..) | Outcome::Skipped(_));
    Ok(if imported.iter().all(is_done) { ExitCode::SUCCESS } else { ExitCode::from(exit::INTERNAL) })
}

/// A file of Sigma rules, and the name of the one that is made of it.
struct SigmaFile {
    path: PathBuf,
    name: String,
}

fn find(path: &Path, root: &Path, files: &mut Vec<SigmaFile>) -> anyhow::Result<()> {
    if path.is_dir() {
        let mut inside =
            std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
        inside.sort();
        for path in inside {
            let is_rules = path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml");
            // A link may lead back up.
            if is_rules || (path.is_dir() && !path.is_symlink()) {
                find(&path, root, files)?;
            }
        }
        return Ok(());
    }
    ensure!(files.len() < SIGMA_FILES_MAX, "there are more than {SIGMA_FILES_MAX} files");
    let below = path.strip_prefix(root).unwrap_or(path).with_extension("");
    let word = |char: char| if char.is_ascii_alphanumeric() || char == '-' { char } else { '_' };
    let name = below.to_string_lossy().chars().map(word).collect::<String>() + ".toml";
    files.push(SigmaFile { path: path.to_owned(), name });
    Ok(())
}

fn read(path: &Path) -> Result<String, Failure> {
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut text = String::new();
    file.take(SIGMA_FILE_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read {}", path.display()))?;
    if text.len() as u64 > SIGMA_FILE_BYTES_MAX {
        return Err(Failure::usage(format!("{} is larger than {SIGMA_FILE_BYTES_MAX} bytes", path.display())));
    }
    Ok(text)
}

/// The rules that an outcome wrote.
fn written(outcome: &Outcome) -> &[Written] {
    match outcome {
        Outcome::Whole(written) | Outcome::Partial(written, _) => written,
        Outcome::Skipped(_) | Outcome::PartOf(_) | Outcome::Filter => &[],
    }
}

/// The texts of the files of rules, by name.
fn tables(files: &[SigmaFile], imported: &[Imported]) -> BTreeMap<String, String> {
    let mut tables: BTreeMap<String, String> = BTreeMap::new();
    for rule in imported {
        let Some(file) = files.get(rule.input) else { continue };
        for written in written(&rule.outcome) {
            let text = tables.entry(file.name.clone()).or_default();
            text.push('\n');
            text.push_str(&written.text);
        }
    }
    tables
}

fn write(folder: &Path, tables: &BTreeMap<String, String>) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    // Before anything is written: what somebody wrote by hand stays.
    for (name, text) in tables {
        let path = folder.join(name);
        if (HEAD.len() + text.len()) as u64 > RULE_FILE_BYTES_MAX {
            let message = format!("{} would be larger than {RULE_FILE_BYTES_MAX} bytes", path.display());
            return Err(Failure::usage(message).hint("Split the file of Sigma rules."));
        }
        if path.exists() && !read(&path)?.starts_with(HEAD) {
            return Err(Failure::usage(format!("{} is there, and was not written by this command", path.display()))
                .hint("Name another directory, or move the file away."));
        }
    }
    for (name, text) in tables {
        let path = folder.join(name);
        std::fs::write(&path, format!("{HEAD}{text}")).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// What became of every rule, and how many of them.
fn summary(files: &[SigmaFile], imported: &[Imported]) -> String {
    let mut table = Table::new(&["sigma rule", "result", "rules or reasons"]);
    let mut counts = [0_usize; 5];
    for rule in imported {
        let (at, word, said) = match &rule.outcome {
            Outcome::Whole(_) => (0, "imported", names(&rule.outcome)),
            Outcome::Partial(_, reasons) => {
                (1, "in part", format!("{} without: {}", names(&rule.outcome), reasons.join("; ")))
            }
            Outcome::Skipped(reasons) => (2, "skipped", reasons.join("; ")),
            Outcome::PartOf(titles) => (3, "in correlation", titles.join("; ")),
            Outcome::Filter => (4, "applied", "a filter".to_owned()),
        };
        counts[at] += 1;
        let file = files.get(rule.input).map(|file| file.path.display().to_string()).unwrap_or_default();
        let title = if rule.title.is_empty() { file } else { rule.title.clone() };
        table.row([title.as_str(), word, &said]);
    }
    let [whole, partial, skipped, parts, filters] = counts;
    let total = imported.len();
    let mut text = table.render();
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "{whole} of {total} imported, {partial} in part and switched off, {skipped} skipped, {parts} only in a correlation, {filters} filters"
    );
    let rules: usize = imported.iter().map(|rule| written(&rule.outcome).len()).sum();
    if rules > USER_RULES_MAX {
        let _ =
            writeln!(text, "These are {rules} rules; a server runs {USER_RULES_MAX} at most: choose among the files.");
    }
    text
}

fn names(outcome: &Outcome) -> String {
    written(outcome).iter().map(|written| written.name.as_str()).collect::<Vec<_>>().join(", ")
}
