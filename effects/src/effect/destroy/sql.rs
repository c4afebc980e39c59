//! Statements that remove tables, databases or all rows, in text that a client of a database is given.

/// The longest text that is looked at, in bytes.
const SQL_BYTES_MAX: usize = 16_384;

/// What statements do that cannot be brought back, and the thing that they name, if they do.
pub fn destroys(text: &str) -> Option<(&'static str, Option<String>)> {
    let text = &text[..text.floor_char_boundary(SQL_BYTES_MAX)];
    let plain = without_texts(text);
    plain.split(';').find_map(|statement| {
        let words: Vec<String> = statement
            .split(|char: char| char.is_whitespace() || matches!(char, ',' | '(' | ')'))
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect();
        let at = words.iter().position(|word| is_verb(word))?;
        of_statement(&words[at..])
    })
}

fn is_verb(word: &str) -> bool {
    ["drop", "truncate", "delete", "update", "alter"].iter().any(|verb| word.eq_ignore_ascii_case(verb))
}

fn of_statement(words: &[String]) -> Option<(&'static str, Option<String>)> {
    let upper: Vec<String> = words.iter().map(|word| word.to_ascii_uppercase()).collect();
    let has = |word: &str| upper.iter().any(|other| other == word);
    let second = upper.get(1).map_or("", String::as_str);
    let name = || {
        let skipped = ["TABLE", "DATABASE", "SCHEMA", "IF", "EXISTS", "ONLY", "FROM"];
        let at = (1..upper.len()).find(|at| !skipped.contains(&upper[*at].as_str()))?;
        words.get(at).map(|name| name.trim_matches(['"', '`', '[', ']']).to_ascii_lowercase())
    };
    match upper.first()?.as_str() {
        "DROP" if matches!(second, "DATABASE" | "SCHEMA" | "KEYSPACE") => {
            Some(("databases or schemas are dropped", name()))
        }
        "DROP" if matches!(second, "TABLE" | "OWNED" | "COLLECTION") => Some(("tables are dropped", name())),
        "TRUNCATE" => Some(("tables are emptied", name())),
        "DELETE" if second == "FROM" && !narrows(&upper) => Some(("all rows of a table are deleted", name())),
        "UPDATE" if has("SET") && !narrows(&upper) => Some(("all rows of a table are changed", name())),
        "ALTER" if second == "TABLE" && upper.windows(2).any(|pair| pair[0] == "DROP" && pair[1] == "COLUMN") => {
            Some(("columns are dropped", None))
        }
        _ => None,
    }
}

/// Whether a condition says which rows; one that is always true does not.
fn narrows(upper: &[String]) -> bool {
    let Some(at) = upper.iter().position(|word| word == "WHERE") else {
        return upper.iter().any(|word| word == "LIMIT");
    };
    let condition = upper[at + 1..].concat();
    let is_always = condition.split_once('=').is_some_and(|(left, right)| left == right)
        || matches!(condition.as_str(), "TRUE" | "1" | "");
    !is_always
}

/// The text without comments, and with what stands in single quotes left empty.
fn without_texts(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\'', '-', '/', '#']) {
        plain.push_str(&rest[..at]);
        let here = &rest[at..];
        let end = if let Some(quoted) = here.strip_prefix('\'') {
            plain.push_str("'x'");
            quoted.find('\'').map(|end| end + 2)
        } else if here.starts_with("--") {
            plain.push(' ');
            here.find('\n')
        } else if here.starts_with("/*") {
            plain.push(' ');
            here.find("*/").map(|end| end + 2)
        } else {
            plain.push_str(&here[..1]);
            Some(1)
        };
        rest = &here[end.unwrap_or(here.len())..];
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_told_apart() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(destroys(text).map(|(what, _)| what), expected, "{text}");
        };
        check("drop table if exists \"Users\" cascade", Some("tables are dropped"));
        check("SELECT 1; DROP DATABASE shop", Some("databases or schemas are dropped"));
        check("truncate orders", Some("tables are emptied"));
        check("DELETE FROM orders;", Some("all rows of a table are deleted"));
        check("delete from orders where 1=1", Some("all rows of a table are deleted"));
        check("update users set admin = true", Some("all rows of a table are changed"));
        check("/* x */ drop/**/table users", Some("tables are dropped"));
        check("delete from orders where id = 7", None);
        check("update users set admin = true where id = 7", None);
        check("select 'drop table users'", None);
        check("-- drop table users\nselect 1", None);
        check("select * from dropped_tables", None);
        check("create table x (id int)", None);
        assert_eq!(destroys("DROP TABLE IF EXISTS Carts").unwrap().1.as_deref(), Some("carts"));
    }
}
