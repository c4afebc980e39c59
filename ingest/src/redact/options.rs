//! Secrets in command lines and files that have a place and no name: `curl -u user:…`, `mysql -p…`, `.netrc`.

use super::rules::{Rule, rule};

/// The kind of a secret in a command line.
const OPTION: &str = "option";

/// Each anchored on the program or the word before the secret, which is the first group. A program's arguments may stand in
/// a list of JSON, so quotes and commas separate them too.
pub static RULES: &[Rule] = &[
    rule(
        OPTION,
        &["-u"],
        r#"(?-u:\b)(?:curl|wget|https?|xh)(?-u:\b)[^|;&\n{}]{0,300}?[\s"',](?:-u[\s"',=]*|--(?:proxy-|http-)?user[\s"',=]+)[^\s"':,/]*:([^\s"',]+)"#,
    ),
    rule(
        OPTION,
        &["http ", "https ", "xh "],
        r#"(?:^|[\s;|&("'])(?:https?|xh)[\s"',][^|;&\n{}]{0,300}?(?:-a|--auth)[\s"',=]+[^\s"':,/]*:([^\s"',]+)"#,
    ),
    rule(
        OPTION,
        &["curl"],
        r#"curl(?-u:\b)[^|&\n{}]{0,300}?[\s"',](?:-b|--cookie)(?:[\s"',]+|=)((?:[\w.-]+=[^\s"';]+;?[ ]?)+)"#,
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
        &["sqlcmd", "bcp ", "unzip", "zip "],
        r#"(?-u:\b)(?:sqlcmd|bcp|unzip|zip)(?-u:\b)[^|;&\n{}]{0,300}?[\s"',]-P[\s"',]*([^\s"',]+)"#,
    ),
    rule(OPTION, &["7z"], r#"(?-u:\b)7z[a-z]?(?-u:\b)[^|;&\n{}]{0,300}?[\s"',]-p([^\s"',]+)"#),
    rule(OPTION, &["ldap"], r#"(?-u:\b)ldap\w+(?-u:\b)[^|;&\n{}]{0,300}?[\s"',]-w[\s"',]*([^\s"',]+)"#),
    rule(
        OPTION,
        &["smbclient", "rpcclient", "mount.cifs"],
        r#"(?:smbclient|rpcclient|mount\.cifs)[^|;&\n{}]{0,300}?[\s"',]-U[\s"',]*[^\s"'%]+%([^\s"',]+)"#,
    ),
    rule(
        OPTION,
        &["sqlplus", "sqlldr", "expdp", "impdp", "rman ", "jdbc:oracle"],
        r#"(?:(?:sqlplus|sqlldr|expdp|impdp|rman)[\s"',][^|;&\n{}]{0,100}?|jdbc:oracle:\w+:)[\w$#]+/([^\s"'@/]+)@"#,
    ),
    rule(OPTION, &["lftp"], r#"lftp[^|;&\n{}]{0,300}?[\s"',]-u[\s"',]*[^\s"',]+,([^\s"',]+)"#),
    rule(OPTION, &["twine"], r#"twine[^|;&\n{}]{0,300}?[\s"',]-p[\s"',]*([^\s"',-][^\s"',]*)"#),
    rule(OPTION, &["openssl"], r#"openssl[^|;&\n{}]{0,300}?[\s"',]-k[\s"',]+([^\s"',-][^\s"',]*)"#),
    rule(
        OPTION,
        &["storepass", "keypass"],
        r#"[\s"',]-(?:src|dest)?(?:store|key)pass[\s"',]+(?:pass:)?([^\s"',-][^\s"',]*)"#,
    ),
    rule(
        OPTION,
        &["cargo login", "vault login", "snyk auth", "sentry-cli login", "bw unlock", "npm login"],
        r#"(?:cargo|vault|snyk|sentry-cli|bw|npm)\s+(?:login|auth|unlock)\s+(?:token=)?["']?([A-Za-z0-9._-]{16,})"#,
    ),
    rule(OPTION, &["htpasswd"], r#"htpasswd[\s"',]+-\w*b\w*[\s"',]+[^\s"',]+[\s"',]+[^\s"',]+[\s"',]+([^\s"',]+)"#),
    rule(OPTION, &["pass:"], r#"-pass(?:in|out)?[\s"',]+pass:([^\s"',]+)"#),
    rule(OPTION, &["--from-literal"], r#"--from-literal[\s"',=]+[^=\s"']+=([^\s"',]+)"#),
    rule(OPTION, &["secret set"], r#"secret\s+set\s+\S+[^|;&\n{}]{0,300}?\s(?:-b|--body)[\s"',=]+([^\s"']+)"#),
    rule(
        OPTION,
        &["--password-stdin", "chpasswd", "--with-token", "sudo ", "secret put", "--passphrase-fd"],
        r#"(?:echo|printf)(?:\s+-\w+)*\s+(?:'([^'\n]+)'|"([^"\n]+)"|([^\s|"']+))\s*\|[^\n|]{0,120}?(?:--password-stdin|chpasswd|--with-token|sudo\s+(?:-\w+\s+)*-\w*S|secret\s+put|--passphrase-fd)"#,
    ),
    rule(
        OPTION,
        &["<<<"],
        r#"(?:--password-stdin|--with-token|sudo\s+(?:-\w+\s+)*-\w*S|secret\s+put|--passphrase-fd)[^|;&\n<]{0,120}<<<\s*(?:'([^'\n]+)'|"([^"\n]+)"|([^\s|"';]+))"#,
    ),
    rule(
        OPTION,
        &["http-basic", "bundle config"],
        r#"(?:http-basic[.\s]\S+\s+[^\s"']+\s+["']?([^\s"']+)|bundle\s+config(?:\s+(?:set|--\w+))*\s+\S+\s+[^\s:"'/]+:([^\s"']+))"#,
    ),
    rule(
        OPTION,
        &["setx", "env ", "requirepass", "masterauth"],
        r#"(?i)(?:setx\s+|(?-u:\b)(?-i:ENV)\s+)\S*(?:pass\w*|pwd|secret\w*|token|_key)\s+["']?([^\s"'=][^\s"']*)|(?:requirepass|masterauth)\s+["']?([^\s"']+)"#,
    ),
    rule(
        OPTION,
        &["access_key", "secret_key", "api_key", "_token", "client_secret"],
        r#"(?i)(?:access_key|secret_key|api_key|(?:auth|access|refresh)_token|client_secret)\s+["']?([A-Za-z/+_-]*[0-9][A-Za-z/+_-]*[0-9][A-Za-z0-9/+_.-]{14,})"#,
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
