//! How a command ends: exit codes, and errors for two readers.
//!
//! The user reads what happened, where, and what to do; the chain of causes follows it on standard error.

use std::fmt::Display;
use std::process::ExitCode;

/// Something inside went wrong.
pub const INTERNAL: u8 = 1;
/// The command line was wrong.
pub const USAGE: u8 = 2;
/// `verify`: stored bytes are not what was recorded.
pub const TAMPERED: u8 = 3;
/// `verify`: it could not be checked.
pub const UNCHECKED: u8 = 4;
/// The configuration is wrong; the number is `EX_CONFIG` of sysexits.h, which service managers know.
pub const CONFIG: u8 = 78;

/// Why a command did not succeed.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    error: anyhow::Error,
    hint: Option<String>,
}

/// What a command returns.
pub type CommandResult = Result<ExitCode, Failure>;

impl Failure {
    /// A failure with its own exit code.
    pub fn new(code: u8, error: impl Into<anyhow::Error>) -> Self {
        Self { code, error: error.into(), hint: None }
    }

    /// A failure that the command line caused.
    pub fn usage(message: impl Display) -> Self {
        Self::new(USAGE, anyhow::anyhow!("{message}"))
    }

    /// A failure that the configuration caused.
    pub fn config(message: impl Display) -> Self {
        Self::new(CONFIG, anyhow::anyhow!("{message}"))
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        self.code
    }

    /// What happened, without causes and hint.
    pub fn message(&self) -> String {
        self.error.to_string()
    }

    /// What happened with its causes and the hint.
    pub fn in_one_line(&self) -> String {
        self.causes().into_iter().chain(self.hint.clone()).collect::<Vec<_>>().join(": ")
    }

    /// What happened, and why; nothing is said twice.
    fn causes(&self) -> Vec<String> {
        let chain = self.error.chain().map(|cause| crate::output::visible_lines(&cause.to_string()));
        let mut said = String::new();
        let mut causes = Vec::new();
        for (at, cause) in chain.enumerate() {
            // Many errors print their source inside their own message; saying it twice would only make it longer.
            if at == 0 || (!cause.is_empty() && !said.contains(cause.as_str())) {
                said.push_str(&cause);
                causes.push(cause);
            }
        }
        causes
    }

    /// Writes the message, its causes and the hint to standard error.
    pub fn report(&self) -> ExitCode {
        // The reader of a pipe that went away has seen enough: that is no failure.
        let broken_pipe = |cause: &(dyn std::error::Error + 'static)| {
            cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
        };
        if self.error.chain().any(broken_pipe) {
            return ExitCode::SUCCESS;
        }
        let mut causes = self.causes().into_iter();
        eprintln!("tachograph: {}", causes.next().unwrap_or_default());
        causes.for_each(|cause| eprintln!("  because: {cause}"));
        if let Some(hint) = &self.hint {
            eprintln!("  {hint}");
        }
        ExitCode::from(self.code)
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(INTERNAL, error)
    }
}
