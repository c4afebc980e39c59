//! The corpus: secrets by kind, made from a seed; what is not covered; and what is no secret.

/// Makes a text and the secret in it.
pub type Make = fn(u64) -> (String, String);

/// Characters of an alphabet, by a small generator of our own: the same for the same seed.
fn from(alphabet: &str, len: usize, seed: u64) -> String {
    let chars: Vec<char> = alphabet.chars().collect();
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            chars[(state >> 33) as usize % chars.len()]
        })
        .collect()
}

fn mixed(len: usize, seed: u64) -> String {
    from("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789", len, seed)
}

fn hex(len: usize, seed: u64) -> String {
    from("0123456789abcdef", len, seed)
}

fn upper(len: usize, seed: u64) -> String {
    from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", len, seed)
}

/// A password as people and generators make them.
fn password(seed: u64) -> String {
    ["tr", &mixed(9, seed), "7w"].concat()
}

/// Base64 of a text, in the usual alphabet.
pub fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in text.as_bytes().chunks(3) {
        let bits = group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) & 63;
            out.push(if digit <= group.len() { char::from(DIGITS[value as usize]) } else { '=' });
        }
    }
    out
}

fn pem(what: &str, newline: &str, seed: u64) -> (String, String) {
    let line = mixed(64, seed);
    let dashes = "-----";
    (format!("{dashes}BEGIN {what}{dashes}{newline}{line}{newline}{line}{newline}{dashes}END {what}{dashes}"), line)
}

/// A token within a sentence.
fn token(secret: String) -> (String, String) {
    (format!("use {secret} now"), secret)
}

fn framed(before: &str, secret: String, after: &str) -> (String, String) {
    ([before, &secret, after].concat(), secret)
}

/// Secrets that are known by their form.
pub static FORMS: &[(&str, Make)] = &[
    ("AWS access key", |seed| token(["AKIA", &upper(16, seed)].concat())),
    ("Google API key", |seed| token(["AIza", &mixed(35, seed)].concat())),
    ("Google OAuth", |seed| token(["ya29.", &mixed(60, seed)].concat())),
    ("Azure client secret", |seed| token([&mixed(3, seed), "8Q~", &mixed(34, seed)].concat())),
    ("GitHub token", |seed| token(["ghp_", &mixed(36, seed)].concat())),
    ("GitHub fine-grained token", |seed| token(["github_pat_", &mixed(40, seed)].concat())),
    ("GitLab token", |seed| token(["glpat-", &mixed(20, seed)].concat())),
    ("npm token", |seed| token(["npm_", &mixed(36, seed)].concat())),
    ("PyPI token", |seed| token(["pypi-", &mixed(60, seed)].concat())),
    ("Docker token", |seed| token(["dckr_pat_", &mixed(27, seed)].concat())),
    ("Anthropic key", |seed| token(["sk-ant-api03-", &mixed(40, seed)].concat())),
    ("OpenAI key", |seed| token(["sk-proj-", &mixed(40, seed)].concat())),
    ("Hugging Face token", |seed| token(["hf_", &mixed(34, seed)].concat())),
    ("Slack token", |seed| token(["xoxb-", &mixed(40, seed)].concat())),
    ("Stripe key", |seed| token(["sk_live_", &mixed(24, seed)].concat())),
    ("SendGrid key", |seed| token(["SG.", &mixed(22, seed), ".", &mixed(43, seed)].concat())),
    ("Twilio key", |seed| token(["SK", &hex(32, seed)].concat())),
    ("Mailgun key", |seed| token(["key-", &hex(32, seed)].concat())),
    ("DigitalOcean token", |seed| token(["dop_v1_", &hex(64, seed)].concat())),
    ("Databricks token", |seed| token(["dapi", &hex(32, seed)].concat())),
    ("Vault token", |seed| token(["hvs.", &mixed(90, seed)].concat())),
    ("Telegram bot token", |seed| token(format!("{}:A{}", from("123456789", 9, seed), mixed(34, seed)))),
    ("Telegram bot in a path", |seed| {
        framed(
            "https://api.telegram.example/bot",
            format!("{}:A{}", from("123456789", 9, seed), mixed(34, seed)),
            "/getMe",
        )
    }),
    ("Discord bot token", |seed| token(["M", &mixed(23, seed), ".", &mixed(6, seed), ".", &mixed(30, seed)].concat())),
    ("Slack webhook", |seed| {
        framed("https://hooks.slack.com/services/", ["T01/B02/", &mixed(24, seed)].concat(), " x")
    }),
    ("Discord webhook", |seed| framed("https://discord.example/api/webhooks/1234567890/", mixed(60, seed), " x")),
    ("JWT", |seed| token(["eyJ", &mixed(20, seed), ".eyJ", &mixed(30, seed), ".", &mixed(30, seed)].concat())),
    ("RSA private key", |seed| pem("RSA PRIVATE KEY", "\n", seed)),
    ("OpenSSH private key", |seed| pem("OPENSSH PRIVATE KEY", "\n", seed)),
    ("private key with \\n written out", |seed| pem("PRIVATE KEY", "\\n", seed)),
    ("PGP private key", |seed| pem("PGP PRIVATE KEY BLOCK", "\n", seed)),
    ("PuTTY private key", |seed| framed("Private-Lines: 2\n", mixed(64, seed), "\nPrivate-MAC: 00")),
    ("private key in base64", |seed| {
        let key = base64(&pem("PRIVATE KEY", "\n", seed).0);
        framed("key ", key, " x")
    }),
    ("age key", |seed| token(["AGE-SECRET-KEY-1", &from("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58, seed)].concat())),
    ("GitHub token, percent-encoded", |seed| framed("a%20ghp%5F", mixed(36, seed), "%0A")),
    ("GitHub token, in base64", |seed| {
        token(base64(&["{\"user\":\"mira\",\"t\":\"ghp_", &mixed(36, seed), "\"}"].concat()))
    }),
    ("user and password in base64", |seed| token(base64(&["mira:", &password(seed)].concat()))),
    ("service token", |seed| token(["lin_api_", &mixed(40, seed)].concat())),
    ("token of an unknown service", |seed| token(["acme_live_", &mixed(40, seed)].concat())),
];

/// Secrets that are known by the name before them or by their place.
pub static NAMED: &[(&str, Make)] = &[
    ("JSON member", |seed| framed("{\"user\": \"mira\", \"password\": \"", password(seed), "\"}")),
    ("JSON member with blanks", |seed| {
        framed("{\"dbPassword\":\"", ["my ", &password(seed), " x"].concat(), "\", \"a\": 1}")
    }),
    ("JSON number", |seed| framed("{\"passcode\": ", from("123456789", 8, seed), ", \"a\": 1}")),
    ("JSON list", |seed| framed("{\"api_keys\": 1, \"secrets\": [\"", password(seed), "\", \"b\"]}")),
    ("headers as pairs", |seed| framed("[[\"Authorization\", \"Bearer ", mixed(24, seed), "\"], [\"A\", \"b\"]]")),
    ("headers by name and value", |seed| framed("{\"name\": \"X-Api-Key\", \"value\": \"", mixed(24, seed), "\"}")),
    ("headers by value and name", |seed| framed("{\"value\": \"", mixed(24, seed), "\", \"name\": \"Authorization\"}")),
    ("variables by name and value", |seed| framed("- name: DB_PASSWORD\n  value: ", password(seed), "\n")),
    ("YAML", |seed| framed("db:\n  user: mira\n  password: ", password(seed), "\n  port: 1")),
    ("YAML with quotes", |seed| framed("client_secret: '", password(seed), "'")),
    ("YAML block", |seed| framed("password: |\n  ", password(seed), "\n")),
    ("TOML", |seed| framed("[db]\npassword = \"", password(seed), "\"")),
    ("INI", |seed| framed("[db]\npassword = ", password(seed), "\nport = 1")),
    ("properties", |seed| framed("spring.datasource.password=", password(seed), "\n")),
    (".env", |seed| framed("A=1\nDB_PASS=", password(seed), "\nB=2")),
    ("export", |seed| framed("export DEPLOY_SECRET='", password(seed), "'; make")),
    ("variable of a command", |seed| framed("PGPASSWORD=", password(seed), " psql -h db")),
    ("option", |seed| framed("tool --password ", password(seed), " run")),
    ("option with =", |seed| framed("tool --api-key=", password(seed), " run")),
    ("option in a list", |seed| framed("[\"tool\", \"--token\", \"", mixed(20, seed), "\", \"run\"]")),
    ("curl -u", |seed| framed("curl -s -u mira:", password(seed), " https://acme.example/")),
    ("curl -u in a list", |seed| framed("[\"curl\", \"-u\", \"mira:", password(seed), "\"]")),
    ("curl -H Authorization", |seed| {
        framed("curl -H 'Authorization: token ", mixed(30, seed), "' https://acme.example/")
    }),
    ("curl -H with a key", |seed| framed("curl -H \"X-Api-Key: ", mixed(30, seed), "\" https://acme.example/")),
    ("Basic authorization", |seed| framed("Authorization: Basic ", base64(&["mira:", &password(seed)].concat()), "\n")),
    ("mysql -p", |seed| framed("mysql -u root -p", password(seed), " shop")),
    ("sshpass -p", |seed| framed("sshpass -p ", password(seed), " ssh mira@acme.example")),
    ("docker login -p", |seed| framed("docker login -u mira -p ", password(seed), " registry.example")),
    ("docker login by standard input", |seed| {
        framed("echo ", password(seed), " | docker login --password-stdin x.example")
    }),
    ("redis-cli -a", |seed| framed("redis-cli -h x -a ", password(seed), " ping")),
    ("openssl -passin", |seed| framed("openssl rsa -passin pass:", password(seed), " -in a")),
    ("aws configure set", |seed| framed("aws configure set aws_secret_access_key ", mixed(40, seed), "")),
    ("npm config set", |seed| framed("npm config set //registry.example/:_authToken ", mixed(30, seed), "")),
    ("kubectl --from-literal", |seed| {
        framed("kubectl create secret generic a --from-literal=k=", password(seed), " x")
    }),
    ("curl -b", |seed| framed("curl -b 'sid=", mixed(30, seed), "' https://acme.example/")),
    ("sudo -S", |seed| framed("echo ", password(seed), " | sudo -S true")),
    ("here-string", |seed| framed("gh auth login --with-token <<< ", mixed(24, seed), "")),
    ("sqlplus", |seed| framed("sqlplus app/", password(seed), "@shop")),
    ("keytool -storepass", |seed| framed("keytool -list -storepass ", password(seed), " -v")),
    ("poetry config", |seed| framed("poetry config http-basic.acme mira ", password(seed), "")),
    ("ENV of an image", |seed| framed("ENV DEPLOY_SECRET ", password(seed), "\n")),
    ("redis configuration", |seed| framed("requirepass ", password(seed), "\n")),
    ("ALTER USER", |seed| framed("ALTER USER app WITH PASSWORD '", password(seed), "';")),
    ("XML attributes", |seed| framed("<property name=\"password\" value=\"", password(seed), "\"/>")),
    ("call that sets", |seed| framed("define('DB_PASSWORD', '", password(seed), "');")),
    ("typed variable", |seed| framed("let password: &'static str = \"", password(seed), "\";")),
    ("link that resets", |seed| framed("https://acme.example/reset-password/", mixed(40, seed), "")),
    ("SQL", |seed| framed("CREATE USER mira IDENTIFIED BY '", password(seed), "';")),
    ("address with a password", |seed| framed("git clone https://mira:", password(seed), "@acme.example/x.git")),
    ("address with a token", |seed| framed("git remote add o https://", mixed(30, seed), "@acme.example/x.git")),
    ("Postgres address", |seed| framed("postgres://app:", password(seed), "@db.example:5432/shop")),
    ("Redis address", |seed| framed("redis://:", password(seed), "@cache.example:6379/0")),
    ("AMQP address", |seed| framed("amqps://app:", password(seed), "@mq.example/v")),
    ("connection string", |seed| framed("Server=db.example;User Id=app;Password=", password(seed), ";Encrypt=true")),
    ("storage connection string", |seed| {
        framed("AccountName=a;AccountKey=", [&mixed(86, seed), "=="].concat(), ";E=1")
    }),
    ("query: token", |seed| framed("GET https://acme.example/a?b=1&access_token=", mixed(20, seed), "&c=2")),
    ("query: sig", |seed| framed("https://acme.example/a?se=1&sig=", mixed(40, seed), "&c=2")),
    ("query: key", |seed| framed("https://acme.example/a?key=", mixed(20, seed), "&c=2")),
    ("query: code", |seed| framed("https://acme.example/callback?code=", password(seed), "&state=2")),
    ("presigned address", |seed| framed("https://acme.example/a?X-Amz-Date=1&X-Amz-Signature=", hex(64, seed), "")),
    ("query, percent-encoded", |seed| {
        framed("https://acme.example/?next=%2Fa%3Ftoken%3D", mixed(20, seed), "%26b%3D1")
    }),
    ("cookie", |seed| framed("Cookie: theme=dark; sid=", mixed(24, seed), "\nAccept: x")),
    ("Set-Cookie", |seed| framed("Set-Cookie: session=", mixed(24, seed), "; HttpOnly\n")),
    (".netrc", |seed| framed("machine acme.example login mira password ", password(seed), "\n")),
    (".npmrc", |seed| framed("//registry.example/:_authToken=", mixed(30, seed), "\n")),
    (".npmrc _auth", |seed| framed("_auth=", base64(&["mira:", &password(seed)].concat()), "\n")),
    (".pypirc", |seed| framed("[pypi]\nusername = mira\npassword = ", password(seed), "\n")),
    ("docker config", |seed| {
        framed("{\"auths\":{\"x.example\":{\"auth\":\"", base64(&["mira:", &password(seed)].concat()), "\"}}}")
    }),
    ("kubeconfig token", |seed| framed("users:\n- name: a\n  user:\n    token: ", mixed(40, seed), "\n")),
    ("kubeconfig key", |seed| framed("    client-key-data: ", mixed(80, seed), "\n")),
    ("XML", |seed| framed("<server><password>", password(seed), "</password></server>")),
    ("program", |seed| framed("client = Client(api_key=\"", mixed(30, seed), "\")")),
    ("assignment in a program", |seed| framed("const clientSecret = \"", mixed(30, seed), "\";")),
    ("dictionary in a program", |seed| framed("config['secret_key'] = '", mixed(30, seed), "'")),
    ("sentence", |seed| framed("the password is ", password(seed), ", keep it")),
    ("AWS key id and its secret", |seed| {
        framed(&["AWS key AKIA", &upper(16, seed), " / "].concat(), mixed(40, seed), " to read")
    }),
];

/// What no rule finds.
pub static NOT_COVERED: &[(&str, Make)] = &[
    ("password in other words", |seed| framed("to get in, type ", password(seed), ", then wait")),
    ("token without name or form", |seed| token(mixed(40, seed))),
    ("split over two values", |seed| framed("{\"a\": \"ghp_\", \"b\": \"", mixed(18, seed), "\"}")),
    ("in hexadecimal", |seed| token(hex::encode(password(seed)))),
    ("backwards", |seed| token(["ghp_", &mixed(36, seed)].concat().chars().rev().collect())),
];

/// What looks like a secret and is none.
pub static BENIGN: &[&str] = &[
    "5d2f8c1e-0b7a-4e63-b1d4-9a3c7e6f2b80",
    "3f786850e387550fdab836ed7e6dc881de23001b",
    "commit 89e6c98d92887913cadf06b2adb97f26cde4849b",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "sha512-9eQH3yX0pGk1Q2w3e4r5t6y7u8i9o0pAaSsDdFfGgHhJjKkLlZzXxCcVvBbNnMm==",
    "toolu_01RX68weRSquLx6HUTj65iBo",
    "progress_outweighs_repetition_and_the_same_work_again",
    "call_a8Kd0PzQ7rLm2XvB9tYc4NwE6hJs1GuF",
    "test_shouldReturnTheRightValueWhenUser2IsLoggedIn3Times",
    "input(\"password\", \"Your password\")",
    "curl -b cookies.txt https://acme.example/a?b=1",
    "openssl x509 -in a.crt -noout",
    "http -a mira GET acme.example",
    "fn set(password: &str, limit: usize) -> bool",
    "https://acme.example/reset-password/",
    "ENV NODE_ENV production",
    "echo done | sudo tee /etc/motd",
    "msg_015SQewixvT9s4cABCVvUE6g",
    "req_011CabcdEFGHijklMNOP",
    "call_abc123DEF456ghi789",
    "chatcmpl-A1b2C3d4E5f6G7h8I9j0",
    "api_key_id: Zq3xT8vLm2",
    "{\"api_key_id\":\"Zq3xT8vLm2\",\"credential_kind\":\"centralized\"}",
    "{\"input_tokens\":14,\"output_tokens\":700,\"cache_read_input_tokens\":38001}",
    "max_tokens=4096 and tokens=12, key=value pairs; password is required",
    "{\"token_type\":\"bearer\",\"expires_in\":3600}",
    "{\"next_page_token\":\"CAESBmFiYzEyMw\"}",
    "nextPageToken: CAESBmFiYzEyMw",
    "continuation_token = 17",
    "let token = lexer.next(); password = ask()",
    "if token == end { return }",
    "fn check(token: &str, password: &str) -> bool",
    "def login(user: str, password: str) -> bool:",
    "password: string;",
    "token: Token,",
    "const password = process.env.DB_PASSWORD",
    "password = os.environ['DB_PASS']",
    "DB_PASSWORD=$DB_PASSWORD ./run",
    "DB_PASSWORD=${DB_PASSWORD:-} make",
    "password: ${{ secrets.DEPLOY }}",
    "password: {{ vault_db }}",
    "password = \"env:DB_PASSWORD\"",
    "token = \"file:/run/token\"",
    "password: ********",
    "api_key: <your key>",
    "password: null",
    "{\"password\": \"\", \"secret\": false, \"token\": null}",
    "--password-file /run/secret",
    "PWD=/home/coder/shop",
    "OLDPWD=/home/coder",
    "SSH_AUTH_SOCK=/tmp/agent.sock",
    "GIT_ASKPASS=/usr/bin/askpass",
    "git config credential.helper store",
    "git config user.name mira",
    "ssh git@acme.example",
    "git clone git@acme.example:shop/web.git",
    "https://mira@acme.example/shop.git",
    "https://acme.example/@scope/package",
    "https://packages.acme.example/left-pad?version=1.3.0&page=2",
    "https://acme.example/search?q=token+bucket&lang=en",
    "https://acme.example/a?code=404&country_code=DE",
    "https://acme.example/a?sort_key=name&session_count=3",
    "write to somebody@acme.example about task-force-five-and-more",
    "mkdir -p src/parts && cp -p a b",
    "mysql -u root -p shop",
    "docker run -p 8080:80 web",
    "docker login registry.example",
    "docker login registry.example; docker run -p 8080:80 web",
    "apt-get install mysql-client && mkdir -p /srv/data",
    "the token is valid, the password is unknown",
    "{\"type\":\"password\",\"label\":\"Password\",\"name\":\"field1\"}",
    "curl -u mira https://acme.example/",
    "python -u train.py --epochs 3",
    "ps -p 4711",
    "primary_key = id",
    "public_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB",
    "<key>name</key><string>web</string>",
    "author: Mira Holm",
    "authority: acme.example:443",
    "passed: 41, failed: 1",
    "tests/test_password.py::test_token PASSED",
    "cat src/auth/session.rs",
    "src/secret/egress.rs:12: use mark::Mark;",
    "The secret of good tests is good names.",
    "Authorization: Bearer $TOKEN",
    "-H \"Authorization: Bearer ${GITHUB_TOKEN}\"",
    "cookie_policy: strict",
    "base64 aGVsbG8gd29ybGQsIGhvdyBhcmUgeW91",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ",
    "100%25 of 20%20 is %7B",
    "C:\\Users\\mira\\n\\t\\u0041",
    "machine learning login page password field",
    "0x7ffdeadbeef0 0000000000000001",
    "ISBN 9783161484100, 1791015304118000",
    "AKIA is a prefix, ghp_ too, and sk- as well",
    "-----BEGIN CERTIFICATE----- MIIB -----END CERTIFICATE-----",
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7 mira@laptop",
];
