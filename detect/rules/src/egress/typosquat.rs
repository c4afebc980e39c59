//! `egress.typosquat`: package hosts and package names that look like well-known ones and are not.

mod case;
mod examples;
mod known;
mod likeness;
mod packages;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::egress::evidence::what;
use detect_core::egress::names::Names;
use detect_core::egress::request::Request;
use detect_core::episode::{Before, Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::{Key, Space};
use detect_core::recent::Recent;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::Spec;
use detect_core::text::bounded;
use detect_core::{detector_state, parameters};
use ledger::events::column;
use operations::alert::What;

use crate::limits::JUDGED_NAMES_MAX;
use case::Squat;
use known::Ecosystem;
use likeness::Likeness;

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "egress.typosquat",
    version: 3,
    what: "A request for a host, or a request or command for a package (npm, PyPI, crates.io, RubyGems), whose name is one \
           or two characters, a separator, or letters that look alike away from one of the most used, or that carries a \
           well-known host inside of a stranger's domain.",
    why: "Agents install what they believe to remember. Names that are nearly right are registered by people who wait for \
          exactly that, and an installation runs their code.",
    false_positives: "Packages of your own, or little known ones, whose names happen to be near a popular one; proxies that \
                      put the name of the host they stand for into their own.",
    tuning: "known_names: hosts and packages that are what they seem. protected_names: names of your own packages that \
             others may imitate. quiet_seconds: how long an alert stays open.",
    tags: &["AML.T0010", "T1195.001", "T1036.005", "ASI04"],
    examples: examples::EXAMPLES,
};

parameters! {
    /// `[detect.rules."egress.typosquat"]`.
    pub struct Parameters {
        /// An alert is resolved after this many seconds without the name.
        quiet_seconds: u32 = 3_600, in 1..=604_800;
        /// Hosts, registrable domains and packages that are never judged.
        known_names: Names = Names::default();
        /// Packages of your own, in every ecosystem, that others may imitate.
        protected_names: Names = Names::default();
    }
    check(parameters) {
        parameters.known_names.check("known_names")?;
        parameters.protected_names.check("protected_names")
    }
}

/// The detector.
pub struct Typosquat {
    parameters: Parameters,
    key: Key,
    /// Hosts and packages that were compared and look like nothing: comparing is much dearer than looking here.
    fine: Recent<()>,
    episodes: Episodes<Squat>,
}

detector_state!(Typosquat { fine, episodes } without { parameters, key });

impl Rule for Typosquat {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            parameters: parameters.clone(),
            key,
            fine: Recent::new(JUDGED_NAMES_MAX),
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
        }
    }
}

impl Detector for Typosquat {
    fn looks_at(&self) -> Aspects {
        Aspects::REQUEST.with(Aspects::COMMAND)
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        if let Some(request) = event.request().filter(|request| !request.domain.is_empty()) {
            self.host(event, request, findings);
            if let Some((ecosystem, name)) = packages::of_path(request.host, request.path) {
                self.package(event, ecosystem, &name, findings);
            }
        } else {
            for (ecosystem, name) in packages::of_line(event.line()) {
                self.package(event, ecosystem, &name, findings);
            }
        }
    }
}

impl Typosquat {
    fn host(&mut self, event: &EventRow<'_>, request: Request<'_>, findings: &mut Findings) {
        let hash = self.key.of(Space::HOST, request.host);
        if self.fine.get(hash).is_some() {
            return;
        }
        let trusted = self.parameters.known_names.cover(&request);
        let like = if trusted { None } else { known::host_like(request.host, request.domain) };
        match like {
            None => self.fine.insert(hash, ()),
            Some((imitated, likeness)) => {
                let squat = Squat::new(event, None, request.host, imitated, likeness, request.refused);
                self.raise(event, request.domain, squat, findings);
            }
        }
    }

    fn package(&mut self, event: &EventRow<'_>, ecosystem: Ecosystem, name: &str, findings: &mut Findings) {
        let hash = self.key.hash(&["package", ecosystem.as_str(), name]);
        if self.fine.get(hash).is_some() {
            return;
        }
        let refused = event.request().is_some_and(|request| request.refused);
        let known = self.parameters.known_names.has(name) || self.parameters.protected_names.has(name);
        let like = if known { None } else { known::package_like(ecosystem, name, &self.parameters.protected_names) };
        let squat = like.map(|(imitated, likeness): (&str, Likeness)| {
            Squat::new(event, Some(ecosystem), name, imitated, likeness, refused)
        });
        match squat {
            None => self.fine.insert(hash, ()),
            Some(squat) => self.raise(event, &format!("{}:{name}", ecosystem.as_str()), squat, findings),
        }
    }

    fn raise(&mut self, event: &EventRow<'_>, target: &str, squat: Squat, findings: &mut Findings) {
        let scope = Scope::network(event);
        let refused = squat.refused;
        let open = |many| {
            let what = match event.request() {
                _ if many => What::default(),
                Some(request) if !request.domain.is_empty() => what(event, false),
                _ => What { tool: event.text(column::TOOL).map(bounded), ..What::default() },
            };
            Opening { case: squat.of_many(many), who: scope::who(event), what, before: Before::default() }
        };
        let subject = Subject { scope, target };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| case.refused &= refused);
    }
}

#[cfg(test)]
mod tests;
