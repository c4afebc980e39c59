//! Ordinary work of one agent: it browses, clones, installs, publishes, pushes, uploads, calls interfaces and asks the DNS.

use crate::event::{Event, request, team};
use crate::numbers::Numbers;

/// Days of one agent's work.
pub fn work(numbers: &mut Numbers, agent: u64, days: i64, events: &mut Vec<Event>) {
    for day in 0..days {
        let mut second = day * 86_400 + 28_800 + numbers.below(7_200) as i64;
        let end = day * 86_400 + 60_000 + numbers.below(9_000) as i64;
        let mut worker = Worker { numbers: &mut *numbers, agent, events: &mut *events };
        worker.fetch(second);
        while second < end {
            second += 5 + worker.numbers.below(240) as i64;
            worker.step(second);
        }
    }
}

struct Worker<'a> {
    numbers: &'a mut Numbers,
    agent: u64,
    events: &'a mut Vec<Event>,
}

impl Worker<'_> {
    fn add(&mut self, second: i64, method: &'static str, host: &str, path: &str, bytes: u64) {
        self.events.push(request(second, self.agent, method, host, path, bytes));
    }

    /// One thing that an agent does.
    fn step(&mut self, second: i64) {
        let size = 300 + self.numbers.below(2_000);
        let team = team(self.agent);
        match self.numbers.below(1_000) {
            0..300 => {
                let bytes = 8_000 + self.numbers.below(400_000);
                self.add(second, "POST", "api.anthropic.com", "/v1/messages", bytes);
            }
            300..480 => self.browse(second),
            480..560 => self.install(second),
            560..600 => self.fetch(second),
            600..640 => self.push(second),
            640..660 => {
                self.add(second, "POST", "api.github.com", "/graphql", size);
                let path = format!("/repos/{}/ledger/pulls", self.owner());
                self.add(second + 1, "POST", "api.github.com", &path, size);
            }
            660..720 => {
                let (method, id) =
                    if self.numbers.below(3) == 0 { ("POST", self.uuid()) } else { ("GET", self.uuid()) };
                self.add(second, method, &format!("api.team-{team}.example"), &format!("/v1/orders/{id}"), size);
            }
            720..740 if self.agent % 10 == 3 => {
                // An interface that only this agent works against: mostly reads.
                let host = format!("sandbox.customer-{}.example", self.agent);
                (0..3).for_each(|page| self.add(second + page, "GET", &host, &format!("/v2/items?page={page}"), 400));
                self.add(second + 4, "POST", &host, "/v2/items", size);
            }
            740..800 => self.telemetry(second),
            800..808 => {
                let bytes = 20_000 + self.numbers.below(4_000_000);
                let host = format!("acme-{team}-artifacts.s3.eu-west-1.amazonaws.com");
                self.add(second, "PUT", &host, "/build/ledger.tar.zst", bytes);
            }
            808..810 if self.agent.is_multiple_of(4) => {
                let bytes = 30_000 + self.numbers.below(900_000);
                self.add(second, "PUT", "registry.npmjs.org", &format!("/@acme-{team}%2fledger"), bytes);
            }
            810..815 => self.add(second, "POST", "hooks.slack.com", &format!("/services/T0ACME/B{team}/x{team}"), 400),
            815..820 => self.add(second, "POST", "ingest.codecov.io", "/upload/github/acme/commits", 4_000 + size),
            820..850 => self.download(second),
            850..940 => self.lookups(second),
            940..960 => self.add(second, "GET", "localhost", "/health", 200),
            960..961 if self.numbers.below(4) == 0 => {
                // Once in a while there is a service that nobody used before.
                let host = format!("api.vendor-{}.example", self.numbers.below(100_000));
                self.add(second, "POST", &host, "/v1/token", size);
                (1..20).for_each(|call| self.add(second + 20 * call, "GET", &host, &format!("/v1/items/{call}"), 300));
            }
            _ => {
                let page = self.numbers.below(40);
                self.add(second, "GET", "docs.team-docs.example", &format!("/guide/page-{page}"), 300);
            }
        }
    }

    /// Most agents work on their team's repositories, some on those of a customer of their own.
    fn owner(&self) -> String {
        if self.agent % 12 == 5 { format!("customer-{}", self.agent) } else { format!("acme-{}", team(self.agent)) }
    }

    fn fetch(&mut self, second: i64) {
        let owner = match self.numbers.below(3) {
            0 => format!("library-{}", self.numbers.below(3_000)),
            _ => self.owner(),
        };
        let refs = format!("/{owner}/ledger.git/info/refs?service=git-upload-pack");
        self.add(second, "GET", "github.com", &refs, 300);
        self.add(second + 1, "POST", "github.com", &format!("/{owner}/ledger.git/git-upload-pack"), 900);
    }

    fn push(&mut self, second: i64) {
        let owner = self.owner();
        let refs = format!("/{owner}/ledger.git/info/refs?service=git-receive-pack");
        self.add(second, "GET", "github.com", &refs, 300);
        let bytes = 2_000 + self.numbers.below(200_000);
        self.add(second + 1, "POST", "github.com", &format!("/{owner}/ledger.git/git-receive-pack"), bytes);
    }

    fn install(&mut self, second: i64) {
        for at in 0..=self.numbers.below(12) as i64 {
            let name = self.numbers.below(4_000);
            if self.numbers.below(2) == 0 {
                self.add(
                    second + at,
                    "GET",
                    "registry.npmjs.org",
                    &format!("/pkg-{name}/-/pkg-{name}-1.{at}.0.tgz"),
                    300,
                );
            } else {
                let hash = self.hex(60);
                let path = format!("/packages/{}/{}/{}/name-1.0-py3-none-any.whl", &hash[..2], &hash[2..4], &hash[4..]);
                self.add(second + at, "GET", "files.pythonhosted.org", &path, 300);
            }
        }
        self.add(second + 14, "POST", "registry.npmjs.org", "/-/npm/v1/security/advisories/bulk", 3_000);
    }

    /// A site that hardly anybody else reads: slugs, assets with digests in their names, parameters of campaigns and links.
    fn browse(&mut self, second: i64) {
        let site = self.numbers.below(30_000);
        let host = if self.numbers.below(3) == 0 {
            "stackoverflow.com".to_owned()
        } else {
            format!("{}.site-{site}.example", ["www", "docs", "blog", "cdn"][self.numbers.below(4) as usize])
        };
        let slug = "how-to-configure-the-thing-in-production";
        self.add(second, "GET", &host, &format!("/2026/10/{slug}-{site}"), 500);
        for at in 0..self.numbers.below(6) as i64 {
            let path = match self.numbers.below(7) {
                0 => format!("/assets/index-{}.js", self.token(8)),
                1 => format!("/static/js/main.{}.chunk.js", self.hex(20)),
                2 => format!("/images/{}.webp", self.uuid()),
                3 => format!("/a?utm_source=search&utm_campaign=autumn&gclid={}", self.token(60)),
                4 => format!("/_next/image?url=%2Fimages%2Fhero-{site}.png&w=1920&q=75"),
                5 => format!("/blobs/sha256:{}", self.hex(64)),
                _ => "/search?q=rust+borrow+checker+lifetime+of+a+closure".to_owned(),
            };
            self.add(second + at, "GET", &host, &path, 400);
        }
    }

    /// What clouds sign: links to large files.
    fn download(&mut self, second: i64) {
        let (hash, token) = (self.hex(64), self.token(700));
        let path = match self.numbers.below(3) {
            0 => {
                format!("/data/part.parquet?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=300&X-Amz-Signature={hash}")
            }
            1 => format!("/data/part.parquet?X-Amz-Security-Token={token}&X-Amz-Signature={hash}"),
            _ => format!(
                "/repos/{hash}/{hash}?Policy={}&Signature={}&Key-Pair-Id=K3RPWS32NSSJCE",
                &token[..300],
                &token[300..600]
            ),
        };
        let bucket = self.numbers.below(500);
        self.add(second, "GET", &format!("public-{bucket}.s3.us-east-1.amazonaws.com"), &path, 900);
    }

    fn telemetry(&mut self, second: i64) {
        let size = 200 + self.numbers.below(30_000);
        match self.numbers.below(4) {
            0 => self.add(second, "POST", "o4504123.ingest.us.sentry.io", "/api/4504/envelope/", size),
            1 => self.add(second, "POST", "statsig.anthropic.com", "/v1/rgstr", size),
            2 => self.add(second, "POST", "http-intake.logs.datadoghq.com", "/api/v2/logs", size),
            _ => self.add(second, "POST", "huggingface.co", "/api/telemetry/transformers/x", size),
        }
    }

    fn lookups(&mut self, second: i64) {
        let team = team(self.agent);
        let (token, hex) = (self.token(10).to_lowercase(), self.hex(8));
        let (a, b, c) = (self.numbers.below(256), self.numbers.below(256), self.numbers.below(256));
        let names = match self.numbers.below(7) {
            0 => vec![
                format!("api.team-{team}.example.default.svc.cluster.local"),
                format!("api.team-{team}.example.svc.cluster.local"),
            ],
            1 => vec![format!("{a}.{b}.{c}.10.in-addr.arpa")],
            2 => vec![format!(
                "internal-k8s-web-{token}-{}.elb.eu-west-1.amazonaws.com",
                self.numbers.below(1_000_000_000)
            )],
            3 => vec![format!("pr-{a}-{hex}.preview.team-{team}.example")],
            4 => vec![format!("{a}.{b}.{c}.127.zen.spamhaus.org")],
            5 => vec![format!("d{token}{hex}.cloudfront.net")],
            _ => vec![
                format!("www.site-{}.example", self.numbers.below(30_000)),
                "o4504123.ingest.us.sentry.io".to_owned(),
            ],
        };
        for name in names {
            self.add(second, "A", &name, "", 0);
        }
    }

    fn hex(&mut self, len: usize) -> String {
        (0..len).map(|_| char::from(b"0123456789abcdef"[self.numbers.below(16) as usize])).collect()
    }

    fn token(&mut self, len: usize) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        (0..len).map(|_| char::from(LETTERS[self.numbers.below(62) as usize])).collect()
    }

    fn uuid(&mut self) -> String {
        let hex = self.hex(32);
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}
