//! What the dialects of sensors share: to whose workspace a container or a pod belongs.

use ledger::events::column;

use crate::event::Draft;
use crate::uuid::is_uuid;

/// The length of a UUID.
const UUID_CHARS: usize = 36;

/// Labels of a pod or container, by what they say.
#[derive(Debug, Default)]
pub struct Labels<'a> {
    /// Id of the workspace.
    pub workspace: Option<&'a str>,
    /// Its name.
    pub workspace_name: Option<&'a str>,
    /// Id of its owner.
    pub user: Option<&'a str>,
    /// The owner's name.
    pub user_name: Option<&'a str>,
    /// The name of the pod, which Coder's templates make of the workspace's id.
    pub pod: Option<&'a str>,
}

impl Labels<'_> {
    /// Sets workspace and user.
    pub fn set(&self, draft: &mut Draft) {
        let of_pod = self.pod.and_then(workspace_of_pod);
        let workspace = self.workspace.or(of_pod);
        draft.set_user(self.user, self.user_name);
        draft.owner.0.push_str(self.user.unwrap_or_default());
        draft.owner.1.push_str(self.user_name.unwrap_or_default());
        let columns = &mut draft.columns;
        columns.set_text_if(column::WORKSPACE, workspace);
        columns.set_text_if(column::WORKSPACE_NAME, self.workspace_name);
        if workspace.is_some() {
            columns.set_text(column::ATTRIBUTION, "direct");
        }
    }
}

/// The workspace's id in the name of a pod that Coder's Kubernetes template made: `coder-<id>` with what a deployment adds.
fn workspace_of_pod(pod: &str) -> Option<&str> {
    pod.strip_prefix("coder-")?.get(..UUID_CHARS).filter(|id| is_uuid(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_of_coders_template_names_its_workspace() {
        let id = "f1bd4e9f-2222-49fc-961e-be4d1c2aa987";
        for pod in [format!("coder-{id}"), format!("coder-{id}-5d8f7c9b6-x2x4z")] {
            assert_eq!(workspace_of_pod(&pod), Some(id), "{pod}");
        }
        for pod in ["coder-mira-ledger", "coderd-5d8f", "", "coder-é"] {
            assert_eq!(workspace_of_pod(pod), None, "{pod}");
        }
    }
}
