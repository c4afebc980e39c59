//! Bounds of what is read of one command line or call, and of what is kept of it.

/// The longest command line that is judged, in bytes; of a longer one the beginning is.
pub const COMMAND_BYTES_MAX: usize = 65_536;
/// Bytes that are read of one command line, those of lines inside of it and of values that are put in included.
pub const COMMAND_WORK_BYTES_MAX: usize = 8 * COMMAND_BYTES_MAX;
/// Lines inside of lines that are followed,
pub const COMMAND_DEPTH_MAX: usize = 10;
/// commands of one line,
pub const COMMANDS_MAX: usize = 4_096;
/// words of one command,
pub const COMMAND_WORDS_MAX: usize = 1_024;
/// variables of one line,
pub const COMMAND_VARIABLES_MAX: usize = 128;
/// and the longest value of one, in bytes.
pub const COMMAND_VALUE_BYTES_MAX: usize = 4_096;
/// Command lines that are kept as they were read,
pub const KNOWN_LINES: usize = 512;
/// and the most memory of one of them, in bytes: together at most 2 MiB.
pub const KNOWN_LINE_BYTES_MAX: usize = 4_096;
/// Paths of files of which is kept what their names say.
pub const KNOWN_FILES: usize = 1_024;
/// The longest path that is kept, in bytes.
pub const KNOWN_FILE_BYTES_MAX: usize = 256;
/// Effects of one line or call that are kept, the worst of them.
pub const EFFECTS_MAX: usize = 48;
/// How deep the input of a call is looked at,
pub const CALL_DEPTH_MAX: usize = 6;
/// how many texts of it,
pub const CALL_TEXTS_MAX: usize = 256;
/// and how many lines and programs among them: each may cost as much as a command line.
pub const CALL_LINES_MAX: usize = 16;
/// Of a longer text that a tool gave, so many bytes from its beginning and from its end are looked at.
pub const TEXT_END_BYTES_MAX: usize = 64 << 10;
/// Names of one text or call that are kept.
pub const TEXT_NAMES_MAX: usize = 32;
/// The longest name, in bytes.
pub const TEXT_NAME_BYTES_MAX: usize = 160;

/// Of what a call writes into a file so many bytes are read as a program.
pub const WRITTEN_BYTES_MAX: usize = 16_384;
