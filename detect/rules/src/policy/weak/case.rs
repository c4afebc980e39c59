//! One weakness: how bad it is and how it is put.

use detect_core::episode::{Case, span};
use detect_core::text::{duration, sentences};
use operations::alert::{Alert, Severity};
use serde::{Deserialize, Serialize};

use super::weakness::Weakness;
use crate::limits::POLICY_REPEAT_SECONDS;

/// What is known about a weakness.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Weak {
    /// The word for whose policy it is: `template`, `workspace`, ….
    pub scope_kind: String,
    /// What is weak.
    pub weakness: Weakness,
}

impl Weak {
    fn observed(&self, alert: &Alert) -> String {
        let Self { scope_kind, weakness } = self;
        let rule = alert.what.policy.as_deref().unwrap_or("unnamed");
        match weakness {
            Weakness::AnyDomain => {
                format!("The rule `{rule}` of this {scope_kind} lets requests to every domain through.")
            }
            Weakness::AnyDomainToRead => {
                format!("The rule `{rule}` of this {scope_kind} lets requests that read from every domain through.")
            }
            Weakness::AnyUnderEnding => {
                format!(
                    "The rule `{rule}` of this {scope_kind} lets requests to every domain under one ending through."
                )
            }
            Weakness::AllowAll => format!("A command in this {scope_kind} tells the firewall to allow every domain."),
            Weakness::RealDns => format!("The firewall's jail in this {scope_kind} is started with real DNS."),
            Weakness::NoAudit => format!("A command in this {scope_kind} switches the firewall's audit logs off."),
            Weakness::WeakJail => format!("A command in this {scope_kind} chooses a jail that can be left."),
            Weakness::Configuration => format!("An agent in this {scope_kind} wrote the firewall's configuration."),
            Weakness::Undelivered => {
                format!("The firewall of this {scope_kind} cannot deliver its audit logs to the workspace's agent.")
            }
        }
    }

    fn meaning(&self) -> &'static str {
        match self.weakness {
            Weakness::AnyDomain | Weakness::AllowAll => {
                "Nothing is refused then, so alerts on refused requests mean nothing here. A policy names the domains that \
                 the work needs."
            }
            Weakness::AnyDomainToRead => "Data also leaves in the address of a request that reads.",
            Weakness::AnyUnderEnding => "Anybody can register a name under such an ending.",
            Weakness::RealDns => "Data can leave in the names that are looked up, which no rule on requests sees.",
            Weakness::NoAudit => "What goes through it is then recorded nowhere but on the workspace itself.",
            Weakness::WeakJail => "Its maker lists ways around it: another program on the proxy's port, and UDP.",
            Weakness::Configuration => {
                "Whoever is confined should not write the rules: compare it with the template's."
            }
            Weakness::Undelivered => {
                "Until it can, the control plane's log lacks its requests: silence here is not peace."
            }
        }
    }

    /// What to look at first, and what speaks against it.
    fn advice(&self) -> &'static str {
        match self.weakness {
            Weakness::AnyDomain | Weakness::AnyDomainToRead | Weakness::AnyUnderEnding => {
                "Look first at who wrote that rule; if it is meant so, `ignored_rules` names it."
            }
            Weakness::AllowAll | Weakness::RealDns | Weakness::NoAudit | Weakness::WeakJail => {
                "Look first at who started it so, an agent or the template: a template that always does is meant so by somebody."
            }
            Weakness::Configuration => "If the file is the same afterwards, or a person asked for it, it is harmless.",
            Weakness::Undelivered => {
                "Look first at whether it has ended: a workspace that was just started may not listen yet, and one that goes on has \
                 lost its socket."
            }
        }
    }

    fn seen(&self, alert: &Alert) -> String {
        match alert.count {
            1 => "This is the first sign of it.".to_owned(),
            count if self.weakness.is_of_template() => {
                let (span, seconds) = (duration(span(alert)), POLICY_REPEAT_SECONDS);
                format!("It has been so for {span} ({count} signs, counted no more than once in {seconds} s).")
            }
            count => format!("There were {count} signs in {}.", duration(span(alert))),
        }
    }
}

impl Case for Weak {
    fn severity(&self, _: &Alert) -> Severity {
        match self.weakness {
            Weakness::AnyDomain | Weakness::AllowAll | Weakness::NoAudit | Weakness::Configuration => Severity::High,
            Weakness::RealDns | Weakness::AnyDomainToRead | Weakness::Undelivered => Severity::Medium,
            Weakness::AnyUnderEnding | Weakness::WeakJail => Severity::Low,
        }
    }

    fn kind(&self) -> &'static str {
        self.weakness.as_str()
    }

    fn title(&self, _: &Alert) -> String {
        let title = match self.weakness {
            Weakness::AnyDomain => "The policy allows every domain",
            Weakness::AnyDomainToRead => "The policy allows reading from every domain",
            Weakness::AnyUnderEnding => "The policy allows every domain under an ending",
            Weakness::AllowAll => "A command allows every domain",
            Weakness::RealDns => "The firewall's jail has real DNS",
            Weakness::NoAudit => "The firewall's audit logs are off",
            Weakness::WeakJail => "The firewall's jail can be left",
            Weakness::Configuration => "An agent wrote the firewall's configuration",
            Weakness::Undelivered => "The firewall's audit logs are not delivered",
        };
        title.to_owned()
    }

    fn reason(&self, alert: &Alert) -> String {
        sentences(&[self.observed(alert), self.seen(alert), self.meaning().to_owned(), self.advice().to_owned()])
    }
}
