//! The well-known hosts and the most used packages, and what is like them. Lists and their search only.

use std::borrow::Cow;

use detect_core::egress::names::Names;
use detect_core::egress::popular;
use serde::{Deserialize, Serialize};

use super::likeness::{self, Likeness};

/// Where a package comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ecosystem {
    /// npm and what installs from it.
    Npm,
    /// PyPI.
    Python,
    /// crates.io.
    Rust,
    /// RubyGems.
    Ruby,
}

impl Ecosystem {
    /// The word in names of episodes and hashes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Python => "pypi",
            Self::Rust => "crates",
            Self::Ruby => "gems",
        }
    }

    /// The name for sentences.
    pub fn title(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Python => "PyPI",
            Self::Rust => "crates.io",
            Self::Ruby => "RubyGems",
        }
    }

    /// The most used packages, and some whose names are near theirs and which are what they seem.
    fn packages<'a>(self) -> impl Iterator<Item = &'a str> {
        let names: &'a str = match self {
            Self::Npm => NPM,
            Self::Python => PYTHON,
            Self::Rust => RUST,
            Self::Ruby => RUBY,
        };
        names.split_ascii_whitespace()
    }

    /// The name as the registry compares it: PyPI and crates.io take separators for each other.
    fn canonical(self, name: &str) -> Cow<'_, str> {
        match self {
            Self::Python | Self::Rust if name.contains(['_', '.']) => Cow::Owned(name.replace(['_', '.'], "-")),
            _ => Cow::Borrowed(name),
        }
    }
}

/// The well-known package that a name is like, and in which way.
pub fn package_like<'a>(ecosystem: Ecosystem, name: &str, own: &'a Names) -> Option<(&'a str, Likeness)> {
    let canonical = ecosystem.canonical(name);
    if ecosystem.packages().any(|known| ecosystem.canonical(known) == canonical) {
        return None;
    }
    ecosystem
        .packages()
        .chain(own.iter())
        .find_map(|known| likeness::of(&canonical, &ecosystem.canonical(known)).map(|likeness| (known, likeness)))
}

/// The well-known host that a host is like, and in which way.
pub fn host_like(host: &str, domain: &str) -> Option<(&'static str, Likeness)> {
    if popular::is_popular(domain) || HOSTS.contains(&domain) {
        return None;
    }
    let inside = |known: &&&str| {
        host.match_indices(**known).any(|(at, found)| {
            let begins = at == 0 || host.as_bytes().get(at - 1).is_some_and(|byte| matches!(byte, b'.' | b'-'));
            begins && host.as_bytes().get(at + found.len()) == Some(&b'.')
        })
    };
    if let Some(known) = HOSTS.iter().find(inside) {
        return Some((known, Likeness::Inside));
    }
    let (label, ending) = domain.split_once('.')?;
    let label = likeness::readable(label);
    HOSTS.iter().find_map(|known| {
        let (known_label, known_ending) = known.split_once('.')?;
        if label == known_label {
            return REGISTRIES.contains(known).then_some((*known, Likeness::Ending));
        }
        // Another ending and another label is too far, unless it reads the same.
        if ending != known_ending {
            return likeness::reads_the_same(&label, known_label).then_some((*known, Likeness::LooksAlike));
        }
        likeness::of(&label, known_label).map(|likeness| (*known, likeness))
    })
}

/// Registrable domains that agents fetch code from or send secrets to.
const HOSTS: &[&str] = &[
    "npmjs.org",
    "npmjs.com",
    "yarnpkg.com",
    "pypi.org",
    "pythonhosted.org",
    "crates.io",
    "rubygems.org",
    "packagist.org",
    "nuget.org",
    "golang.org",
    "docker.com",
    "docker.io",
    "ghcr.io",
    "quay.io",
    "github.com",
    "githubusercontent.com",
    "gitlab.com",
    "bitbucket.org",
    "huggingface.co",
    "anaconda.org",
    "debian.org",
    "ubuntu.com",
    "alpinelinux.org",
    "rust-lang.org",
    "nodejs.org",
    "anthropic.com",
    "openai.com",
    "hashicorp.com",
    "kubernetes.io",
    "cloudflare.com",
    "microsoft.com",
    "amazonaws.com",
];

/// Those whose name under another ending is nobody else's business.
const REGISTRIES: &[&str] =
    &["npmjs.org", "yarnpkg.com", "pypi.org", "pythonhosted.org", "rubygems.org", "packagist.org"];

const NPM: &str = "\
    react preact react-dom react-router react-redux redux lodash lodash.merge lodash-es express axios chalk \
    commander debug request requests moment async uuid typescript webpack webpack-cli eslint prettier jest \
    mocha chai vite vitest rollup esbuild babel-core @babel/core @babel/cli @types/node @types/react next nuxt \
    svelte angular jquery bootstrap tailwindcss postcss autoprefixer dotenv cross-env rimraf nodemon puppeteer \
    playwright electron socket.io mongoose sequelize prisma typeorm graphql apollo-server body-parser \
    cookie-parser passport jsonwebtoken bcrypt bcryptjs winston yargs inquirer colors glob minimist semver \
    underscore bluebird rxjs immutable formik classnames styled-components node-fetch superagent cheerio \
    handlebars husky lint-staged concurrently ts-node zod left-pad event-stream fsevents node-sass core-js \
    form-data qs ora three";

const PYTHON: &str = "\
    requests requests-oauthlib urllib3 numpy pandas scipy matplotlib scikit-learn scikit-image tensorflow torch \
    torchvision transformers django flask fastapi starlette uvicorn gunicorn sqlalchemy psycopg2 \
    psycopg2-binary pymongo redis celery boto3 botocore awscli pyyaml jinja2 markupsafe werkzeug click colorama \
    rich typer pydantic pytest pytest-cov tox mypy black ruff isort pylint flake8 setuptools wheel virtualenv \
    poetry pipenv cryptography pycryptodome paramiko pillow opencv-python beautifulsoup4 lxml scrapy selenium \
    playwright httpx aiohttp httplib2 python-dateutil pytz six attrs certifi charset-normalizer idna packaging \
    protobuf grpcio openai anthropic langchain tiktoken jupyter notebook ipython tqdm psutil simplejson \
    jsonschema python-dotenv docker kubernetes ansible gitpython";

const RUST: &str = "\
    serde serde-json serde-yaml serde-derive tokio tokio-util reqwest request hyper axum actix-web rocket warp \
    tonic prost clap anyhow thiserror tracing tracing-subscriber env-logger regex rand rand-core chrono uuid \
    futures async-trait bytes itertools rayon crossbeam parking-lot once-cell lazy-static num-traits syn quote \
    proc-macro2 libc base64 sha2 rustls openssl diesel sqlx rusqlite criterion proptest tempfile walkdir \
    indexmap hashbrown smallvec bitflags rustdecimal rust-decimal semver toml";

const RUBY: &str = "\
    rails railties rake rack sinatra puma unicorn sidekiq resque devise nokogiri rspec rspec-core rubocop \
    bundler activerecord activesupport actionpack capybara faraday httparty rest-client redis mongoid jekyll \
    capistrano pry byebug simplecov factory-bot aws-sdk thor mysql2 sqlite3 bootsnap jbuilder omniauth \
    carrierwave kaminari pundit bcrypt";

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ecosystem: Ecosystem, name: &str, expected: Option<(&str, Likeness)>) {
        assert_eq!(package_like(ecosystem, name, &Names::default()), expected, "{name}");
    }

    #[test]
    fn packages_near_the_listed_ones_are_found() {
        check(Ecosystem::Python, "reqvests", Some(("requests", Likeness::Edits(1))));
        check(Ecosystem::Python, "python_dateutil", None);
        check(Ecosystem::Python, "pythondateutil", Some(("python-dateutil", Likeness::Separators)));
        check(Ecosystem::Npm, "1odash", Some(("lodash", Likeness::LooksAlike)));
        check(Ecosystem::Npm, "types-node", None);
        check(Ecosystem::Rust, "tokio_util", None);
        check(Ecosystem::Rust, "rustdecimal", None);
        check(Ecosystem::Ruby, "nokogirl", Some(("nokogiri", Likeness::LooksAlike)));
        check(Ecosystem::Npm, "acme-widgets", None);
        let own: Names = serde_json::from_str(r#"["acme-widgets"]"#).unwrap();
        let found = package_like(Ecosystem::Npm, "acme-wigdets", &own);
        assert_eq!(found, Some(("acme-widgets", Likeness::Edits(1))));
    }

    #[test]
    fn listed_packages_are_told_from_each_other() {
        for ecosystem in [Ecosystem::Npm, Ecosystem::Python, Ecosystem::Rust, Ecosystem::Ruby] {
            for name in ecosystem.packages() {
                check(ecosystem, name, None);
            }
        }
    }

    #[test]
    fn hosts_near_the_listed_ones_are_found() {
        let check = |host: &str, domain: &str, expected: Option<(&str, Likeness)>| {
            assert_eq!(host_like(host, domain), expected, "{host}");
        };
        check("registry.npmjs.org.attacker-logger.com", "attacker-logger.com", Some(("npmjs.org", Likeness::Inside)));
        check("my-github.com.attacker-logger.com", "attacker-logger.com", Some(("github.com", Likeness::Inside)));
        check("xgithub.com.attacker-logger.com", "attacker-logger.com", None);
        check("api.githvb.com", "githvb.com", Some(("github.com", Likeness::Edits(1))));
        check("g1thub.example", "g1thub.example", Some(("github.com", Likeness::LooksAlike)));
        check("pypi.example", "pypi.example", Some(("pypi.org", Likeness::Ending)));
        check("github.example", "github.example", None);
        check("registry.npmjs.org", "npmjs.org", None);
        check("packages.acme.example", "acme.example", None);
        check("203.0.113.7", "203.0.113.7", None);
        for known in HOSTS {
            check(known, known, None);
        }
    }
}
