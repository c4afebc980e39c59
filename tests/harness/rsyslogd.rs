//! The program `rsyslogd` with any configuration, to send or to receive. `make rsyslog` fetches it. It names nothing of other packages, so that
//! tests of all of them can use it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Starts it in a directory.
pub fn spawn(directory: &Path, configuration: &str) -> Child {
    let path = |name: &str| directory.join(name).display().to_string();
    std::fs::write(path("conf"), configuration).unwrap();
    let mut command = match tools() {
        Some(tools) => {
            let libraries = std::fs::read_dir(tools.join("usr/lib")).unwrap();
            let libraries =
                libraries.map(|entry| entry.unwrap().path()).find(|path| path.join("rsyslog").is_dir()).unwrap();
            // Modules that were not fetched may be those of the system.
            let installed = Path::new("/usr/lib").join(libraries.file_name().unwrap()).join("rsyslog");
            let modules = format!("{}:{}", libraries.join("rsyslog").display(), installed.display());
            let mut command = Command::new(tools.join("usr/sbin/rsyslogd"));
            command.arg("-M").arg(modules).env("LD_LIBRARY_PATH", libraries);
            command
        }
        None => Command::new("rsyslogd"),
    };
    command.args(["-n", "-f", &path("conf"), "-i", &path("pid")]).stdin(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap_or_else(|error| panic!("rsyslogd is missing ({error}): `make rsyslog` fetches it"))
}

/// Where `make rsyslog` puts it, if it did.
fn tools() -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?.join("tools/rsyslog");
    tools.join("usr/sbin/rsyslogd").is_file().then_some(tools)
}
