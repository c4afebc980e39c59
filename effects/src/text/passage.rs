//! The passages of a text that carry instructions: where one begins and ends, what signs it has, and what it names.

use super::Heard;
use super::asked::{Request, requests};
use super::lexicon::Class;
use super::names::{NameKind, names};
use super::nearby::{Mark, marks};
use super::sign::{Sign, Signs};
use super::words::{Word, is_unseen, unescaped, words};

/// What is read before and after a place that may carry instructions, in bytes.
const BEFORE_BYTES: usize = 400;
const AFTER_BYTES: usize = 1_200;
/// How far a passage goes around the signs in it.
const PASSAGE_BEFORE_BYTES: usize = 160;
const PASSAGE_AFTER_BYTES: usize = 900;
/// A request without any sign ends with its line, after so many bytes at the latest.
const LINE_BYTES: usize = 240;
/// How long a comment is looked for before what stands in it, in bytes.
const COMMENT_BYTES_MAX: usize = 4_096;
/// Of a passage that goes on and on, so many bytes are searched for what it names,
const NAMED_BYTES_MAX: usize = 4_096;
/// and so many plain requests of one text.
const REQUESTS_MAX: usize = 64;
/// So many characters that nobody sees are no accident.
const UNSEEN_CHARS_MIN: usize = 8;
/// What the members of records begin with in lists that tools give: where the next one begins, the passage ends.
const MEMBERS: &[&str] = &[
    "id",
    "id_",
    "date",
    "timestamp",
    "sender",
    "from",
    "status",
    "read",
    "time",
    "created_at",
    "updated_at",
    "author",
    "amount",
    "recipients",
];
/// How pages hide a text from whoever looks at them.
const STYLES: &[&str] = &[
    "display:none",
    "display: none",
    "visibility:hidden",
    "visibility: hidden",
    "font-size:0",
    "font-size: 0",
    "opacity:0",
    "opacity: 0",
    "color:white",
    "color: white",
    "color:#fff",
    "color: #fff",
    "aria-hidden",
    "left:-9999",
];

/// Adds what the text around these places says.
pub fn read(text: &str, hits: &[usize], heard: &mut Heard) {
    let is_json = text.trim_start().starts_with(['{', '[', '"']);
    let mut at = 0;
    while let Some(first) = hits.get(at) {
        let start = first.saturating_sub(BEFORE_BYTES);
        let mut end = first + AFTER_BYTES;
        while let Some(next) = hits.get(at).filter(|next| **next < end) {
            end = next + AFTER_BYTES;
            at += 1;
        }
        let end = text.ceil_char_boundary(end.min(text.len()));
        Window::new(&text[text.floor_char_boundary(start)..end], is_json).read(heard);
    }
}

/// A part of a text in which there may be instructions.
struct Window {
    text: String,
    words: Vec<Word>,
    is_json: bool,
}

impl Window {
    fn new(text: &str, is_json: bool) -> Self {
        let text = unescaped(text);
        Self { words: words(&text), text, is_json }
    }

    fn read(&self, heard: &mut Heard) {
        self.unseen(heard);
        let mut found = marks(&self.text, &self.words);
        self.soft(&mut found);
        let mut at = 0;
        let mut signs = Signs::default();
        while let Some(first) = found.get(at) {
            let start = self.begin(first.start);
            let mut end = self.end(first.end);
            let mut own = Signs::default();
            while let Some(mark) = found.get(at).filter(|mark| mark.start < end) {
                own.add(mark.sign);
                end = end.max(self.end(mark.end));
                at += 1;
            }
            if own.is_for_agents() && self.asks(start, end) {
                self.surroundings(start, end, &mut own);
                own.add(Sign::Instructions);
                signs.join(own);
                self.ask(start, end, heard);
            }
        }
        if signs.is_empty() {
            self.plain(heard);
        } else if self.words.iter().any(|word| word.class.meets(Class::ABOUT)) {
            signs.add(Sign::About);
        }
        heard.signs.join(signs);
        let mut seen = Vec::new();
        heard.names.retain(|name| {
            !seen.contains(name) && {
                seen.push(name.clone());
                true
            }
        });
    }

    /// What a passage asks for, and whom and what it names.
    fn ask(&self, start: usize, end: usize, heard: &mut Heard) {
        let text = &self.text[start..self.text.floor_char_boundary(end.min(start + NAMED_BYTES_MAX))];
        heard.names.extend(names(text));
        heard.requests.extend(requests(text).into_iter().filter(|request| *request != Request::Delegate));
    }

    /// Words that are urgent, which say something only beside others.
    fn soft(&self, found: &mut Vec<Mark>) {
        let urgent = self.words.iter().filter(|word| word.class.meets(Class::URGENT));
        found.extend(urgent.map(|word| Mark { sign: Sign::Urgency, start: word.start, end: word.end }));
        found.sort_by_key(|mark| (mark.start, mark.sign));
    }

    /// Whether something is to be done in these bytes.
    fn asks(&self, start: usize, end: usize) -> bool {
        let does = Class::ACT.with(Class::DO).with(Class::CALL);
        self.within(start, end).any(|word| word.class.meets(does))
    }

    fn within(&self, start: usize, end: usize) -> impl Iterator<Item = &Word> {
        self.words.iter().skip_while(move |word| word.start < start).take_while(move |word| word.end <= end)
    }

    /// Signs of where the passage stands.
    fn surroundings(&self, start: usize, end: usize, signs: &mut Signs) {
        let unseen = self.text[start..end].chars().filter(|char| is_unseen(*char)).count();
        if unseen >= UNSEEN_CHARS_MIN || self.comment(start, end) || self.is_styled_away(start) {
            signs.add(Sign::Hidden);
        }
        if self.is_encoded(start, end) {
            signs.add(Sign::Encoded);
        }
    }

    /// Whether most of it stands in a comment of HTML.
    fn comment(&self, start: usize, end: usize) -> bool {
        let middle = self.text.floor_char_boundary(start + PASSAGE_BEFORE_BYTES.min((end - start) / 2));
        let from = self.text.floor_char_boundary(middle.saturating_sub(COMMENT_BYTES_MAX));
        let before = &self.text[from..middle];
        let opens = before.rfind("<!--").or_else(|| before.rfind("[//]: #"));
        opens.is_some_and(|opens| !before[opens..].contains("-->"))
    }

    fn is_styled_away(&self, start: usize) -> bool {
        let from = self.text.floor_char_boundary(start.saturating_sub(PASSAGE_BEFORE_BYTES));
        let to = self.text.ceil_char_boundary((start + PASSAGE_BEFORE_BYTES).min(self.text.len()));
        let before = self.text[from..to].to_ascii_lowercase();
        STYLES.iter().any(|style| before.contains(style))
    }

    /// Whether it has a long run of letters and digits as base64 has, and speaks of decoding.
    fn is_encoded(&self, start: usize, end: usize) -> bool {
        let text = &self.text[start..end];
        let is_run = |word: &str| {
            word.len() >= 40 && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
        };
        let lower = text.to_ascii_lowercase();
        (lower.contains("base64") || lower.contains("decode") || lower.contains("rot13"))
            && text.split_whitespace().any(is_run)
    }

    /// Text in characters that repeat ASCII and that nobody sees.
    fn unseen(&self, heard: &mut Heard) {
        let letters = self.text.chars().filter(|char| matches!(char, '\u{e0020}'..='\u{e007e}'));
        let hidden: String = letters.filter_map(|char| char::from_u32(u32::from(char) - 0xe0000)).collect();
        if hidden.len() >= UNSEEN_CHARS_MIN {
            let does = Class::ACT.with(Class::DO).with(Class::CALL);
            if words(&hidden).iter().any(|word| word.class.meets(does)) {
                heard.signs.join([Sign::Instructions, Sign::Hidden].into_iter().collect());
                heard.names.extend(names(&hidden));
                heard.requests.extend(requests(&hidden));
            }
        }
    }

    /// Requests that only ask for something, of whoever reads them: told if they say whom or what exactly.
    fn plain(&self, heard: &mut Heard) {
        let asked =
            self.words.iter().enumerate().filter(|(at, word)| word.class.meets(Class::ACT) && self.is_asked(*at));
        for (at, word) in asked.take(REQUESTS_MAX) {
            let end = self.line_end(word.start);
            let named = names(&self.text[word.start..end]);
            let named: Vec<_> = named.into_iter().filter(|name| name.kind != NameKind::Path).collect();
            let is_wish = self.words[at.saturating_sub(3)..at].iter().any(|word| word.class.meets(Class::PLEASE));
            if named.is_empty() && !is_wish {
                continue;
            }
            heard.signs.add(Sign::Instructions);
            // What templates ask for in comments is for whoever fills them in.
            if named.iter().any(|name| name.kind.is_destination()) && self.comment(word.start, end) {
                heard.signs.add(Sign::Hidden);
            }
            heard.names.extend(named);
            heard.requests.extend(requests(&self.text[word.start..end]));
        }
    }

    /// Whether a word that says what to do is an order or a wish here, and no noun, name or story.
    fn is_asked(&self, at: usize) -> bool {
        let word = self.words[at];
        let before = |count: usize, class: Class| {
            self.words[at.saturating_sub(count)..at].iter().any(|word| word.class.meets(class))
        };
        let next = self.text[word.end..].chars().next();
        if !next.is_some_and(|next| next == ' ' || !next.is_ascii()) {
            return false;
        }
        before(3, Class::PLEASE)
            || (before(2, Class::MUST) && before(5, Class::YOU))
            || (!word.class.meets(Class::THING) && (word.is_first || before(1, Class::JOIN)))
    }

    fn line_end(&self, start: usize) -> usize {
        let most = self.text.floor_char_boundary((start + LINE_BYTES).min(self.text.len()));
        let text = &self.text[start..most];
        // Whom it is about may stand in the next sentence of the line.
        let end = text.find('\n').map_or(most, |at| start + at);
        end.min(self.record_end(start))
    }

    fn begin(&self, start: usize) -> usize {
        let least = self.text.floor_char_boundary(start.saturating_sub(PASSAGE_BEFORE_BYTES));
        let before = &self.text[least..start];
        // A blank line, a comment, the text of a member or the record before is where it begins.
        let cut = ["\n\n", "<!--", "\": \"", "\":\"", "\",\""].map(|mark| before.rfind(mark));
        let line = before.rmatch_indices('\n').map(|(at, _)| at).find(|at| is_member(&before[at + 1..]));
        let cut = cut.into_iter().chain([line]);
        cut.flatten().max().map_or(least, |at| least + at)
    }

    fn end(&self, end: usize) -> usize {
        let most = self.text.floor_char_boundary((end + PASSAGE_AFTER_BYTES).min(self.text.len()));
        let closes = ["</information>", "-->", "[/inst]", "</system>", "</important>", "</admin>", "<|im_end|>"];
        let lower = self.text[end..most].to_ascii_lowercase();
        let closed =
            closes.iter().filter_map(|mark| lower.find(mark).map(|at| end + at)).filter(|at| *at > end + 8).min();
        most.min(closed.unwrap_or(most)).min(self.record_end(end))
    }

    /// Where the text that holds this place ends: a text of JSON, or a record of a list.
    fn record_end(&self, from: usize) -> usize {
        let most = self.text.floor_char_boundary((from + PASSAGE_AFTER_BYTES).min(self.text.len()));
        let text = &self.text[from..most];
        let quote = |at: &usize| text[at + 1..].trim_start().starts_with([',', '}', ']', ':']);
        let json = self.is_json.then(|| text.match_indices('"').map(|(at, _)| at).find(quote)).flatten();
        let line = text.match_indices('\n').map(|(at, _)| at).find(|at| is_member(&text[at + 1..]));
        from + json.unwrap_or(text.len()).min(line.unwrap_or(text.len()))
    }
}

/// Whether a line is a member of a record in a list.
fn is_member(line: &str) -> bool {
    let line = line.split('\n').next().unwrap_or(line).trim_start();
    let Some((name, _)) = line.split_once(':') else { return false };
    let begins = name.starts_with("- ");
    let name = name.trim_start_matches("- ").trim_matches(['"', '\'']);
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    is_name && (begins || MEMBERS.contains(&name))
}
