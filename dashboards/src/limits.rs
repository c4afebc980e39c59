//! Every bound of the pages. Bounds of what they ask stand in `api::limits` and `query::limits`.

/// The longest answer of the API that a page reads.
pub const ANSWER_BYTES_MAX: usize = 8 << 20;
/// The longest body of a form.
pub const FORM_BYTES_MAX: usize = 64 << 10;
/// How much of one recorded text a list shows; the whole is a click away.
pub const PREVIEW_CHARACTERS_MAX: usize = 240;
/// How much of one recorded text a page shows at all; the rest comes as a file.
pub const TEXT_CHARACTERS_MAX: usize = 16_384;
