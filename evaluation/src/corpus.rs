//! The files of the corpus.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::fault::Fault;
use crate::notation::{Chore, Scripts, Story};

/// Everything that can happen.
#[derive(Debug, Default)]
pub struct Corpus {
    /// Attacks, by the files' names and in their order.
    pub stories: Vec<Story>,
    /// Pieces of ordinary work.
    pub chores: Vec<Chore>,
}

impl Corpus {
    /// The corpus of this package.
    pub fn own() -> Result<Self, Fault> {
        let mut corpus = Self::default();
        for folder in ["stories", "work"] {
            for scripts in read::<Scripts>(folder)? {
                corpus.stories.extend(scripts.story);
                corpus.chores.extend(scripts.chore);
            }
        }
        Ok(corpus)
    }
}

/// What the TOML files in a folder of this package say, by the files' names.
pub fn read<T: DeserializeOwned>(folder: &str) -> Result<Vec<T>, Fault> {
    let mut said = Vec::new();
    for path in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))? {
        let text = std::fs::read_to_string(&path).map_err(|source| Fault::Read { path: path.clone(), source })?;
        said.push(toml::from_str(&text).map_err(|error| Fault::Notation { path, message: error.to_string() })?);
    }
    Ok(said)
}

/// The TOML files in a folder, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let failed = |source| Fault::Read { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::notation::{Work, acts};
    use crate::numbers::Numbers;
    use crate::people::agent;
    use crate::techniques;
    use crate::values::Values;

    #[test]
    fn every_story_has_a_name_of_its_own_and_known_techniques() {
        let corpus = Corpus::own().unwrap();
        let names: BTreeSet<&str> = corpus.stories.iter().map(|story| story.name.as_str()).collect();
        assert_eq!(names.len(), corpus.stories.len());
        for story in &corpus.stories {
            assert!(!story.techniques.is_empty(), "{}", story.name);
            for technique in &story.techniques {
                assert!(techniques::name(technique).is_some(), "{}: {technique}", story.name);
            }
            assert!((1..=story.steps.len()).contains(&story.harm), "{}: its harm is no step", story.name);
        }
    }

    #[test]
    fn every_script_is_told_without_names_that_mean_nothing() {
        let corpus = Corpus::own().unwrap();
        let stories = corpus.stories.iter().map(|story| (&story.name, &story.choose, &story.encode, &story.steps));
        let chores = corpus.chores.iter().map(|chore| (&chore.name, &chore.choose, &chore.encode, &chore.steps));
        for (name, choose, encode, steps) in stories.chain(chores) {
            let mut told = BTreeSet::new();
            for seed in 0..3 {
                let mut numbers = Numbers(seed);
                let values = Values::of(&agent(1, Work::Bugs, seed), choose, encode, &mut numbers).unwrap();
                let acts = acts(steps, &values, &mut numbers);
                assert!(acts.len() >= steps.len(), "{name}");
                let text = format!("{acts:?}");
                for (at, _) in text.match_indices('{') {
                    let rest = &text[at + 1..];
                    let word = rest.split('}').next().unwrap_or_default();
                    let known = ["host", "ip", "tmp", "word", "topic", "user", "dir", "blob", "i", "chance", "label"];
                    assert!(!known.contains(&word), "{name}: {{{word}}} was not put in");
                }
                told.insert(text);
            }
            let varies = told.len() > 1 || corpus.chores.iter().any(|chore| chore.name == *name);
            assert!(varies, "{name}: every seed tells the same attack");
        }
    }

    #[test]
    fn every_kind_of_work_has_chores() {
        let corpus = Corpus::own().unwrap();
        for work in Work::ALL {
            let count = corpus.chores.iter().filter(|chore| chore.work.contains(&work)).count();
            assert!(count >= 8, "{}: {count} chores", work.as_str());
        }
    }
}
