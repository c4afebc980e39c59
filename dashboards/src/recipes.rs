//! What each source needs: the collectors on our side, and what to write on its own. `tachograph collectors add` prints them, and the page
//! about connecting shows them; the pages of `docs/sources/` say more of each. What a server's addresses are is for who asks.

mod agents;
mod gateways;
mod others;
mod platforms;
mod sensors;

use operations::access::Trust;

/// A source.
#[derive(Debug, Clone, Copy)]
pub struct Recipe {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is, for people.
    pub title: &'static str,
    /// The collectors that take what it sends.
    pub needs: &'static [Need],
    /// The most trust of its token; `None` of a source that shows none.
    pub trust: Option<Trust>,
    /// What to write on its side. Words in `<>` are put in: `<ingest>`, `<otlp>`, `<token>`.
    sender: &'static str,
}

/// A collector that a source needs.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    /// Its name, if there is none yet.
    pub name: &'static str,
    /// Its transport.
    pub transport: &'static str,
    /// Its dialect.
    pub dialect: &'static str,
    /// Its other settings, a line each.
    settings: &'static str,
}

/// Where senders reach a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Its address of intake.
    pub ingest: String,
    /// That of OTLP over HTTP.
    pub otlp: String,
}

/// The OTLP over HTTP of a collector that is not there yet.
pub const OTLP: &str = "127.0.0.1:4318";

/// Every source, in the order of the help.
pub fn all() -> impl Iterator<Item = &'static Recipe> {
    [platforms::RECIPES, agents::RECIPES, gateways::RECIPES, sensors::RECIPES, others::RECIPES].into_iter().flatten()
}

/// The names of all sources.
pub fn names() -> Vec<&'static str> {
    all().map(|recipe| recipe.name).collect()
}

impl Recipe {
    /// Whether its sender shows a token.
    pub fn needs_token(&self) -> bool {
        self.trust.is_some()
    }

    /// What to write on its side.
    pub fn told(&self, places: &Places, token: &str) -> String {
        self.sender.replace("<ingest>", &places.ingest).replace("<otlp>", &places.otlp).replace("<token>", token)
    }
}

impl Need {
    /// The collector as it stands in a configuration.
    pub fn configuration(&self) -> String {
        let Self { name, transport, dialect, settings } = self;
        format!("[[collector]]\nname = \"{name}\"\ntransport = \"{transport}\"\ndialect = \"{dialect}\"\n{settings}")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_source_says_what_to_write_with_its_addresses() {
        let places = Places { ingest: "http://i:1".to_owned(), otlp: "http://o:2".to_owned() };
        let mut names = names();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
        for recipe in all() {
            let told = recipe.told(&places, "s3cret");
            assert!(!told.contains('<'), "{told}");
            assert_eq!(told.contains("s3cret"), recipe.needs_token(), "{told}");
            assert!(told.contains("docs/sources/") || recipe.name == "http", "{told}");
            assert!(!recipe.title.is_empty() && !recipe.needs.is_empty(), "{}", recipe.name);
        }
    }

    /// Words of a text that are names of environment variables: capitals with `_` between them.
    fn variables(text: &str) -> Vec<&str> {
        let is_of_name = |char: char| char.is_ascii_uppercase() || char.is_ascii_digit() || char == '_';
        let words = text.split(|char: char| !(char.is_ascii_alphanumeric() || char == '_'));
        words.filter(|word| word.contains('_') && word.len() > 4 && word.chars().all(is_of_name)).collect()
    }

    /// Keys of JSON in a text: what stands in quotes before a colon.
    fn keys(text: &str) -> Vec<&str> {
        let before: Vec<&str> = text.split("\":").collect();
        before[..before.len() - 1].iter().filter_map(|before| before.rsplit('"').next()).collect()
    }

    #[test]
    fn what_is_deployed_names_what_the_recipes_print() {
        let places = Places { ingest: String::new(), otlp: String::new() };
        let printed: String = all().map(|recipe| recipe.told(&places, "")).collect();
        let mut named = 0;
        for file in ["terraform/main.tf", "terraform/variables.tf", "terraform/install.sh", "helm/coderd-values.yaml"] {
            let path = format!("{}/../deploy/{file}", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
            let keys = if Path::new(file).extension().is_some_and(|extension| extension == "sh") {
                keys(&text)
            } else {
                Vec::new()
            };
            for name in variables(&text).into_iter().chain(keys) {
                assert!(printed.contains(name), "{file} names {name}, and no recipe prints it");
                named += 1;
            }
        }
        assert!(named > 15, "{named}");
        // Agents whose hooks the module installs are those whose recipes say so.
        let module =
            std::fs::read_to_string(format!("{}/../deploy/terraform/install.sh", env!("CARGO_MANIFEST_DIR"))).unwrap();
        for install in module.lines().filter_map(|line| line.split("hook install ").nth(1)) {
            let agent = install.split_whitespace().nth(1).unwrap_or_default();
            assert!(printed.contains(&format!("tachograph hook install --agent {agent}")), "{agent}");
        }
    }
}
