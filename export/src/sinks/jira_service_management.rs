//! `jira_service_management`: alerts to the operations of Jira Service Management, by its API of integration events. It takes what Opsgenie
//! took, at another address; everything but that stands in `opsgenie`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::opsgenie::{GUARANTEE, Opsgenie};
use crate::delivery;
use crate::sink::{Class, Settings, SinkSpec};
use operations::secret::Secret;

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "jira_service_management",
    what: "Alerts to the operations of Jira Service Management (the successor of Opsgenie): create, acknowledge and close in order.",
    guarantee: GUARANTEE,
    class: Class::Delivery(crate::sink::delivery::<ServiceManagement>),
    example: "api_key = \"env:JSM_API_KEY\"",
    fields: crate::sink::fields::<ServiceManagement>,
    schema: crate::sink::schema::<ServiceManagement>,
};

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ServiceManagement {
    /// The key of an integration of the type API; an API token of a person is something else.
    api_key: Secret,
    /// The address without `/v2/alerts`; another than Atlassian's own is for a relay.
    #[serde(default = "url")]
    url: String,
    /// Milliseconds for which alerts about old events wait for each other.
    #[schemars(range(max = delivery::DIGEST_WAIT_MS_MAX))]
    #[serde(default = "delivery::digest_wait_ms")]
    digest_wait_ms: u64,
}

fn url() -> String {
    "https://api.atlassian.com/jsm/ops/integration".to_owned()
}

impl Settings for ServiceManagement {
    type Sink = Opsgenie;

    fn sink(self) -> Result<Opsgenie, String> {
        Opsgenie::new(&self.url, self.api_key, self.digest_wait_ms)
    }
}
