//! Every bound of the import in one place.

/// The longest file of Sigma rules, in bytes.
pub const SIGMA_FILE_BYTES_MAX: u64 = 1 << 20;
/// Files of one import.
pub const SIGMA_FILES_MAX: usize = 16_384;
/// The longest condition of a Sigma rule, in bytes: its parser goes one level deeper for each `not`.
pub(crate) const SIGMA_CONDITION_BYTES_MAX: usize = 4_096;
/// Bytes of the alternatives that share one pattern. Further ones get a pattern of their own, so that each stays far below what a
/// condition takes.
pub(crate) const ALTERNATIVES_BYTES_MAX: usize = 480;
/// Ways to choose so many of the selections that a condition names with a number.
pub(crate) const CHOICES_MAX: usize = 64;
