//! Databases that are dropped, emptied or made anew: by clients and statements, by the tools of frameworks.

use crate::command::{Command, Line};

use super::{Effect, EffectKind, cloud, is_for_tests, sql};

/// Clients that are given statements.
const CLIENTS: [&str; 22] = [
    "psql",
    "mysql",
    "mariadb",
    "sqlite3",
    "sqlite",
    "duckdb",
    "mycli",
    "pgcli",
    "litecli",
    "usql",
    "cockroach",
    "clickhouse-client",
    "clickhouse",
    "cqlsh",
    "sqlcmd",
    "sqlplus",
    "bq",
    "snowsql",
    "wrangler",
    "turso",
    "prisma",
    "mysqlsh",
];

/// Tasks of frameworks that drop a database or make it anew: the tool, and the words that must come in this order.
const TASKS: [(&str, &[&str]); 93] = [
    ("prisma", &["migrate", "reset"]),
    ("prisma", &["db", "push", "--force-reset"]),
    ("prisma", &["db", "push", "--accept-data-loss"]),
    ("rails", &["db:drop"]),
    ("rails", &["db:drop:all"]),
    ("rails", &["db:reset"]),
    ("rails", &["db:purge"]),
    ("rails", &["db:truncate_all"]),
    ("rails", &["db:schema:load"]),
    ("rails", &["db:migrate:reset"]),
    ("rails", &["db:seed:replant"]),
    ("rake", &["db:drop"]),
    ("rake", &["db:drop:all"]),
    ("rake", &["db:reset"]),
    ("rake", &["db:purge"]),
    ("rake", &["db:schema:load"]),
    ("rake", &["db:migrate:reset"]),
    ("manage.py", &["flush"]),
    ("manage.py", &["reset_db"]),
    ("manage.py", &["migrate", "zero"]),
    ("django-admin", &["flush"]),
    ("artisan", &["migrate:fresh"]),
    ("artisan", &["migrate:reset"]),
    ("artisan", &["migrate:refresh"]),
    ("artisan", &["db:wipe"]),
    ("sequelize", &["db:drop"]),
    ("sequelize", &["db:migrate:undo:all"]),
    ("sequelize-cli", &["db:drop"]),
    ("sequelize-cli", &["db:migrate:undo:all"]),
    ("knex", &["migrate:rollback", "--all"]),
    ("alembic", &["downgrade", "base"]),
    ("flask", &["db", "downgrade", "base"]),
    ("aerich", &["downgrade"]),
    ("typeorm", &["schema:drop"]),
    ("typeorm-ts-node-commonjs", &["schema:drop"]),
    ("typeorm-ts-node-esm", &["schema:drop"]),
    ("mikro-orm", &["schema:drop"]),
    ("mikro-orm", &["schema:fresh"]),
    ("mikro-orm", &["migration:fresh"]),
    ("mikro-orm", &["database:drop"]),
    ("drizzle-kit", &["push", "--force"]),
    ("drizzle-kit", &["drop"]),
    ("hasura", &["metadata", "clear"]),
    ("console", &["doctrine:database:drop"]),
    ("console", &["doctrine:schema:drop"]),
    ("doctrine", &["orm:schema-tool:drop"]),
    ("mix", &["ecto.drop"]),
    ("mix", &["ecto.reset"]),
    ("flyway", &["clean"]),
    ("liquibase", &["dropAll"]),
    ("liquibase", &["drop-all"]),
    ("mvn", &["flyway:clean"]),
    ("gradle", &["flywayClean"]),
    ("gradlew", &["flywayClean"]),
    ("supabase", &["db", "reset"]),
    ("dotnet", &["database", "drop"]),
    ("dotnet-ef", &["database", "drop"]),
    ("diesel", &["database", "reset"]),
    ("diesel", &["database", "drop"]),
    ("sqlx", &["database", "drop"]),
    ("sqlx", &["database", "reset"]),
    ("sqlx", &["db", "drop"]),
    ("sqlx", &["db", "reset"]),
    ("cargo", &["sqlx", "database", "drop"]),
    ("cargo", &["sqlx", "database", "reset"]),
    ("cargo", &["loco", "db", "reset"]),
    ("cargo", &["loco", "db", "truncate"]),
    ("sea-orm-cli", &["migrate", "fresh"]),
    ("sea-orm-cli", &["migrate", "reset"]),
    ("sea-orm-cli", &["migrate", "refresh"]),
    ("goose", &["reset"]),
    ("goose", &["down-to", "0"]),
    ("migrate", &["drop"]),
    ("atlas", &["schema", "clean"]),
    ("dbmate", &["drop"]),
    ("wp", &["db", "reset"]),
    ("wp", &["db", "drop"]),
    ("wp", &["db", "clean"]),
    ("wp", &["site", "empty"]),
    ("drush", &["sql:drop"]),
    ("drush", &["sql-drop"]),
    ("ace", &["migration:fresh"]),
    ("ace", &["migration:reset"]),
    ("ace", &["db:wipe"]),
    ("cake", &["migrations", "rollback", "-t", "0"]),
    ("yii", &["migrate/fresh"]),
    ("phinx", &["rollback", "-t", "0"]),
    ("mysqladmin", &["drop"]),
    ("influx", &["delete"]),
    ("influx", &["bucket", "delete"]),
    ("etcdctl", &["del", "--prefix"]),
    ("kafka-topics", &["--delete"]),
    ("kafka-topics.sh", &["--delete"]),
];

/// Assignments by which frameworks choose the database of the tests.
const CHOOSERS: [&str; 8] =
    ["RAILS_ENV", "RACK_ENV", "NODE_ENV", "APP_ENV", "MIX_ENV", "FLASK_ENV", "ENV", "DJANGO_SETTINGS_MODULE"];

/// The effect of one command.
pub fn effect(command: &Command, line: &Line) -> Option<Effect> {
    let name = command.name();
    let destroys = |what: &str| Some(Effect::new(EffectKind::Destroy, what));
    let has_all = |words: &[&str]| {
        let mut at = command.words.iter().skip(1);
        words.iter().all(|sought| at.any(|word| word == sought || word.split('=').next() == Some(sought)))
    };
    if TASKS.iter().any(|(tool, words)| *tool == name && has_all(words)) {
        return if chooses_tests(command) { None } else { destroys("a database is dropped or made anew") };
    }
    if resets_by_name(command, &name) {
        return destroys("a script whose name says that it resets a database");
    }
    match name.as_str() {
        "dropdb" => {
            let database = command.operands(&["-h", "-p", "-U", "--host", "--port", "--username"]).last();
            let is_real = database.is_none_or(|database| !is_for_tests(database));
            is_real.then(|| Effect::new(EffectKind::Destroy, "a database is dropped").about("database", database))
        }
        "mongosh" | "mongo" => mongo(command, line),
        "redis-cli" | "valkey-cli" | "keydb-cli" => redis(command, line),
        "mongorestore" | "pg_restore" if command.option(&["--drop", "--clean", "-c"]) => {
            destroys("a database is overwritten by a copy")
        }
        "curl" | "wget" | "http" | "xh" => {
            let deletes = command.has(&["DELETE", "-XDELETE", "--request=DELETE"]) || command.has(&["--method=DELETE"]);
            let is_all = |word: &String| {
                word.contains("://")
                    && (word.ends_with("/_all") || word.ends_with("/*") || word.contains("/_delete_by_query"))
            };
            (deletes && command.words.iter().any(is_all))
                .then(|| Effect::new(EffectKind::Destroy, "all of an index is deleted"))
                .or_else(|| cloud::asked(command, deletes))
        }
        _ if CLIENTS.contains(&name.as_str()) => statement(command, line),
        _ => None,
    }
}

/// Whether a script or target of a project is run whose name says that it drops a database or makes it anew.
fn resets_by_name(command: &Command, name: &str) -> bool {
    const RUNNERS: [&str; 9] = ["npm", "yarn", "pnpm", "bun", "make", "just", "task", "composer", "rake"];
    let is_reset = |word: &str| {
        let word = word.to_ascii_lowercase();
        let mut parts = word.split([':', '-', '_', '.']);
        let is_data = parts.clone().any(|part| matches!(part, "db" | "database"));
        is_data
            && !is_for_tests(&word)
            && parts.any(|part| matches!(part, "drop" | "reset" | "wipe" | "nuke" | "fresh"))
    };
    RUNNERS.contains(&name) && command.operands(&["-C", "-f", "--prefix", "-w"]).take(3).any(is_reset)
}

/// A database that a command makes, which must not have been there.
pub fn made(command: &Command) -> Option<String> {
    let name = match command.name().as_str() {
        "createdb" => command.operands(&["-h", "-p", "-U", "-O", "-T", "-E"]).next()?.to_owned(),
        name if CLIENTS.contains(&name) => {
            let text = command.words.join(" ").to_ascii_lowercase();
            let rest = ["create database ", "create table "].iter().find_map(|verb| text.split_once(verb))?.1;
            let name = rest.split(|char: char| char.is_whitespace() || matches!(char, '(' | ';')).next()?;
            // What may have been there before is nobody's own.
            name.trim_matches(['"', '`']).to_owned()
        }
        _ => return None,
    };
    (name != "if" && !name.is_empty()).then(|| format!("database:{name}"))
}

/// Whether a command is told to work on the database of the tests.
fn chooses_tests(command: &Command) -> bool {
    let pairs = || command.assignments.iter().filter_map(|assignment| assignment.split_once('='));
    let chosen = pairs().any(|(name, value)| CHOOSERS.contains(&name) && is_for_tests(value));
    let said =
        command.words.iter().any(|word| matches!(word.as_str(), "--env=test" | "--env=testing" | "--environment=test"));
    let elsewhere = pairs().any(|(name, _)| name.contains("DATABASE_URL") || name == "DB_HOST");
    (chosen || said) && !elsewhere
}

/// The texts that a client may be given: its words, its documents, and what is fed to it.
fn texts<'l>(command: &'l Command, line: &'l Line) -> impl Iterator<Item = &'l str> {
    let fed = line.feeding(command).filter(|before| matches!(before.name().as_str(), "echo" | "printf" | "cat"));
    let own = command.words.iter().skip(1).chain(&command.input);
    own.chain(fed.into_iter().flat_map(|fed| fed.words.iter().skip(1).chain(&fed.input))).map(String::as_str)
}

fn statement(command: &Command, line: &Line) -> Option<Effect> {
    if command.has(&[":memory:"]) || command.operands(&[]).next().is_some_and(crate::file::paths::is_scratch) {
        return None;
    }
    let joined = command.words.get(1..).unwrap_or_default().join(" ");
    let is_given = |text: &str| text.contains(' ');
    let found = texts(command, line).filter(|text| is_given(text)).find_map(sql::destroys);
    let (what, name) = found.or_else(|| sql::destroys(&joined).filter(|_| !joined.contains('\'')))?;
    let is_real = name.as_deref().is_none_or(|name| !is_for_tests(name));
    is_real.then(|| Effect::new(EffectKind::Destroy, what).about("database", name.as_deref()))
}

fn mongo(command: &Command, line: &Line) -> Option<Effect> {
    const CALLS: [&str; 6] =
        ["dropDatabase(", ".drop()", ".deleteMany({})", ".remove({})", ".deleteMany()", ".dropIndexes("];
    let destroys = texts(command, line).any(|text| {
        let plain: String = text.chars().filter(|char| !char.is_whitespace()).collect();
        CALLS.iter().any(|call| plain.contains(call))
    });
    destroys.then(|| Effect::new(EffectKind::Destroy, "a collection or database is dropped or emptied"))
}

fn redis(command: &Command, line: &Line) -> Option<Effect> {
    let flushes = |word: &str| word.eq_ignore_ascii_case("flushall") || word.eq_ignore_ascii_case("flushdb");
    let valued = ["-h", "-p", "-n", "-a", "-u", "-s", "--user", "--pass"];
    let is_own = command.operands(&valued).next().is_some_and(flushes);
    let is_fed = || texts(command, line).skip(command.words.len() - 1).any(|text| text.split_whitespace().any(flushes));
    (is_own || is_fed()).then(|| Effect::new(EffectKind::Destroy, "all keys are removed"))
}
