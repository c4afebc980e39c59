//! Redaction of a whole record: every text in it, with the names that stand before a value, wherever the value goes.

use super::{Found, ROUNDS_MAX, RedactedText, RuleSet, View, join_overlapping, may_have_user, replace, whole};

/// A part of a record that goes somewhere of its own; it moves as the record is redacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// Whether it is an address, which is split before it is redacted.
    pub address: bool,
}

impl RuleSet {
    /// Redacts a record; `None` if there is no secret. The pieces must be in order and without overlap. They are moved with the
    /// text, and no replacement reaches over the border of one. If nothing of the record is kept, no piece is left.
    pub fn redact_record(&self, record: &str, pieces: &mut Vec<Piece>) -> Option<RedactedText> {
        let mut redacted = RedactedText { text: String::new(), redactions: Vec::new() };
        for round in 0..ROUNDS_MAX {
            let text = if round == 0 { record } else { &redacted.text };
            let found = self.find_in_record(text, pieces);
            if found.is_empty() {
                return (round > 0).then_some(redacted);
            }
            let next = replace(text, &found, &redacted.redactions);
            move_pieces(pieces, &found);
            redacted = next;
        }
        pieces.clear();
        Some(whole(record))
    }

    /// Whether a look is enough to say that a record with these addresses has no secret.
    pub fn is_clean(&self, record: &str, addresses: impl IntoIterator<Item = (usize, usize)>) -> bool {
        let mut addresses = addresses.into_iter().filter_map(|(start, end)| record.get(start..end));
        !self.may_have_secrets(record) && !addresses.any(may_have_user)
    }

    fn find_in_record(&self, text: &str, pieces: &[Piece]) -> Vec<Found> {
        if self.is_clean(text, pieces.iter().filter(|piece| piece.address).map(|piece| (piece.start, piece.end))) {
            return Vec::new();
        }
        let view = View::unquoted(text);
        let mut found = Vec::new();
        let is_json = text.trim_start().starts_with(['{', '[']);
        for secret in self.find(&view.text) {
            if is_json {
                view.clip(secret, &mut found);
            } else {
                found.push(view.in_original(secret));
            }
        }
        let mut found = outside_of_addresses(&found, pieces);
        for piece in pieces.iter().filter(|piece| piece.address) {
            let Some(address) = text.get(piece.start..piece.end) else { continue };
            if !self.may_have_secrets(address) && !may_have_user(address) {
                continue;
            }
            let inside = if address.starts_with('"') {
                self.find_quoted(address, Self::find_in_address).unwrap_or_default()
            } else {
                self.find_in_address(address)
            };
            found.extend(inside.into_iter().map(|secret| secret.shifted(piece.start)));
        }
        join_overlapping(&mut found);
        found
    }
}

/// Cuts what was found at the borders of the pieces, and leaves out what lies in addresses.
fn outside_of_addresses(found: &[Found], pieces: &[Piece]) -> Vec<Found> {
    let mut parts = Vec::with_capacity(found.len());
    for secret in found {
        let mut at = secret.start;
        let first = pieces.partition_point(|piece| piece.end <= secret.start);
        for piece in pieces[first..].iter().take_while(|piece| piece.start < secret.end) {
            if at < piece.start {
                parts.push(Found { start: at, end: piece.start, ..*secret });
            }
            let (start, end) = (at.max(piece.start), secret.end.min(piece.end));
            if !piece.address {
                parts.push(Found { start, end, ..*secret });
            }
            at = end;
        }
        if at < secret.end {
            parts.push(Found { start: at, ..*secret });
        }
    }
    parts
}

/// Moves the pieces to where they are after the replacements.
fn move_pieces(pieces: &mut [Piece], found: &[Found]) {
    let mut found = found.iter().peekable();
    let mut shift = 0isize;
    for piece in pieces {
        let mut pass = |border: &mut usize| {
            while let Some(secret) = found.next_if(|secret| secret.end <= *border) {
                shift += secret.placeholder_len() as isize - (secret.end - secret.start) as isize;
            }
            *border = border.saturating_add_signed(shift);
        };
        pass(&mut piece.start);
        pass(&mut piece.end);
    }
}
