//! The same refused upload to a well-known service from many workspaces: one gap in the policy, and no sign of an exfiltration
//! from any of them. How bad it is and how it is put, and who asked so far.

use detect_core::egress::popular;
use detect_core::egress::request::Request;
use detect_core::episode::{Case, span};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::limits::REACH_FEW;
use detect_core::table::Table;
use detect_core::text::{duration, times};
use detect_core::{detector_state, packed};
use operations::alert::{Alert, Measurement, Severity, Unit};
use serde::{Deserialize, Serialize};

use crate::limits::{FLEET_AGENTS_MAX, FLEET_UPLOAD_SECONDS, FLEET_UPLOADS_MAX};

/// So many workspaces have an alert of their own; of the others one alert of the fleet tells.
pub const OWN_ALERTS: usize = 3;

/// Which workspaces were refused which upload.
pub struct Uploads {
    key: Key,
    spread: Table<Spread>,
}

detector_state!(Uploads { spread } without { key });

/// The workspaces that were refused one upload, as far as their senders cannot choose them, and when the latest was.
#[derive(Debug, Default)]
struct Spread {
    vantages: Vec<u32>,
    last: u32,
}

packed!(Spread { vantages, last });

impl Uploads {
    /// Nobody was refused anything.
    pub fn new(key: Key) -> Self {
        Self { key, spread: Table::new(FLEET_UPLOADS_MAX) }
    }

    /// Notes a refused upload. Says at how many workspaces it was refused, if the service is well known and enough others were
    /// refused the same.
    pub fn note(&mut self, event: &EventRow<'_>, request: Request<'_>, findings: &mut Findings) -> Option<usize> {
        if !is_well_known(event, request) {
            return None;
        }
        let name = self.key.hash(&["upload", request.host, &request.method.to_ascii_uppercase(), &shape(request.path)]);
        let spread = self.spread.entry(name, event, findings);
        let (second, vantage) = (event.second(), event.vantage() as u32);
        if second - i64::from(spread.last) > FLEET_UPLOAD_SECONDS {
            spread.vantages.clear();
        }
        spread.last = second as u32;
        let known = spread.vantages.contains(&vantage);
        if !known && spread.vantages.len() < FLEET_AGENTS_MAX {
            spread.vantages.push(vantage);
        }
        let others = spread.vantages.len() - usize::from(spread.vantages.contains(&vantage));
        (others >= OWN_ALERTS).then_some(others + 1)
    }
}

/// Whether a service is one that many use, and not one where a stranger picks up what anybody left.
fn is_well_known(event: &EventRow<'_>, request: Request<'_>) -> bool {
    if request.domain.is_empty() || request.class().is_risky() {
        return false;
    }
    let listed = if popular::is_shared(request.domain) {
        popular::is_telemetry_host(request.host, request.domain)
            || popular::is_telemetry_path(request.host, request.path)
    } else {
        request.is_popular() || popular::is_telemetry(request.domain)
    };
    let used = || event.known().is_some_and(|known| known.reached.others >= REACH_FEW);
    listed || (!popular::is_shared(request.domain) && used())
}

/// A path without its query, in which what differs from one sender to the next is folded.
fn shape(path: &str) -> String {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let folded = path.split('/').map(|part| {
        let long = part.len() >= 16 && part.bytes().any(|byte| byte.is_ascii_digit());
        let number = part.bytes().all(|byte| byte.is_ascii_digit());
        if !part.is_empty() && (long || number) { "#" } else { part }
    });
    folded.collect::<Vec<_>>().join("/")
}

/// What is known about an upload that is refused everywhere.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Widespread {
    /// At how many workspaces.
    pub workspaces: usize,
}

impl Case for Widespread {
    fn severity(&self, _: &Alert) -> Severity {
        Severity::Medium
    }

    fn title(&self, alert: &Alert) -> String {
        let (method, host) = said(alert);
        format!("{method} to {host} is refused everywhere")
    }

    fn reason(&self, alert: &Alert) -> String {
        let (method, host) = said(alert);
        let path = alert.what.path.as_deref().unwrap_or("");
        let least = if self.workspaces >= FLEET_AGENTS_MAX { "at least " } else { "" };
        let span = match alert.count {
            1 => String::new(),
            _ => format!(" in {}", duration(span(alert))),
        };
        format!(
            "The same {method} to {host}{path} was refused at {least}{} workspaces; here {}{span}, beside the first \
             {OWN_ALERTS}, which have alerts of their own. It is a service that many use. That is a line that the policy lacks or a program \
             that reports home, rather than an exfiltration from one of them: allow it, or switch the program's reports off.",
            self.workspaces,
            times(alert.count),
        )
    }

    fn measured(&self, _: &Alert) -> Option<Measurement> {
        Some(Measurement::new("workspaces that were refused", Unit::Count, self.workspaces))
    }
}

fn said(alert: &Alert) -> (&str, &str) {
    let what = &alert.what;
    (what.method.as_deref().unwrap_or("write"), what.host.as_deref().or(what.domain.as_deref()).unwrap_or("a service"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_same_upload_have_the_same_shape() {
        for (path, folded) in [
            ("/api/v2/logs", "/api/v2/logs"),
            ("/api/4507123/envelope/?sentry_key=1", "/api/#/envelope/"),
            ("/v1/traces/5d2f8c1e-0b7a-4e63-b1d4-9a3c7e6f2b80", "/v1/traces/#"),
            ("/repos/stranger/loot", "/repos/stranger/loot"),
            ("", ""),
        ] {
            assert_eq!(shape(path), folded);
        }
    }
}
