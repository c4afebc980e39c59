//! Secrets in command lines and files that have a place and no name: `curl -u user:…`, `mysql -p…`, `.netrc`.

use super::rules::{Rule, rule};

/// The kind of a secret in a command line.
const OPTION: &str = "option";

/// Each anchored on the program or the word before the secret, which is the first group. A program's arguments may stand in
/// a list of JSON, so quotes and commas separate them too.
pub static RULES: &[Rule] = &[
    rule(
        OPTION,
        &["curl", "wget", "http"],
        r#"(?-u:\b)(?:curl|wget|https?|xh)(?-u:\b)[^|;&\n{}]{0,300}?[\s"',](?:-u[\s"',=]*|--(?:proxy-|http-)?user[\s"',=]+)[^\s"':,/]*:([^\s"',]+)"#,
    ),
    rule(
        OPTION,
        &["mysql", "mariadb", "mycli"],
        r#"(?-u:\b)(?:mysql\w*|mariadb[\w-]*|mycli)(?-u:\b)[^|;&\n{}]{0,300}?[\s"',]-p["']?([^\s"',-][^\s"',]*)"#,
    ),
    rule(OPTION, &["sshpass"], r#"sshpass(?:[\s"',]+-[^p\s"',]\S*)*[\s"',]+-p[\s"',]*([^\s"',]+)"#),
    rule(
        OPTION,
        &["login"],
        r#"(?:docker|podman|nerdctl|buildah|skopeo|helm|oras|az|argocd|oc|cf|registry)[\s"',]+login(?-u:\b)[^|;&\n{}]{0,300}?[\s"',]-p[\s"',=]*([^\s"',-][^\s"',]*)"#,
    ),
    rule(OPTION, &["redis-cli"], r#"redis-cli[^|;&\n{}]{0,300}?[\s"',]-a[\s"',]*([^\s"',]+)"#),
    rule(OPTION, &["mongo"], r#"(?-u:\b)mongo\w*(?-u:\b)[^|;&\n{}]{0,300}?[\s"',]-p[\s"',]*([^\s"',-][^\s"',]*)"#),
    rule(
        OPTION,
        &["sqlcmd", "unzip", "zip "],
        r#"(?-u:\b)(?:sqlcmd|unzip|zip)(?-u:\b)[^|;&\n{}]{0,300}?[\s"',]-P[\s"',]*([^\s"',]+)"#,
    ),
    rule(OPTION, &["7z"], r#"(?-u:\b)7z[a-z]?(?-u:\b)[^|;&\n{}]{0,300}?[\s"',]-p([^\s"',]+)"#),
    rule(OPTION, &["ldap"], r#"(?-u:\b)ldap\w+(?-u:\b)[^|;&\n{}]{0,300}?[\s"',]-w[\s"',]*([^\s"',]+)"#),
    rule(
        OPTION,
        &["smbclient", "rpcclient", "mount.cifs"],
        r#"(?:smbclient|rpcclient|mount\.cifs)[^|;&\n{}]{0,300}?[\s"',]-U[\s"',]*[^\s"'%]+%([^\s"',]+)"#,
    ),
    rule(OPTION, &["htpasswd"], r#"htpasswd[\s"',]+-\w*b\w*[\s"',]+[^\s"',]+[\s"',]+[^\s"',]+[\s"',]+([^\s"',]+)"#),
    rule(OPTION, &["pass:"], r#"-pass(?:in|out)?[\s"',]+pass:([^\s"',]+)"#),
    rule(OPTION, &["--from-literal"], r#"--from-literal[\s"',=]+[^=\s"']+=([^\s"',]+)"#),
    rule(OPTION, &["secret set"], r#"secret\s+set\s+\S+[^|;&\n{}]{0,300}?\s(?:-b|--body)[\s"',=]+([^\s"']+)"#),
    rule(
        OPTION,
        &["--password-stdin", "chpasswd"],
        r#"(?:echo|printf)(?:\s+-\w+)*\s+(?:'([^'\n]+)'|"([^"\n]+)"|([^\s|"']+))\s*\|[^\n|]{0,120}?(?:--password-stdin|chpasswd)"#,
    ),
    rule(
        OPTION,
        &["config"],
        r#"(?i)config(?:ure)?(?:\s+--?\w+)*(?:\s+set)?\s+\S*(?:secret|password|token|_key|_auth)[\w.-]*\s+["']?([^\s"']{4,})"#,
    ),
    rule(OPTION, &["identified by"], r#"(?i)identified\s+by\s+["']([^"'\n]+)["']"#),
    rule(
        OPTION,
        &["machine ", "default"],
        r#"(?:machine\s+(?:localhost|[^\s"']*[.:][^\s"']*)|default)\s+login\s+[^\s"']+\s+(?:account\s+[^\s"']+\s+)?password\s+([^\s"']+)"#,
    ),
    rule(OPTION, &["net use", "net user"], r#"(?i)net\s+user?\s+\S+\s+([^\s/"'][^\s"']{3,})\s+/(?:add|user)"#),
];
