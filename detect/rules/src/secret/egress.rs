//! `secret.egress`: a secret or a canary in a request, or in the arguments of a tool that sends.

mod canary;
mod case;
mod examples;
mod redaction;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::egress::evidence::what;
use detect_core::egress::names::Names;
use detect_core::egress::reach::Reach;
use detect_core::egress::request::Request;
use detect_core::episode::{Before, Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::limits::{LISTED_NAME_BYTES_MAX, REACH_FEW};
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::Spec;
use detect_core::text::bounded;
use detect_core::{detector_state, parameters};
use effects::effect::{Effect, EffectKind};
use effects::host::Class;
use ledger::events::column;
use operations::alert::What;

use canary::Canaries;
pub use canary::{Canary, check as check_canaries};
use case::{Leak, Way};
use redaction::Redaction;

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "secret.egress",
    version: 3,
    what: "A secret in the address of a request, in a command that sends, or in the arguments for a remote tool server: \
           known by what redaction took out, or as one of your canaries. The alert names kind, field and offset, never the \
           value.",
    why: "A secret in an address stands in the logs of everybody between here and there. A canary is used by nobody: \
          wherever it turns up, somebody took it.",
    false_positives: "Tokens that are recognised by their name only (`token=`, `sig=`), such as signed links: they are rated \
                      low, and quiet where several agents send the like.",
    tuning: "canaries: decoys by hash, which `tachograph rules canary new` makes. rare_agents: with how many other agents that send the like somewhere a token by name \
             is usual. trusted_domains: where your secrets may go. quiet_seconds: how long an alert stays open.",
    tags: &["AML.T0086", "AML.T0083", "T1552", "T1567", "ASI02", "ASI03"],
    examples: examples::EXAMPLES,
};

parameters! {
    /// `[detect.rules."secret.egress"]`.
    pub struct Parameters {
        /// An alert is resolved after this many seconds without another one.
        quiet_seconds: u32 = 3_600, in 1..=604_800;
        /// A token by name is usual where this many other agents send the like.
        rare_agents: u32 = 2, in 1..=REACH_FEW;
        /// Hosts and registrable domains where secrets may go; canaries may go nowhere.
        trusted_domains: Names = Names::default();
        /// Decoys, by hash; one table for each.
        canaries: Vec<Canary> = Vec::new();
    }
    check(parameters) {
        parameters.trusted_domains.check("trusted_domains")?;
        canary::check(&parameters.canaries)
    }
}

/// The detector.
pub struct SecretEgress {
    parameters: Parameters,
    canaries: Canaries,
    /// Who sends tokens by name where.
    reach: Reach,
    episodes: Episodes<Leak>,
}

detector_state!(SecretEgress { reach, episodes } without { parameters, canaries });

impl Rule for SecretEgress {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            parameters: parameters.clone(),
            canaries: Canaries::new(&parameters.canaries),
            reach: Reach::default(),
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
        }
    }
}

impl Detector for SecretEgress {
    fn looks_at(&self) -> Aspects {
        if self.canaries.is_empty() { Aspects::REDACTED } else { Aspects::ALL }
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let mut redactions = event.list(column::REDACTIONS).filter_map(Redaction::parse).peekable();
        if redactions.peek().is_none() && self.canaries.is_empty() {
            return;
        }
        match event.request().filter(|request| !request.domain.is_empty()) {
            Some(request) => self.request(event, request, redactions, findings),
            None => self.call(event, redactions, findings),
        }
    }
}

impl SecretEgress {
    /// A request: everything that was redacted in it stood in what was sent, or in its address.
    fn request<'a>(
        &mut self,
        event: &EventRow<'a>,
        request: Request<'a>,
        redactions: impl Iterator<Item = Redaction<'a>>,
        findings: &mut Findings,
    ) {
        let class = request.class();
        let texts = [("host", request.host), ("path", request.path)];
        let canaries = self.canaries.find(&texts);
        let trusted = class == Class::Local || self.parameters.trusted_domains.cover(&request);
        let mut redactions: Vec<Redaction<'_>> = redactions.filter(|_| !trusted).collect();
        if !redactions.is_empty() && redactions.iter().all(Redaction::is_by_name) && !class.is_risky() {
            let known = self.reach.note(event, request, findings);
            if known.tried >= self.parameters.rare_agents || request.is_popular() {
                redactions.clear();
            }
        }
        let way = Way::Request { class, popular: request.is_popular(), refused: request.refused };
        self.raise(event, way, request.domain, &redactions, &canaries, what(event, false), findings);
    }

    /// A call of a tool, or a command: what went in, if it is going to be sent.
    fn call<'a>(
        &mut self,
        event: &EventRow<'a>,
        redactions: impl Iterator<Item = Redaction<'a>>,
        findings: &mut Findings,
    ) {
        let command = event.text(column::COMMAND);
        let server = event.text(column::MCP_SERVER);
        let texts = [("command", command.unwrap_or("")), ("target", event.text(column::TARGET).unwrap_or(""))];
        let canaries = self.canaries.find(&texts);
        let is_sent =
            |effect: &Effect| matches!(effect.kind, EffectKind::Download | EffectKind::Send | EffectKind::Exfiltrate);
        // An address may carry out what a command only seems to fetch.
        let sent = event.worst_effect(is_sent);
        let redactions: Vec<Redaction<'_>> = if sent.is_some() || server.is_some() {
            redactions.filter(|redaction| redaction.is_input() && !redaction.is_by_name()).collect()
        } else {
            Vec::new()
        };
        let (way, target) = if let Some(server) = server {
            (Way::Server, server)
        } else {
            (Way::Command, sent.as_ref().and_then(|effect| effect.object.as_deref()).map_or("", bounded_name))
        };
        let what = What { tool: event.text(column::TOOL).map(bounded), ..What::default() };
        self.raise(event, way, target, &redactions, &canaries, what, findings);
    }

    #[allow(clippy::too_many_arguments, reason = "each is a different fact about what was found")]
    fn raise(
        &mut self,
        event: &EventRow<'_>,
        way: Way,
        target: &str,
        redactions: &[Redaction<'_>],
        canaries: &[(String, &'static str, usize)],
        what: What,
        findings: &mut Findings,
    ) {
        if redactions.is_empty() && canaries.is_empty() {
            return;
        }
        let scope = Scope::network(event);
        let leak = Leak::new(scope.kind, way, target, redactions, canaries);
        let open = |many| {
            let what = if many { What::default() } else { What { path: None, ..what } };
            Opening { case: leak.clone(), who: scope::who(event), what, before: Before::default() }
        };
        let subject = Subject { scope, target };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| case.add(&leak));
    }
}

/// A host as far as an episode keeps it.
fn bounded_name(host: &str) -> &str {
    &host[..host.floor_char_boundary(LISTED_NAME_BYTES_MAX)]
}

#[cfg(test)]
mod tests;
