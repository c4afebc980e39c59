//! Finds the project's files and cuts Rust sources into tokens without their unit tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The folder of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// One file of the project.
pub struct File {
    /// Path from the root, with slashes.
    pub path: String,
    /// Its text; files that are not UTF-8 are left out.
    pub text: String,
    /// Whether users do not run it: integration tests, benchmarks, examples, and modules under `#[cfg(test)]`.
    pub is_test: bool,
}

impl File {
    /// The tokens of a Rust file.
    pub fn tokens(&self) -> TokenStream {
        self.text.parse().unwrap_or_else(|error| panic!("{}: {error}", self.path))
    }
}

/// The files that are, or are about to be, under version control; of an unpacked archive all of them.
pub fn files(extension: &str) -> Vec<File> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .ok()
        .filter(|output| output.status.success())
        .map(|output| String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect::<Vec<_>>());
    let mut paths = listed.unwrap_or_else(|| {
        let mut paths = Vec::new();
        walk(root(), &mut paths);
        paths
    });
    paths.sort();
    paths.dedup();
    let files = paths.into_iter().filter(|path| path.ends_with(extension));
    files
        .filter_map(|path| {
            let text = std::fs::read_to_string(root().join(&path)).ok()?;
            let is_test = ["tests/", "benches/", "examples/"]
                .iter()
                .any(|folder| path.starts_with(folder) || path.contains(&format!("/{folder}")));
            Some(File { path, text, is_test })
        })
        .collect()
}

/// All Rust files.
pub fn rust() -> Vec<File> {
    let mut files = files(".rs");
    let test_modules: Vec<String> = files.iter().flat_map(test_modules).collect();
    for file in &mut files {
        let module = file.path.trim_end_matches(".rs").trim_end_matches("/mod");
        file.is_test |= test_modules.iter().any(|test| module == test || module.starts_with(&format!("{test}/")));
    }
    files
}

/// The modules that a file declares as `#[cfg(test)] mod name;`, as paths without the ending.
fn test_modules(file: &File) -> Vec<String> {
    let path = file.path.trim_end_matches(".rs");
    let (folder, stem) = path.rsplit_once('/').unwrap_or(("", path));
    let folder = if matches!(stem, "lib" | "main" | "mod") { folder.to_owned() } else { format!("{folder}/{stem}") };
    let parts: Vec<&str> = file.text.split("#[cfg(test)]").skip(1).collect();
    let names = parts.into_iter().filter_map(|after| {
        let item = after.trim_start().trim_start_matches("pub(crate) ").strip_prefix("mod ")?;
        let end = item.find([';', '{'])?;
        item[end..].starts_with(';').then(|| item[..end].trim().to_owned())
    });
    names.map(|name| format!("{folder}/{name}")).collect()
}

fn walk(folder: &Path, paths: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut entries: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !matches!(name.as_str(), "target" | ".git" | "dist" | "data" | "bench-out") {
                walk(&path, paths);
            }
        } else if let Ok(relative) = path.strip_prefix(root()) {
            paths.push(relative.to_string_lossy().replace('\\', "/"));
        }
    }
}

/// One token that is not inside a unit test.
pub enum Token {
    /// A word, with its line.
    Word(String, usize),
    /// A sign such as `!` or `.`.
    Sign(char),
    /// The start of a group in round, square or curly brackets.
    Open(Delimiter),
    /// A literal or the end of a group.
    Other,
}

/// The tokens of a file in order, groups opened up, without items under `#[cfg(test)]` and `#[test]`.
pub fn flat(stream: TokenStream) -> Vec<Token> {
    let mut out = Vec::new();
    flatten(stream, &mut out);
    out
}

fn flatten(stream: TokenStream, out: &mut Vec<Token>) {
    let mut tokens = stream.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(sign) if sign.as_char() == '#' => {
                let for_tests = match tokens.peek() {
                    Some(TokenTree::Group(group)) => is_test_attribute(&group.stream().to_string()),
                    _ => false,
                };
                if for_tests {
                    skip_item(&mut tokens);
                } else {
                    out.push(Token::Sign('#'));
                }
            }
            TokenTree::Punct(sign) => out.push(Token::Sign(sign.as_char())),
            TokenTree::Ident(word) => out.push(Token::Word(word.to_string(), word.span().start().line)),
            TokenTree::Literal(_) => out.push(Token::Other),
            TokenTree::Group(group) => {
                out.push(Token::Open(group.delimiter()));
                flatten(group.stream(), out);
                out.push(Token::Other);
            }
        }
    }
}

fn is_test_attribute(attribute: &str) -> bool {
    let attribute = attribute.replace(' ', "");
    attribute == "test" || attribute == "tokio::test" || attribute.starts_with("cfg(test)")
}

/// Skips to the end of the item after an attribute: its body in curly brackets or its semicolon.
fn skip_item(tokens: &mut std::iter::Peekable<proc_macro2::token_stream::IntoIter>) {
    for token in tokens.by_ref() {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return,
            TokenTree::Punct(sign) if sign.as_char() == ';' => return,
            _ => {}
        }
    }
}

#[test]
fn test_modules_are_found() {
    let text = "#[cfg(test)]\nmod fixtures;\n#[cfg(test)]\nmod tests { }\n#[cfg(test)] pub(crate) mod more;";
    let check = |path: &str, expected: [&str; 2]| {
        let file = File { path: path.to_owned(), text: text.to_owned(), is_test: false };
        assert_eq!(test_modules(&file), expected);
    };
    check("a/src/lib.rs", ["a/src/fixtures", "a/src/more"]);
    check("a/src/b.rs", ["a/src/b/fixtures", "a/src/b/more"]);
}

#[test]
fn unit_tests_are_left_out() {
    let words = |source: &str| -> Vec<String> {
        let words = flat(source.parse().unwrap()).into_iter();
        words.filter_map(|token| if let Token::Word(word, _) = token { Some(word) } else { None }).collect()
    };
    assert_eq!(words("fn a() { b } #[cfg(test)] mod tests { fn c() { d } } use e;"), ["fn", "a", "b", "use", "e"]);
    assert_eq!(words("#[test] fn a() {} #[inline] fn b() {}"), ["inline", "fn", "b"]);
}
