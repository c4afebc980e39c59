//! Joins lines that are one record: a source such as auditd writes what it saw in several lines, and those of several records may
//! stand between each other. A dialect says of a line which record it belongs to; here the lines of a record are held until its end.
//!
//! When a record ends is told by its lines alone: by one that says it is the last, by a later one of the same writer, or by how much
//! came since its first line. So lines that are read again become the same records again. The position of the source stays before
//! every line that is held, and is never in the middle of a record that was handed out: after a crash no line is lost, and a record
//! that comes again is the same one. Only a source that is silent ends all records at once, after which nothing is held.

use std::collections::VecDeque;

use crate::limits;

/// Which record a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineOf<'a> {
    /// Who wrote it: records and times of one writer say nothing of another one's.
    pub writer: &'a [u8],
    /// The record, among those of the writer.
    pub record: &'a [u8],
    /// When the writer saw it, in microseconds since 1970 UTC.
    pub time: i64,
    /// What the line says of the others.
    pub place: Place,
}

/// What a line says of the others of its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Others may follow.
    Open,
    /// None follow.
    Last,
    /// It is the whole record, unless others came before it.
    Alone,
}

/// Reads which record a line belongs to; `None` if it is none of the source's lines, and so a record of its own.
pub type LineReader = for<'a> fn(&'a [u8]) -> Option<LineOf<'a>>;

/// The lines of one record, joined by line breaks.
#[derive(Debug, PartialEq, Eq)]
pub struct Gathered {
    /// The lines.
    pub text: Vec<u8>,
    /// When the first one was seen, in microseconds since 1970 UTC.
    pub seen: i64,
    /// When it arrived.
    pub received: i64,
}

/// Where the lines of a record stand in their source.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// Position before the first.
    start: u64,
    /// Position after the last.
    end: u64,
}

/// A record whose end has not come.
#[derive(Debug)]
struct Open {
    writer: Vec<u8>,
    record: Vec<u8>,
    time: i64,
    span: Span,
    gathered: Gathered,
    /// Lines and bytes of the source before its first line.
    lines: u64,
    bytes: u64,
}

/// Joins the lines of one source.
#[derive(Debug, Default)]
pub struct Gatherer {
    /// By their first lines.
    open: VecDeque<Open>,
    ready: VecDeque<(Span, Gathered)>,
    /// Records that were handed out and end behind the position.
    taken: Vec<Span>,
    lines: u64,
    bytes: u64,
}

impl Gatherer {
    /// Takes a line that stands between these positions. Then [`Gatherer::pop`] gives the records that it ends.
    pub fn take(&mut self, of: Option<LineOf<'_>>, line: Gathered, start: u64, end: u64) {
        self.end_old(of);
        let (length, span) = (line.text.len() as u64, Span { start, end });
        match of {
            None => self.ready.push_back((span, line)),
            Some(of) => self.add(of, line, span),
        }
        self.lines += 1;
        self.bytes += length;
    }

    /// The next record that has ended.
    pub fn pop(&mut self) -> Option<Gathered> {
        let (span, gathered) = self.ready.pop_front()?;
        self.taken.push(span);
        Some(gathered)
    }

    /// The position up to which nothing is needed any more, of a source that was read up to `read`. It is before every line that is
    /// held, and inside of no record that was handed out.
    pub fn position(&mut self, read: u64) -> u64 {
        let held = self.open.iter().map(|open| open.span).chain(self.ready.iter().map(|(span, _)| *span));
        let held = held.map(|span| span.start).min().unwrap_or(read);
        let mut at = held;
        while let Some(start) =
            self.taken.iter().filter(|span| span.start < at && span.end > at).map(|span| span.start).min()
        {
            at = start;
        }
        self.taken.retain(|span| span.end > at);
        // Records that overlap without an end: after a crash some of their lines may come twice.
        if self.taken.len() > limits::GATHER_TAKEN_MAX {
            self.taken.clear();
            at = held;
        }
        at
    }

    /// Whether lines are held.
    pub fn is_holding(&self) -> bool {
        !self.open.is_empty() || !self.ready.is_empty()
    }

    /// Ends every record: nothing more comes for now.
    pub fn end_all(&mut self) {
        while let Some(open) = self.open.pop_front() {
            self.ready.push_back((open.span, open.gathered));
        }
    }

    fn add(&mut self, of: LineOf<'_>, line: Gathered, span: Span) {
        let is_of = |open: &Open| open.record == of.record && open.writer == of.writer;
        let mut at = self.open.iter().position(is_of);
        if let Some(full) = at.filter(|at| {
            self.open.get(*at).is_some_and(|open| open.gathered.text.len() + line.text.len() >= limits::LINE_BYTES_MAX)
        }) {
            self.end(full);
            at = None;
        }
        if let Some(open) = at.and_then(|at| self.open.get_mut(at)) {
            open.gathered.text.push(b'\n');
            open.gathered.text.extend_from_slice(&line.text);
            open.span.end = span.end;
        } else if of.place == Place::Alone {
            self.ready.push_back((span, line));
            return;
        } else {
            self.open.push_back(Open {
                writer: of.writer.to_vec(),
                record: of.record.to_vec(),
                time: of.time,
                span,
                gathered: line,
                lines: self.lines,
                bytes: self.bytes,
            });
        }
        if of.place == Place::Last {
            self.end(at.unwrap_or(self.open.len() - 1));
        }
    }

    fn end(&mut self, at: usize) {
        if let Some(open) = self.open.remove(at) {
            self.ready.push_back((open.span, open.gathered));
        }
    }

    /// Ends records that are too old to go on before a line is taken.
    fn end_old(&mut self, of: Option<LineOf<'_>>) {
        let mut at = 0;
        while let Some(open) = self.open.get(at) {
            let is_far = self.lines - open.lines >= limits::GATHER_LINES_MAX
                || self.bytes - open.bytes >= limits::LINE_BYTES_MAX as u64;
            let is_late = of.is_some_and(|of| {
                of.writer == open.writer
                    && of.time.saturating_sub(open.time) >= limits::GATHER_TIME_MAX.as_micros() as i64
            });
            if is_far || is_late {
                self.end(at);
            } else {
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests;
