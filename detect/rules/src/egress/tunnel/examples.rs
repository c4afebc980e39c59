//! Examples of `dns.tunnel`: they stand in the reference and are tests.

use detect_core::spec::{Example, Expected};
use operations::alert::{Severity, State};

pub const EXAMPLES: &[Example] = &[
    Example {
        name: "after reading a file with secrets, an agent asks for names that say what was in it",
        events: &[
            r#"{"second":0,"kind":"dns.query","host":"packages.example","domain":"packages.example","workspace":"w2"}"#,
            r#"{"second":1,"kind":"dns.query","host":"packages.example","domain":"packages.example","workspace":"w3"}"#,
            r#"{"second":60,"kind":"file.read","file":"/home/coder/app/.env","workspace":"w1"}"#,
            r#"{"second":61,"kind":"dns.query","action":"A","host":"irbf6scpknkd2zdcfzqwg3lffzsxqylnobwgk.x1.t.example","domain":"t.example","workspace":"w1"}"#,
            r#"{"second":62,"kind":"dns.query","action":"A","host":"ebceex2vkncveplmmvsgozlsebceex2qifjvg.x2.t.example","domain":"t.example","workspace":"w1"}"#,
            r#"{"second":63,"kind":"dns.query","action":"A","host":"k5hverb5mnxxe4tfmn2c22dpojzwkllcmf2hi.x3.t.example","domain":"t.example","workspace":"w1"}"#,
            r#"{"second":64,"kind":"dns.query","action":"A","host":"mvzhslltorqxa3dfebjviusjkbcv6s2fle6xg.x4.t.example","domain":"t.example","workspace":"w1"}"#,
            r#"{"second":65,"kind":"dns.query","action":"A","host":"nnpxizltorptamjsgm2dknrxha4sau2nkrif6.x5.t.example","domain":"t.example","workspace":"w1"}"#,
            r#"{"second":66,"kind":"dns.query","action":"A","host":"kjcuyqkzhvwwc2lmfzqwg3lffzsxqylnobwgk.x6.t.example","domain":"t.example","workspace":"w1"}"#,
            r#"{"second":67,"kind":"dns.query","action":"A","host":"ebjuktsukjmv6rctjy6wq5duobztulzppbag6.x7.t.example","domain":"t.example","workspace":"w1"}"#,
            r#"{"second":68,"kind":"dns.query","action":"A","host":"gexgk6dbnvygyzjpgiqemrkbkrkverk7izgec.x8.t.example","domain":"t.example","workspace":"w1"}"#,
        ],
        until: 8_000,
        alerts: &[
            Expected {
                state: State::Open,
                severity: Severity::Critical,
                count: 7,
                reason: "below t.example were asked for in 6 s whose labels look like data, up to 37 characters long. Together the \
                         labels are 259 bytes; 259 bytes are a text once they are decoded; nothing else was asked for there.",
            },
            Expected {
                state: State::Resolved,
                severity: Severity::Critical,
                count: 8,
                reason: "8 different names below",
            },
        ],
    },
    Example {
        name: "names of private networks, of networks that deliver content and of machines, and the same name again, are quiet",
        events: &[
            r#"{"second":0,"repeat":40,"kind":"dns.query","action":"A","host":"api-7d9f8b6c5x{n}q8z4k2m9.payments.svc.cluster.local","workspace":"w1"}"#,
            r#"{"second":1,"repeat":40,"kind":"dns.query","action":"PTR","host":"b.a.9.8.7.6.5.{n}.0.1.c.f.ip6.arpa","workspace":"w1"}"#,
            r#"{"second":2,"repeat":40,"kind":"dns.query","action":"A","host":"d{n}f8x7k2q9z4m1.cloudfront.net","domain":"d{n}f8x7k2q9z4m1.cloudfront.net","workspace":"w1"}"#,
            r#"{"second":3,"repeat":40,"kind":"dns.query","action":"A","host":"build-{n}.runners.acme.example","domain":"acme.example","workspace":"w1"}"#,
            r#"{"second":4,"repeat":400,"kind":"dns.query","action":"A","host":"k2x9q8z7m4f1w6v3.acme.example","domain":"acme.example","workspace":"w1"}"#,
        ],
        until: 8_000,
        alerts: &[],
    },
];
