//! Infrastructure, containers and storage that are removed.

use crate::command::Command;

use super::{Effect, EffectKind};

/// Tools that make infrastructure, and the words by which they take all of it away.
const DESTROYERS: [(&str, &[&str]); 18] = [
    ("terraform", &["destroy", "-destroy", "--destroy"]),
    ("tofu", &["destroy", "-destroy", "--destroy"]),
    ("terragrunt", &["destroy", "-destroy", "destroy-all"]),
    ("pulumi", &["destroy", "down"]),
    ("cdk", &["destroy"]),
    ("cdktf", &["destroy"]),
    ("sam", &["delete"]),
    ("serverless", &["remove"]),
    ("sls", &["remove"]),
    ("sst", &["remove"]),
    ("vagrant", &["destroy"]),
    ("eksctl", &["delete"]),
    ("helm", &["uninstall", "delete", "del"]),
    ("helmfile", &["destroy", "delete"]),
    ("amplify", &["delete"]),
    ("eb", &["terminate"]),
    ("kops", &["delete"]),
    ("juju", &["destroy-model", "destroy-controller", "kill-controller"]),
];

/// Command lines of clouds and hosts, whose verbs are the same.
const CLOUDS: [&str; 28] = [
    "gcloud",
    "az",
    "doctl",
    "hcloud",
    "linode-cli",
    "ibmcloud",
    "oci",
    "aliyun",
    "fly",
    "flyctl",
    "heroku",
    "vercel",
    "netlify",
    "wrangler",
    "firebase",
    "supabase",
    "railway",
    "scw",
    "civo",
    "vultr-cli",
    "exo",
    "openstack",
    "neonctl",
    "pscale",
    "render",
    "nomad",
    "vault",
    "consul",
];
const CLOUD_VERBS: [&str; 12] = [
    "delete",
    "destroy",
    "purge",
    "remove",
    "terminate",
    "wipe",
    "pg:reset",
    "apps:destroy",
    "addons:destroy",
    "sites:delete",
    "drop",
    "delete-batch",
];

/// Kinds of Kubernetes that hold others, or data.
const KINDS: [&str; 17] = [
    "namespace",
    "namespaces",
    "ns",
    "pv",
    "pvc",
    "persistentvolume",
    "persistentvolumes",
    "persistentvolumeclaim",
    "persistentvolumeclaims",
    "crd",
    "crds",
    "customresourcedefinition",
    "node",
    "nodes",
    "all",
    "statefulset",
    "sts",
];

/// The effect of one command.
pub fn effect(command: &Command) -> Option<Effect> {
    let name = command.name();
    let destroys = |what: &str| Some(Effect::new(EffectKind::Destroy, what));
    match name.as_str() {
        "aws" => aws(command),
        "kubectl" | "oc" | "k" | "k3s" | "microk8s" => kubernetes(command),
        "docker" | "podman" | "nerdctl" | "docker-compose" => container(command, &name),
        "gsutil" | "s3cmd" | "mc" | "rclone" | "s5cmd" | "mcli" => {
            let is_all = command.option(&["-r", "-R", "--recursive", "--force"])
                || command.words.iter().any(|word| word.ends_with('*'));
            let is_removed = command.has(&["rb", "purge", "remove-bucket"])
                || (command.has(&["rm", "del", "delete"]) && (is_all || name == "rclone"));
            is_removed.then(|| Effect::new(EffectKind::Destroy, "a bucket is emptied or removed"))
        }
        _ if DESTROYERS.iter().any(|(tool, verbs)| *tool == name && command.has(verbs)) => {
            let is_plan = matches!(name.as_str(), "terraform" | "tofu" | "terragrunt") && command.has(&["plan"]);
            if is_plan { None } else { destroys("the infrastructure is destroyed") }
        }
        "bq" if command.has(&["rm"]) => destroys("something is deleted in a cloud"),
        "railway" if command.operands(&[]).next() == Some("down") => destroys("something is deleted in a cloud"),
        "npm" | "pnpm" | "yarn" if command.has(&["unpublish"]) => destroys("a published package is removed"),
        "cargo" | "gem" if command.has(&["yank"]) => destroys("a published package is removed"),
        "restic" | "borg" | "kopia" | "rustic" if command.has(&["forget", "delete", "prune"]) => {
            destroys("copies for the worst case are removed")
        }
        "terraform" | "tofu" if command.has(&["state"]) && command.has(&["rm"]) => {
            destroys("the infrastructure is no longer known")
        }
        _ if CLOUDS.contains(&name.as_str()) => {
            let verb = command
                .operands(&[])
                .take(6)
                .find(|word| CLOUD_VERBS.contains(word) || (word.contains(':') && word.ends_with("delete")));
            // `gcloud storage rm -r gs://…`
            let is_storage =
                command.has(&["storage"]) && command.has(&["rm"]) && command.option(&["-r", "-R", "--recursive"]);
            let is_read = command.operands(&[]).next().is_some_and(|word| matches!(word, "logs" | "help" | "db"));
            ((verb.is_some() && !is_read) || is_storage)
                .then(|| Effect::new(EffectKind::Destroy, "something is deleted in a cloud"))
        }
        _ => None,
    }
}

/// Hosts of whose interfaces everything is infrastructure or data.
const INTERFACES: [&str; 17] = [
    "api.cloudflare.com",
    "api.digitalocean.com",
    "api.fly.io",
    "api.heroku.com",
    "api.hetzner.cloud",
    "api.linode.com",
    "api.machines.dev",
    "api.netlify.com",
    "api.planetscale.com",
    "api.render.com",
    "api.scaleway.com",
    "api.supabase.com",
    "api.vercel.com",
    "api.vultr.com",
    "backboard.railway.app",
    "console.neon.tech",
    "management.azure.com",
];

/// The effect of a request that deletes by an interface of a cloud what its command line would. `deletes` says that it is a DELETE.
pub fn asked(command: &Command, deletes: bool) -> Option<Effect> {
    let host = |word: &str| {
        let rest = word.split_once("://").map_or(word, |(_, rest)| rest);
        rest.split(['/', '?', ':']).next().unwrap_or_default().to_ascii_lowercase()
    };
    let is_interface = || command.words.iter().skip(1).any(|word| INTERFACES.contains(&host(word).as_str()));
    // A question of GraphQL names what it does: `mutation { volumeDelete(…) }`.
    let mutates = |word: &String| {
        let calls = word.split_once("mutation").map_or("", |(_, calls)| calls).to_ascii_lowercase();
        calls
            .split(|char: char| !char.is_ascii_alphanumeric())
            .any(|name| ["delete", "destroy", "wipe"].iter().any(|verb| name.starts_with(verb) || name.ends_with(verb)))
    };
    let is_deleted = (deletes && is_interface()) || command.words.iter().skip(1).any(mutates);
    is_deleted.then(|| Effect::new(EffectKind::Destroy, "something is deleted in a cloud"))
}

/// A namespace, release or project of containers that a command makes. A project that is started again stood still before: what is in
/// its volumes is the session's own, unless somebody else filled them.
pub fn made(command: &Command) -> Option<String> {
    let words: Vec<&str> = command.operands(&["-n", "--namespace"]).collect();
    match (command.name().as_str(), words.as_slice()) {
        ("kubectl", ["create", "namespace" | "ns", name, ..]) => Some(format!("namespace:{name}")),
        ("helm", ["install", name, ..]) => Some(format!("release:{name}")),
        ("docker", ["compose", rest @ ..]) if rest.contains(&"up") => Some(PROJECT.to_owned()),
        ("docker-compose", rest) if rest.contains(&"up") => Some(PROJECT.to_owned()),
        _ => None,
    }
}

/// The project of containers in the folder where a session works.
const PROJECT: &str = "project:";

fn aws(command: &Command) -> Option<Effect> {
    const SMALL: [&str; 5] =
        ["delete-message", "delete-message-batch", "delete-tags", "delete-object", "delete-log-stream"];
    let words: Vec<&str> = command.operands(&["--profile", "--region", "--output", "--endpoint-url"]).collect();
    let is_deletion = |verb: &str| {
        (verb.starts_with("delete-") && !SMALL.contains(&verb))
            || verb.starts_with("terminate-")
            || verb.starts_with("purge-")
            || verb == "schedule-key-deletion"
    };
    let what = match words.as_slice() {
        ["s3", "rb", ..] => "a bucket is emptied or removed",
        ["s3", "rm", ..] if command.option(&["--recursive"]) => "a bucket is emptied or removed",
        ["s3", "sync", ..] if command.option(&["--delete"]) => return None,
        [_, verb, ..] if is_deletion(verb) => "something is deleted in a cloud",
        _ => return None,
    };
    Some(Effect::new(EffectKind::Destroy, what))
}

fn kubernetes(command: &Command) -> Option<Effect> {
    let words: Vec<&str> =
        command.operands(&["-n", "--namespace", "--context", "--kubeconfig", "-l", "--selector"]).collect();
    let at = words.iter().position(|word| *word == "delete")?;
    let kind = words.get(at + 1).copied().unwrap_or_default();
    let (kind, named) = kind.split_once('/').unwrap_or((kind, words.get(at + 2).copied().unwrap_or_default()));
    let is_kind = kind.split(',').any(|kind| KINDS.contains(&kind.to_ascii_lowercase().as_str()));
    let is_all = command.option(&["--all", "--all-namespaces"]) || command.has(&["-A"]);
    if !is_kind && !is_all {
        return None;
    }
    let effect = Effect::new(EffectKind::Destroy, "kubectl delete of a namespace, of volumes or of all");
    Some(if kind.starts_with('n') { effect.about("namespace", Some(named)) } else { effect })
}

fn container(command: &Command, name: &str) -> Option<Effect> {
    let words: Vec<&str> = command
        .operands(&["-f", "--file", "-p", "--project-name", "--profile", "--context", "-H", "--env-file"])
        .collect();
    let words = if name == "docker-compose" { [&["compose"][..], &words].concat() } else { words };
    let flag = |letter, long| command.flag(letter, long);
    let destroys = |what: &str| Some(Effect::new(EffectKind::Destroy, what));
    // What a developer's machine keeps of containers is work that is nowhere else, and no more.
    let discards = |what: &str| Some(Effect::new(EffectKind::Discard, what));
    match words.as_slice() {
        ["volume", "rm" | "remove" | "prune", ..] => destroys("volumes with their data are removed"),
        ["system", "prune", ..] if command.option(&["--volumes"]) => destroys("volumes with their data are removed"),
        ["system", "prune", ..] if flag('a', "all") || flag(' ', "volumes") => {
            discards("images, containers or volumes are removed as a whole")
        }
        ["system", "reset", ..] => discards("images, containers or volumes are removed as a whole"),
        // They are those of one project, which agents start and end again.
        ["compose", rest @ ..] if rest.contains(&"down") && flag('v', "volumes") => {
            let effect = Effect::new(EffectKind::Discard, "the volumes of a project are removed with their data");
            Some(effect.about("project", Some("")))
        }
        ["compose", rest @ ..] if rest.contains(&"rm") && flag('v', " ") => {
            destroys("volumes with their data are removed")
        }
        ["rm" | "container", ..] if flag('v', "volumes") && words.contains(&"rm") => {
            destroys("volumes with their data are removed")
        }
        ["rm" | "rmi", ..] if flag('f', "force") && words.contains(&"$()") => {
            Some(Effect::new(EffectKind::Discard, "all containers or images are removed"))
        }
        ["stack" | "swarm", verb, ..] if matches!(*verb, "rm" | "leave") => destroys("a swarm or stack is removed"),
        _ => None,
    }
}
