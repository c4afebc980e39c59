//! The built-in redaction rules: what a secret looks like. How they are applied stands in [`crate::redact`].
//!
//! At most [`RULES_MAX`] rules, each anchored on a prefix or a name that one shared search finds first, so that text
//! without secrets is read once. A rule must not match identifiers that joins need, and must not match its own placeholder.

/// One kind of secret.
pub struct Rule {
    /// The word in the placeholder and in the `redactions` column.
    pub kind: &'static str,
    /// The rule runs where one of these occurs, in any case of letters.
    pub keywords: &'static [&'static str],
    /// The secret is the first group that took part, or the whole match if there is no group. `\b` is the ASCII one: faster, and the same here.
    pub pattern: &'static str,
}

/// The most rules, those of command lines included: each is a bit of a word, and two bits are for names and hidden text.
pub const RULES_MAX: usize = 100;

/// A rule in one line.
pub const fn rule(kind: &'static str, keywords: &'static [&'static str], pattern: &'static str) -> Rule {
    Rule { kind, keywords, pattern }
}

/// The kind of user information in an address.
pub const USER_INFO: &str = "url_userinfo";

/// A user without a password that is longer than this is a token.
const USER_BYTES_MAX: usize = 15;

/// Whether what stands before the `@` of an address is more than a name. A placeholder says that it was.
pub fn is_secret_user(user: &str) -> bool {
    let has_password = user.split_once(':').is_some_and(|(_, password)| !password.is_empty());
    (has_password || user.len() > USER_BYTES_MAX) && !super::is_placeholder(user)
}

/// Whether secrets of this kind are known by the name before them, not by a form of their own.
pub fn is_by_name(kind: &str) -> bool {
    kind == USER_INFO || super::names::KINDS.contains(&kind)
}

/// Every built-in rule.
pub static RULES: &[Rule] = &[
    // Clouds.
    rule("aws_access_key", &["akia", "asia", "abia", "acca"], r"(?-u:\b)(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?-u:\b)"),
    // The secret has no prefix of its own: it is the token of 40 characters that follows its key's id,
    rule(
        "aws_secret_key",
        &["akia", "asia"],
        r"(?:AKIA|ASIA)[A-Z0-9]{16}(?s:.){0,80}?[^A-Za-z0-9/+=]([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$)",
    ),
    // or stands behind its name.
    rule(
        "aws_secret_key",
        &["secret_access_key", "secretaccesskey", "session_token", "sessiontoken"],
        r#"(?i)(?:secret_?access_?key|aws_?session_?token)[\s"'\\]{0,6}[=:]{1,2}>?[\s"'\\]{0,6}([A-Za-z0-9/+=]{16,})"#,
    ),
    rule("google_api_key", &["aiza"], r"AIza[A-Za-z0-9_-]{35}"),
    rule("google_oauth", &["ya29.", "gocspx-"], r"ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,}"),
    rule(
        "azure_key",
        &["accountkey=", "sharedaccesskey="],
        r"(?i)(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/=]{30,})",
    ),
    rule("azure_client_secret", &["q~"], r"(?-u:\b)[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}"),
    rule("digitalocean_token", &["doo_v1_", "dop_v1_", "dor_v1_"], r"do[opr]_v1_[a-f0-9]{64}"),
    rule("databricks_token", &["dapi"], r"(?-u:\b)dapi[a-f0-9]{32}(?:-[0-9])?"),
    rule("tailscale_key", &["tskey-"], r"tskey-[a-z]+-[A-Za-z0-9-]{16,}"),
    // Code hosts and package registries.
    rule(
        "github_token",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        r"gh[pousr]_(?:[0-9]+_)?[A-Za-z0-9]{20,}[A-Za-z0-9_]*|github_pat_[A-Za-z0-9_]{20,}",
    ),
    rule(
        "gitlab_token",
        &["glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glagent-", "glsoat-", "gloas-", "glft-", "glimt-"],
        r"gl(?:pat|dt|rt|cbt|ptt|agent|soat|oas|ft|imt)-[A-Za-z0-9_.-]{20,}",
    ),
    rule("npm_token", &["npm_"], r"npm_[A-Za-z0-9]{36}"),
    rule("pypi_token", &["pypi-"], r"pypi-[A-Za-z0-9_-]{40,}"),
    rule("docker_token", &["dckr_pat_"], r"dckr_pat_[A-Za-z0-9_-]{20,}"),
    rule("rubygems_key", &["rubygems_"], r"rubygems_[a-f0-9]{48}"),
    // Models.
    rule("anthropic_key", &["sk-ant-"], r"sk-ant-[A-Za-z0-9_-]{16,}"),
    rule("openai_key", &["sk-"], r"(?-u:\b)sk-(?:(?:proj|svcacct|admin|or)-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{20,})"),
    rule("huggingface_token", &["hf_", "api_org_"], r"(?-u:\b)(?:hf|api_org)_[A-Za-z0-9]{30,}"),
    rule("model_key", &["pplx-", "gsk_", "xai-"], r"(?-u:\b)(?:pplx-|gsk_|xai-)[A-Za-z0-9]{40,}"),
    // Other services.
    rule(
        "slack_token",
        &["xoxa-", "xoxb-", "xoxe", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xapp-"],
        r"(?:xox[abeoprs][.-]|xapp-)[A-Za-z0-9.-]{10,}",
    ),
    rule(
        "slack_webhook",
        &["hooks.slack.com"],
        r"(?i)hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9/_+-]{20,})",
    ),
    rule(
        "stripe_key",
        &["sk_", "rk_", "whsec_"],
        r"(?-u:\b)(?:[sr]k_(?:test|live|prod)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,})",
    ),
    rule("sendgrid_key", &["sg."], r"(?-u:\b)SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}"),
    rule("shopify_token", &["shpat_", "shpca_", "shppa_", "shpss_"], r"shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}"),
    rule("telegram_token", &[":a"], r"(?:bot|(?-u:\b))([0-9]{8,10}:A[A-Za-z0-9_-]{34})(?:[^A-Za-z0-9_-]|$)"),
    rule(
        "discord_token",
        &["."],
        r"(?-u:\b)([MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38})(?:[^A-Za-z0-9_-]|$)",
    ),
    rule(
        "webhook",
        &["/api/webhooks/", "webhook.office.com", "/webhookb2/", "chat.googleapis.com"],
        r#"(?i)(?:/api/webhooks/[0-9]+/([A-Za-z0-9_-]{30,})|/webhookb2/([A-Za-z0-9@-]{20,}/IncomingWebhook/[A-Za-z0-9/-]{20,})|chat\.googleapis\.com/v1/spaces/[^/?]+/messages\?([^\s"']+))"#,
    ),
    rule("twilio_key", &["sk"], r"(?-u:\b)SK[0-9a-f]{32}(?-u:\b)"),
    rule("mailgun_key", &["key-"], r"(?-u:\b)key-[0-9a-f]{32}(?-u:\b)"),
    rule("mailchimp_key", &["-us"], r"(?-u:\b)[0-9a-f]{32}-us[0-9]{1,2}(?-u:\b)"),
    rule("grafana_token", &["glsa_", "glc_"], r"(?:glsa|glc)_[A-Za-z0-9+/=_]{32,}"),
    rule("sentry_token", &["sntrys_", "sntryu_"], r"sntry[su]_[A-Za-z0-9+/=_]{20,}"),
    rule("vault_token", &["hvs.", "hvb.", "hvr."], r"(?-u:\b)hv[sbr]\.[A-Za-z0-9_-]{24,}"),
    rule("terraform_token", &[".atlasv1."], r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}"),
    rule(
        "service_token",
        &[
            "lin_api_", "ntn_", "nrak-", "pmak-", "pul-", "dp.pt.", "figd_", "sbp_", "pscale_", "nfp_", "r8_", "hrku-",
            "atatt3", "atbb", "bkua_", "clojars_", "sq0", "fo1_", "aio_", "secret_", "ops_ey", "phx_", "ct_rt", "cio",
            "sl.",
        ],
        r"(?-u:\b)(?:lin_api_|ntn_|NRAK-|PMAK-|pul-|dp\.pt\.|figd_|sbp_|pscale_(?:tkn|oauth|pw)_|nfp_|r8_|HRKU-|ATATT3|ATBB|bkua_|CLOJARS_|sq0[a-z]{3}-|fo1_|aio_|secret_|ops_ey|phx_|cio[A-Za-z0-9]|sl\.)[A-Za-z0-9_=-]{27,}",
    ),
    rule(
        "service_token",
        &[
            "akcp",
            "cmvmdgtuo",
            "absk",
            "1//0",
            "lsv2_",
            "fc-",
            "sk-lf-",
            "re_",
            "fm1_",
            "fm2_",
            "dp.",
            "rnd_",
            "cfpat-",
            "dckr_oat_",
        ],
        r"(?-u:\b)(?:AKCp[A-Za-z0-9]{60,}|cmVmdGtuO[A-Za-z0-9]{50}|ABSK[A-Za-z0-9+/=]{80,}|1//0[A-Za-z0-9_-]{40,}|lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}|fc-[a-f0-9]{32}|sk-lf-[a-f0-9-]{36}|re_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}|fm[12]_[A-Za-z0-9+/=_-]{60,}|dp\.(?:st|ct|sa|scim|audit)\.(?:[a-z0-9_-]+\.)?[A-Za-z0-9]{40,}|rnd_[A-Za-z0-9]{26,}|CFPAT-[A-Za-z0-9_-]{40,}|dckr_oat_[A-Za-z0-9_-]{20,})",
    ),
    rule(
        "url_query",
        &["reset", "magic", "invit", "verify"],
        r"(?i)/(?:(?:password[-_]?)?reset(?:[-_]?password)?|magic[-_]?(?:link|login)|verify[-_]?(?:email|account)|invit(?:e|ation)s?)/([A-Za-z0-9_.-]{20,})",
    ),
    rule("age_key", &["age-secret-key-1"], r"(?i)AGE-SECRET-KEY-1[0-9A-Z]{58}"),
    // Forms.
    rule(
        "jwt",
        &["eyj"],
        r"(?-u:\b)eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]*)?|(?-u:\b)eyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]*){4}",
    ),
    rule(
        "private_key",
        &["private key"],
        r"-----BEGIN[ A-Z0-9_-]{0,80}PRIVATE KEY(?: BLOCK)?-----(?s:.)*?(?:-----END[ A-Z0-9_-]{0,80}PRIVATE KEY(?: BLOCK)?-----|\z)",
    ),
    rule("private_key", &["private-lines"], r"Private-Lines: ?[0-9]+\s+((?s:.)*?)\s+(?:Private-MAC|\z)"),
    rule("private_key", &["ls0tls1crudjti"], r"LS0tLS1CRUdJTi[A-Za-z0-9+/=_-]{40,}"),
    // Places.
    rule("authorization", &["bearer"], r"(?i)(?-u:\b)bearer\s+([A-Za-z0-9._~+/=-]{16,})"),
    rule(USER_INFO, &["@"], r#"://([^\s/\\?#"'<>@:]*:[^\s/\\?#"'<>]+|[^\s/\\?#"'<>@:]{16,})@"#),
    rule(
        "assignment",
        &["\"value\"", "\"val\""],
        r#"(?i)"val(?:ue)?"\s*:\s*"([^"]+)"\s*,\s*"(?:name|key|header|field)"\s*:\s*"(?:[a-z0-9_-]*(?:authorization|cookie|password|passwd|secret|token|api[_-]?key))""#,
    ),
];
