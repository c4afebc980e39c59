//! Which packages a request or a command asks for. It reads what is written: what a variable hides is not seen.

use detect_core::text::scanned;
use effects::command::{Command, Line};

use super::known::Ecosystem;
use crate::limits::{PACKAGE_BYTES_MAX, PACKAGES_PER_COMMAND_MAX};

/// The package that a request to a registry is about.
pub fn of_path(host: &str, path: &str) -> Option<(Ecosystem, String)> {
    let path = scanned(path).split(['?', '#']).next()?.strip_prefix('/')?;
    let mut parts = path.split('/');
    let (first, second) = (parts.next()?, parts.next());
    let (ecosystem, name) = match (host, first) {
        ("registry.npmjs.org" | "registry.yarnpkg.com" | "registry.npmjs.com", first) => {
            let scoped = first.starts_with('@') && !first.contains("%2f") && !first.contains("%2F");
            let name = match second.filter(|_| scoped) {
                Some(second) => format!("{first}/{second}"),
                None => first.replace("%2f", "/").replace("%2F", "/"),
            };
            (Ecosystem::Npm, name)
        }
        // Mirrors keep the layout, so the host does not matter.
        (_, "simple") | ("pypi.org", "pypi") => (Ecosystem::Python, second?.to_owned()),
        ("crates.io", "api") => (Ecosystem::Rust, path.strip_prefix("api/v1/crates/")?.split('/').next()?.to_owned()),
        ("static.crates.io", "crates") => (Ecosystem::Rust, second?.to_owned()),
        ("index.crates.io", _) => (Ecosystem::Rust, path.rsplit('/').next()?.to_owned()),
        ("rubygems.org" | "index.rubygems.org", "info") => (Ecosystem::Ruby, second?.to_owned()),
        ("rubygems.org", "gems") => {
            let file = second?.strip_suffix(".gem")?;
            (Ecosystem::Ruby, file.rsplit_once('-').map_or(file, |(name, _)| name).to_owned())
        }
        _ => return None,
    };
    clean(&name).map(|name| (ecosystem, name))
}

/// The packages that the commands of a line install or run.
pub fn of_line(line: &Line) -> Vec<(Ecosystem, String)> {
    let mut found = Vec::new();
    for command in &line.commands {
        let Some((ecosystem, only_one, rest)) = installer(command) else { continue };
        let mut names = command.words.get(rest..).unwrap_or_default().iter();
        while let Some(word) = names.next() {
            if OPTIONS_WITH_VALUE.contains(&word.as_str()) {
                names.next();
                continue;
            }
            if found.len() == PACKAGES_PER_COMMAND_MAX {
                return found;
            }
            let Some(name) = package(ecosystem, word) else { continue };
            found.push((ecosystem, name));
            if only_one {
                break;
            }
        }
    }
    found
}

/// Options that take a word which is no package.
const OPTIONS_WITH_VALUE: [&str; 14] = [
    "-r",
    "--requirement",
    "-c",
    "--constraint",
    "-i",
    "--index-url",
    "--extra-index-url",
    "-t",
    "--target",
    "--prefix",
    "--registry",
    "--features",
    "-F",
    "--version",
];

/// The ecosystem of an installer that the first word is, whether only the first word after it is a package, and where its
/// words begin.
fn installer(command: &Command) -> Option<(Ecosystem, bool, usize)> {
    let name = command.name();
    let after = |at: usize| command.words.get(at).map_or("", String::as_str);
    let at = |at: usize, ecosystem| Some((ecosystem, false, at));
    match (name.as_str(), after(1), after(2)) {
        ("npm" | "pnpm" | "yarn" | "bun", "install" | "i" | "add", _) => at(2, Ecosystem::Npm),
        ("npx" | "bunx" | "pnpx", ..) => Some((Ecosystem::Npm, true, 1)),
        ("pip" | "pip3" | "pipx", "install" | "run", _) | ("uv" | "poetry", "add", _) => at(2, Ecosystem::Python),
        ("uv", "pip", "install") => at(3, Ecosystem::Python),
        ("uvx", ..) => Some((Ecosystem::Python, true, 1)),
        ("cargo", "add" | "install", _) => at(2, Ecosystem::Rust),
        ("gem", "install", _) => at(2, Ecosystem::Ruby),
        _ => None,
    }
}

/// The name of the package that a word asks for, without version; `None` for options, paths and addresses.
fn package(ecosystem: Ecosystem, word: &str) -> Option<String> {
    if word.starts_with(['-', '.', '/', '~', '$']) || word.contains(':') || word.contains('\\') {
        return None;
    }
    let name = match ecosystem {
        Ecosystem::Npm => {
            let (scope, rest) = if word.starts_with('@') { word.split_once('/')? } else { ("", word) };
            let rest = rest.split('@').next()?;
            if scope.is_empty() { rest.to_owned() } else { format!("{scope}/{rest}") }
        }
        _ => word.split(['=', '<', '>', '!', '~', '[', '@', ',', ';']).next()?.to_owned(),
    };
    clean(&name)
}

/// The name in lower case, if it is one.
fn clean(name: &str) -> Option<String> {
    let scope = name.strip_prefix('@').map_or(0, |_| 1);
    let formed = name.matches('/').count() == scope && !name.starts_with('.') && name != "-";
    let odd = |char: char| char.is_whitespace() || char.is_control() || matches!(char, '%' | '*' | '$' | '{' | '<');
    let fits = !name.is_empty() && name.len() <= PACKAGE_BYTES_MAX && !name.contains(odd);
    (formed && fits).then(|| name.to_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn requests_to_registries_name_packages() {
        let check = |host: &str, path: &str, expected: Option<(Ecosystem, &str)>| {
            let found = of_path(host, path);
            assert_eq!(found.as_ref().map(|(ecosystem, name)| (*ecosystem, name.as_str())), expected, "{host}{path}");
        };
        check("registry.npmjs.org", "/left-pad", Some((Ecosystem::Npm, "left-pad")));
        check("registry.npmjs.org", "/@acme%2fwidgets", Some((Ecosystem::Npm, "@acme/widgets")));
        check("registry.npmjs.org", "/@acme/widgets/-/widgets-1.tgz", Some((Ecosystem::Npm, "@acme/widgets")));
        check("registry.npmjs.org", "/-/npm/v1/security", None);
        check("packages.acme.example", "/simple/Widgets/?x=1", Some((Ecosystem::Python, "widgets")));
        check("pypi.org", "/pypi/widgets/json", Some((Ecosystem::Python, "widgets")));
        check("crates.io", "/api/v1/crates/widgets/1.0.0/download", Some((Ecosystem::Rust, "widgets")));
        check("index.crates.io", "/wi/dg/widgets", Some((Ecosystem::Rust, "widgets")));
        check("rubygems.org", "/gems/acme-widgets-1.2.3.gem", Some((Ecosystem::Ruby, "acme-widgets")));
        check("acme.example", "/widgets", None);
        check("registry.npmjs.org", "", None);
    }

    #[test]
    fn commands_name_packages() {
        let check = |command: &str, expected: &[&str]| {
            let found: Vec<String> = of_line(&Line::read(command)).into_iter().map(|(_, name)| name).collect();
            assert_eq!(found, expected, "{command}");
        };
        check("npm install --save-dev widgets@1.2 @acme/gears@^3 ./local", &["widgets", "@acme/gears"]);
        check("cd app && sudo /usr/bin/npm i widgets; echo done", &["widgets"]);
        check("npx -y create-widgets my-app", &["create-widgets"]);
        check("pip install -r requirements.txt 'Widgets[all]>=1' gears==2", &["widgets", "gears"]);
        check("python3 -m pip install widgets", &["widgets"]);
        check("uv pip install widgets", &["widgets"]);
        check("cargo add widgets --features full", &["widgets"]);
        check("gem install widgets -v 1.0", &["widgets", "1.0"]);
        check("npm test", &[]);
        check("pip install git+https://acme.example/x.git", &[]);
        check("echo pip", &[]);
        check("git commit -m 'fix; npm install widgets' && echo \"pip install widgets | cat\"", &[]);
        check("cat > README.md <<EOF\nnpm install widgets\nEOF\nnpm install gears", &["gears"]);
        check("bash -c 'npm install widgets | tee log'", &["widgets"]);
        check("echo pip install widgets", &[]);
        check("docker run node npm install widgets", &["widgets"]);
        check("sudo -H pip install", &[]);
    }

    proptest! {
        #[test]
        fn any_text_is_read(host in "\\PC{0,20}", path in "\\PC{0,60}", words in proptest::collection::vec("(npm|i|pip|install|cargo|add|-r|\\PC{0,9})", 0..12)) {
            for (_, name) in of_path(&host, &path).into_iter().chain(of_line(&Line::read(&words.join(" ")))) {
                prop_assert!(!name.is_empty() && name.len() <= 3 * PACKAGE_BYTES_MAX);
            }
        }
    }
}
