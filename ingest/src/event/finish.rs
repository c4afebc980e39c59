//! Completes a draft after enrichment: redaction, cuts, fingerprints, URL columns and cost. It must not do I/O.
//!
//! Everything here happens once for all dialects, and only from the record, the draft and the configuration: the same
//! input gives the same columns, so a record that is sent again is recognised by its bytes.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use effects::effect::EffectKind;
use ledger::column::handle::Text;
use ledger::column::{Column, Semantics};
use ledger::events::{TABLE, column};

use crate::cut::Cutter;
use crate::encoding::RecordEncoding;
use crate::event::fields::{Edit, FieldError, edits};
use crate::event::{Columns, Draft, FreeText, Record, Redacted, VOID, trouble};
use crate::event::{effect_columns, text_columns};
use crate::fingerprint::{self, Fingerprinter};
use crate::price::{PriceTable, Tokens};
use crate::redact::{Piece, Redaction, RuleSet};
use crate::url;

/// The kind of a record that was not understood.
pub const UNPARSED: &str = "unparsed";

/// The columns of text that are redacted: all that a source states, but those of few words, the host, which is redacted with its
/// address, and the content, which is redacted with its record.
static REDACTED: LazyLock<Vec<Text>> = LazyLock::new(|| {
    let stated =
        TABLE.columns.iter().filter(|column| matches!(column.semantics, Semantics::Name | Semantics::FreeText));
    stated.filter_map(Column::as_text).collect()
});

/// The free text that is an address.
const URL: &str = "url";

/// Begins the mark of a record that lies in the content part as a whole; why, follows.
const UNCUT: &str = "uncut:";

/// Begins the mark of a call whose result tells of an error; its class follows.
const ERROR: &str = "error:";

/// Completes drafts; one for all sources, shared between threads.
pub struct Finisher {
    prints: Fingerprinter,
    prices: RwLock<Arc<PriceTable>>,
    rules: RuleSet,
}

/// The class of the error that a result tells of. A plain command that says that it succeeded is believed.
fn class_of_error(columns: &Columns, result: &str) -> Option<&'static str> {
    let command = columns.text(column::COMMAND).unwrap_or_default();
    if columns.integer(column::EXIT_CODE) == Some(0) && !command.contains(['|', ';', '\n']) {
        return None;
    }
    trouble::class(columns.text(column::KIND).unwrap_or_default(), command, result)
}

impl Edit<'_> {
    fn piece(&self) -> Piece {
        Piece { start: self.span.start, end: self.span.end, address: !self.is_content && self.name == URL }
    }
}

impl Finisher {
    /// A finisher with the installation's fingerprint key, a price table and the built-in redaction rules.
    pub fn new(key: [u8; 32], prices: PriceTable) -> Self {
        Self { prints: Fingerprinter::new(&key), prices: RwLock::new(Arc::new(prices)), rules: RuleSet::built_in() }
    }

    /// The prices that are in force.
    pub fn prices(&self) -> Arc<PriceTable> {
        Arc::clone(&self.prices.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Prices what comes from now on by another table; what was recorded keeps its cost and the version that it came from. Says
    /// whether it is another table.
    pub fn reprice(&self, prices: PriceTable) -> bool {
        let mut held = self.prices.write().unwrap_or_else(PoisonError::into_inner);
        let is_other = **held != prices;
        *held = Arc::new(prices);
        is_other
    }

    /// Completes the draft of one event of the record; what comes of it stands in `event`, and the draft is empty then.
    /// `carries_record` is true for the record's first event, which gets `record`, `content`, `cuts` and what follows from them.
    pub fn finish(&self, record: Record<'_>, draft: &mut Draft, carries_record: bool, event: &mut Redacted) {
        let text = if carries_record { record.written() } else { None };
        let is_clean = text.as_ref().is_some_and(|text| self.set_record(record.encoding(), text, draft));
        if carries_record && text.is_none() {
            self.set_whole(record, &mut draft.columns);
        }
        self.redact_columns(draft, is_clean);
        if !draft.identity.is_empty() && draft.columns.text(column::SOURCE_ID).is_none() {
            let identity = self.without_secrets(&draft.identity);
            draft.columns.set_text(column::SOURCE_ID, &self.prints.identity(&identity));
        }
        // Fingerprints are of redacted text: otherwise a guess of a secret could be confirmed by sending it.
        self.set_call(draft);
        let is_read = is_clean && text.is_some_and(|text| is_written(&text, draft));
        self.set_url(draft, is_read);
        text_columns::set_host(&mut draft.columns, &self.prints);
        self.set_cost(draft);
        // A mark may name a member that the sender named after a secret.
        let marks: Vec<Cow<str>> = draft.marks.iter().map(|mark| self.without_secrets(mark)).collect();
        draft.columns.set_list(column::MARKS, marks.iter().map(|mark| &**mark));
        event.fill(draft);
    }

    /// Sets what follows from the redacted input and result of a call, or from what a person said: fingerprints, effects, names.
    fn set_call(&self, draft: &mut Draft) {
        let Draft { columns, action, result, .. } = draft;
        let canonical = action.as_ref().map(|action| fingerprint::canonical(&action.input));
        let input = canonical.as_ref().map(|input| self.without_secrets(input));
        let call = action.as_ref().map(|action| action.tool.as_str()).zip(input.as_deref());
        if let Some((tool, input)) = call {
            columns.set_fingerprint(column::ACTION_FP, self.prints.action(tool, input));
        }
        let remembers = effect_columns::set(columns, call).contains(&EffectKind::Remember);
        let canonical = result.as_ref().map(|result| fingerprint::canonical(result));
        let result = canonical.as_ref().map(|result| self.without_secrets(result));
        if let Some(result) = &result {
            columns.set_fingerprint(column::RESULT_FP, self.prints.result(result));
        }
        text_columns::set(columns, &self.prints, input.as_deref(), result.as_deref(), remembers);
        let class = result.as_deref().and_then(|result| class_of_error(columns, result));
        if let Some(class) = class {
            draft.mark(format!("{ERROR}{class}"));
        }
    }

    /// Redacts every column of text, those that hold ids too. Where the record is clean, only columns
    /// that are put together from several values, or come from another record, can have a secret.
    fn redact_columns(&self, draft: &mut Draft, is_clean: bool) {
        for column in REDACTED.iter() {
            // The columns of a URL are made from its redacted form.
            let of_url = !draft.url.is_empty() && (*column == column::TARGET || *column == column::PATH);
            let is_of_record = *column != column::COMMAND && !draft.columns.is_joined(*column);
            if of_url || (is_clean && is_of_record) {
                continue;
            }
            if let Some(redacted) = draft.columns.text(*column).and_then(|text| self.rules.redact_plain(text)) {
                draft.columns.set_text(*column, &redacted.text);
                // Records must not become the same because their secrets look alike: such an id is none.
                if *column == column::SOURCE_ID {
                    draft.columns.remove(column::SOURCE_ID.id());
                }
                if *column == column::STREAM {
                    draft.columns.remove(column::STREAM.id());
                    draft.columns.remove(column::STREAM_SEQ.id());
                }
            }
        }
    }

    /// Redacts a line that is shown to people without being recorded.
    pub fn redact(&self, line: &str) -> String {
        self.without_secrets(line).into_owned()
    }

    /// Text or JSON with its secrets taken out.
    fn without_secrets<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let redacted =
            if text.starts_with(['{', '[']) { self.rules.redact_quoted(text) } else { self.rules.redact_plain(text) };
        redacted.map_or(Cow::Borrowed(text), |redacted| Cow::Owned(redacted.text))
    }

    /// Completes the draft of a record that was not understood: all of it lies in the content part. Sets `kind`, the reason
    /// in `action`, `content` or, if it is not UTF-8, `content_raw`, and what follows from them.
    pub fn unparsed(&self, record: Record<'_>, draft: &mut Draft, reason: &str, event: &mut Redacted) {
        let Draft { columns, marks, .. } = draft;
        columns.set_text(column::KIND, UNPARSED);
        columns.set_text(column::ACTION, &self.without_secrets(reason));
        columns.set_list(column::MARKS, texts(marks));
        self.set_whole(record, columns);
        event.fill(draft);
    }

    /// Sets the whole record as content: its text, or its bytes if they are none.
    fn set_whole(&self, record: Record<'_>, columns: &mut Columns) {
        let redacted = match record.text() {
            Some(text) => self.rules.redact_plain(text),
            // What a lossy reading shows to be a secret is not kept: the readable form is then all that is stored.
            None => self.rules.redact_plain(&String::from_utf8_lossy(record.bytes())),
        };
        match (redacted, record.text()) {
            (Some(redacted), _) => {
                columns.set_list(column::REDACTIONS, texts(&content_redactions(&redacted.redactions)));
                self.set_content(columns, &redacted.text);
            }
            (None, Some(text)) => self.set_content(columns, text),
            (None, None) => self.set_raw_content(record.bytes(), columns),
        }
    }

    /// Sets the record with its content cut out. Says whether its text was searched and no secret was found.
    fn set_record(&self, encoding: &dyn RecordEncoding, text: &str, draft: &mut Draft) -> bool {
        // Most records have neither content nor a secret, and their addresses were at hand.
        let is_at_hand = draft.content.is_empty() && draft.free_text.iter().all(|free_text| free_text.span().is_some());
        let addresses = draft.free_text.iter().filter(|free_text| free_text.name() == URL);
        let addresses = addresses.filter_map(FreeText::span).map(|span| (span.start, span.end));
        if is_at_hand && self.rules.is_clean(text, addresses) {
            draft.columns.set_text(column::RECORD, text);
            return true;
        }
        let edits = match edits(encoding, text, &draft.content, &draft.free_text) {
            Ok(edits) => edits,
            Err(error) => return self.set_uncut(encoding, text, &error, draft),
        };
        let mut pieces: Vec<Piece> = edits.iter().map(Edit::piece).collect();
        let redacted = self.rules.redact_record(text, &mut pieces);
        let is_clean = redacted.is_none();
        let (text, redactions) =
            redacted.as_ref().map_or((text, &[][..]), |redacted| (&redacted.text, &redacted.redactions));
        if !edits.iter().any(|edit| edit.is_content) && redactions.is_empty() {
            draft.columns.set_text(column::RECORD, text);
        } else {
            self.cut(text, &edits, &pieces, redactions, &mut draft.columns);
        }
        is_clean
    }

    /// Cuts the content out of a redacted text; the pieces are where the edits stand in it.
    fn cut(&self, text: &str, edits: &[Edit], pieces: &[Piece], redactions: &[Redaction], columns: &mut Columns) {
        let mut cutter = Cutter::with_capacity(text.len());
        let mut shown = Vec::new();
        let mut redactions = redactions.iter().peekable();
        let mut at = 0;
        let mut note = |field: &str, base: usize, start: usize, end: usize| {
            while let Some(redaction) = redactions.next_if(|redaction| redaction.offset < end) {
                shown.push(format!("{}:{field}:{}", redaction.kind, base + redaction.offset - start));
            }
        };
        for (edit, piece) in edits.iter().zip(pieces) {
            let (Some(before), Some(value)) = (text.get(at..piece.start), text.get(piece.start..piece.end)) else {
                continue;
            };
            note("record", cutter.record_len(), at, piece.start);
            cutter.keep(before);
            let field = if edit.is_content {
                cutter.cut(&self.without_secrets(edit.name), value)
            } else {
                cutter.keep(value);
                edit.name
            };
            note(field, 0, piece.start, piece.end);
            at = piece.end;
        }
        note("record", cutter.record_len(), at, text.len());
        cutter.keep(text.get(at..).unwrap_or_default());
        let (record, content, cuts) = cutter.finish();
        columns.set_text(column::RECORD, &record);
        columns.set_list(column::REDACTIONS, texts(&shown));
        if !cuts.is_empty() {
            columns.set_bytes(column::CUTS, &cuts);
            self.set_content(columns, &content);
        }
    }

    /// Sets the whole text as content, since something of it is content that cannot be cut out. Says whether no secret was found.
    fn set_uncut(&self, encoding: &dyn RecordEncoding, text: &str, error: &FieldError, draft: &mut Draft) -> bool {
        draft.mark(format!("{UNCUT}{}", error.word()));
        let edits = edits(encoding, text, &[], &draft.free_text).unwrap_or_default();
        let mut pieces: Vec<Piece> = edits.iter().map(Edit::piece).collect();
        let redacted = self.rules.redact_record(text, &mut pieces);
        let columns = &mut draft.columns;
        if let Some(redacted) = &redacted {
            columns.set_list(column::REDACTIONS, texts(&content_redactions(&redacted.redactions)));
        }
        self.set_content(columns, redacted.as_ref().map_or(text, |redacted| &redacted.text));
        redacted.is_none()
    }

    fn set_content(&self, columns: &mut Columns, content: &str) {
        columns.set_integer(column::CONTENT_LEN, content.len() as i64);
        columns.set_bytes(column::CONTENT_HASH, &self.prints.content(content.as_bytes()));
        columns.set_text(column::CONTENT, content);
    }

    fn set_raw_content(&self, raw: &[u8], columns: &mut Columns) {
        columns.set_integer(column::CONTENT_LEN, raw.len() as i64);
        columns.set_bytes(column::CONTENT_HASH, &self.prints.content(raw));
        columns.set_bytes(column::CONTENT_RAW, raw);
    }

    /// Splits the address into its columns, redacted unless it was searched with its record (`is_read`), so that the host is what
    /// was asked for. Where a record tells host and path apart, the host's column has its one name too.
    fn set_url(&self, draft: &mut Draft, is_read: bool) {
        let Draft { columns, url, .. } = draft;
        let secrets = if is_read { None } else { self.rules.redact_address(url) };
        let redacted = secrets.as_ref().map_or(url.as_str(), |redacted| &redacted.text);
        columns.set_text_if(column::TARGET, Some(redacted));
        if let Some(parts) = url::split(redacted) {
            columns.set_text_if(column::SCHEME, Some(&parts.scheme));
            columns.set_text(column::HOST, &parts.host);
            columns.set_text(column::PATH, parts.path);
            columns.set_text_if(column::DOMAIN, url::domain(&parts.host));
            if let Some(port) = parts.port {
                columns.set_integer(column::PORT, i64::from(port));
            }
        } else if let Some(host) = columns.text(column::HOST) {
            let authority = format!("//{host}");
            let secrets = self.rules.redact_address(&authority).map(|redacted| redacted.text);
            let (host, port) = url::split_host(&secrets.as_ref().unwrap_or(&authority)[2..]);
            set_or_remove(columns, column::HOST, &host);
            columns.set_text_if(column::DOMAIN, url::domain(&host));
            if redacted.starts_with('/') {
                columns.set_text_if(column::PATH, redacted.split('#').next());
            }
            if let (Some(port), None) = (port, columns.integer(column::PORT)) {
                columns.set_integer(column::PORT, i64::from(port));
            }
        }
    }

    /// Prices the tokens of a record that names its model. What one counter says is not the cost if another one was void.
    fn set_cost(&self, draft: &mut Draft) {
        let Draft { columns, billing, marks, .. } = draft;
        let counters = [column::TOKENS_IN, column::TOKENS_OUT, column::TOKENS_CACHE_READ, column::TOKENS_CACHE_WRITE];
        let [input, output, cache_read, cache_write] = counters.map(|column| columns.integer(column));
        let is_void = marks.iter().any(|mark| mark.strip_prefix(VOID).is_some_and(|name| name.starts_with("tokens_")));
        if is_void || [input, output, cache_read, cache_write].iter().all(Option::is_none) {
            return;
        }
        let [input, output, cache_read, cache_write] =
            [input, output, cache_read, cache_write].map(Option::unwrap_or_default);
        let tokens = Tokens { input, output, cache_read, cache_write, billing: *billing };
        let prices = self.prices();
        let cost = columns.text(column::MODEL).and_then(|model| prices.cost(model, tokens));
        if let Some(cost) = cost.and_then(|cost| i64::try_from(cost).ok()) {
            columns.set_integer(column::COST_MICROS, cost);
            columns.set_text(column::PRICE_VERSION, prices.version());
        }
    }
}

/// Whether the draft's address stands in the record's text as it is, so that it was searched with it.
fn is_written(text: &str, draft: &Draft) -> bool {
    let stands = |free_text: &FreeText| {
        let written = free_text.span().and_then(|span| text.get(span.start..span.end)).unwrap_or_default();
        written.strip_prefix('"').and_then(|written| written.strip_suffix('"')).unwrap_or(written) == draft.url
    };
    draft.free_text.iter().any(|free_text| free_text.name() == URL && stands(free_text))
}

/// Sets a column, or takes it away where there is nothing to say.
fn set_or_remove(columns: &mut Columns, column: Text, value: &str) {
    if value.is_empty() {
        columns.remove(column.id());
    } else {
        columns.set_text(column, value);
    }
}

/// Marks of the content as the `redactions` column lists them: `kind:field:offset`.
fn content_redactions(redactions: &[Redaction]) -> Vec<String> {
    redactions.iter().map(|redaction| format!("{}:content:{}", redaction.kind, redaction.offset)).collect()
}

fn texts(list: &[String]) -> impl Iterator<Item = &str> {
    list.iter().map(String::as_str)
}

#[cfg(test)]
mod tests;
