//! Packages that a command installs, and from where.

use super::{Effect, EffectKind};
use crate::command::Command;

/// The options by which an installer is told to take packages from elsewhere.
const ELSEWHERE: [&str; 8] =
    ["--index-url", "-i", "--extra-index-url", "--registry", "--source", "--index", "--git", "--find-links"];

/// Registries that everybody uses, and what lies below them.
const KNOWN: [&str; 14] = [
    "pypi.org",
    "pythonhosted.org",
    "npmjs.org",
    "npmjs.com",
    "yarnpkg.com",
    "crates.io",
    "rubygems.org",
    "pytorch.org",
    "nvidia.com",
    "maven.org",
    "golang.org",
    "conda.io",
    "anaconda.org",
    "jsr.io",
];

/// The effects of one command.
pub fn effects(command: &Command, name: &str, found: &mut Vec<Effect>) {
    if let Some(effect) = redirected(command, name) {
        found.push(effect);
        return;
    }
    let Some(rest) = installed(command, name) else { return };
    if is_unsealed(rest) {
        found.push(Effect::new(EffectKind::FetchedCode, "packages come from an address that nobody vouches for"));
    }
    let mut words = rest.iter();
    let mut count = 0;
    while let Some(word) = words.next() {
        let option = word.split('=').next().unwrap_or(word);
        if ELSEWHERE.contains(&option) {
            let value = word.split_once('=').map(|(_, value)| value).or_else(|| words.next().map(String::as_str));
            if let Some(value) = value.filter(|value| is_elsewhere(value)) {
                found.push(foreign(value));
            }
            continue;
        }
        if matches!(
            word.as_str(),
            "-r" | "-c"
                | "-t"
                | "--requirement"
                | "--constraint"
                | "--target"
                | "--prefix"
                | "--features"
                | "-F"
                | "--version"
                | "-v"
        ) {
            words.next();
            continue;
        }
        if word.starts_with('-') || count == PACKAGES_MAX {
            continue;
        }
        count += 1;
        if is_elsewhere(word) {
            found.push(foreign(word));
        } else if !word.starts_with(['.', '/', '~']) {
            found.push(Effect::new(EffectKind::Install, "a package is installed").on(word.clone()));
        }
    }
}

/// Whether packages come over a connection that is not sealed, or from a host that is trusted whatever it says.
fn is_unsealed(rest: &[String]) -> bool {
    let is_strange = |address: &str| {
        let host = address.split(['/', ':']).next().unwrap_or(address);
        !super::is_near_or_empty(host)
    };
    let values = rest.iter().enumerate().filter_map(|(at, word)| {
        let (option, value) = word.split_once('=').unwrap_or((word, ""));
        let next = || rest.get(at + 1).map_or("", String::as_str);
        let value = if value.is_empty() { next() } else { value };
        (option == "--trusted-host" || ELSEWHERE.contains(&option)).then_some((option, value))
    });
    let packages = rest.iter().filter(|word| !word.starts_with('-')).map(|word| ("", word.as_str()));
    let mut unsealed = values.chain(packages).filter_map(|(option, value)| match value.strip_prefix("http://") {
        Some(address) if option != "--trusted-host" => Some(address),
        None if option == "--trusted-host" => Some(value),
        _ => None,
    });
    // What follows an option of another kind, such as a proxy, is no package.
    let is_proxied = rest.windows(2).any(|pair| pair[0].contains("proxy") && pair[1].starts_with("http://"));
    !is_proxied && unsealed.any(is_strange)
}

/// Packages of one command that are told.
const PACKAGES_MAX: usize = 16;

fn foreign(from: &str) -> Effect {
    Effect::new(EffectKind::ForeignInstall, "a package is installed from elsewhere than its registry").on(from)
}

/// Whether a word is an address, or says that a repository is meant.
fn is_elsewhere(word: &str) -> bool {
    let Some((scheme, rest)) = word.split_once("://") else {
        return word.starts_with("git+") || word.starts_with("github:") || word.starts_with("git@");
    };
    let host = rest.split(['/', ':', '?']).next().unwrap_or(rest);
    let host = host.rsplit('@').next().unwrap_or(host);
    scheme != "file"
        && !KNOWN.iter().any(|known| host == *known || host.strip_suffix(known).is_some_and(|rest| rest.ends_with('.')))
}

/// The words that an installer is given.
fn installed<'c>(command: &'c Command, name: &str) -> Option<&'c [String]> {
    let word = |at: usize| command.words.get(at).map_or("", String::as_str);
    let verbs: &[&str] = match name {
        "npm" | "pnpm" | "yarn" | "bun" => &["install", "i", "add"],
        "pip" | "pip3" | "pipx" | "gem" => &["install"],
        "uv" | "poetry" | "pdm" => &["add"],
        "cargo" | "apt" | "apt-get" | "dnf" | "yum" | "apk" | "brew" | "zypper" => &["install", "add"],
        "go" => &["install", "get"],
        "dpkg" | "rpm" => &["-i", "-U", "--install"],
        "code" | "cursor" => &["--install-extension"],
        _ => &[],
    };
    let from = match () {
        () if matches!(name, "npx" | "bunx" | "pnpx" | "uvx") => 1,
        () if verbs.contains(&word(1)) => 2,
        () if name == "uv" && matches!(word(1), "pip" | "tool") && word(2) == "install" => 3,
        () => return None,
    };
    command.words.get(from..)
}

/// A setting by which all later packages come from elsewhere.
fn redirected(command: &Command, name: &str) -> Option<Effect> {
    let sets = command.has(&["config"]) && command.has(&["set"]);
    let is_setting = match name {
        "npm" | "pnpm" | "yarn" | "bun" => {
            sets && command
                .words
                .iter()
                .any(|word| word == "registry" || word.starts_with("registry=") || word.ends_with(":registry"))
        }
        "pip" | "pip3" => {
            sets && command.words.iter().any(|word| word.contains("index-url") || word.contains("trusted-host"))
        }
        "apt-key" | "add-apt-repository" => true,
        _ => false,
    };
    let address = command.words.iter().find(|word| is_elsewhere(word));
    let names_other = is_setting && (address.is_some() || matches!(name, "apt-key" | "add-apt-repository"));
    names_other.then(|| {
        let effect = Effect::new(EffectKind::ForeignInstall, "packages are taken from elsewhere from now on");
        Effect { object: address.cloned(), ..effect }
    })
}
