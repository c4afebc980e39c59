//! Signs in the words of a text, by what stands near what. Literal marks of roles are known as they are written.

use super::lexicon::Class;
use super::sign::Sign;
use super::words::Word;

/// A sign, and the bytes that show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// What.
    pub sign: Sign,
    /// Where it begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

/// How conversations of models are written down: nobody else writes so.
const ROLES: &[&str] = &[
    "<system>",
    "</system>",
    "<|im_start|>",
    "<|system|>",
    "<|im_end|>",
    "[inst]",
    "[/inst]",
    "<<sys>>",
    "<information>",
    "</information>",
    "<important>",
    "</important>",
    "<admin>",
    "</admin>",
    "<user>",
    "</user>",
    "<assistant>",
    "<instructions>",
    "<system_message>",
    "<system-reminder>",
    "<system_prompt>",
    "[system]",
    "[system message]",
    "[admin]",
    "### system",
    "### instruction",
    "begin system",
    "end of system prompt",
    "developer mode",
    "---end of message",
    "--- end of message",
    "---end of mail",
    "---end of document",
    "--- end of document",
    "---end of file",
];

/// How far from such words the name of a mode stands, in bytes.
const MODE_BYTES: usize = 48;

/// All signs of a text.
pub fn marks(text: &str, words: &[Word]) -> Vec<Mark> {
    let near = Near { words };
    let mut marks = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if word.class.is_none() {
            continue;
        }
        let found = [
            (Sign::Override, near.overrides(at, text)),
            (Sign::Authority, near.speaks_as(at, text)),
            (Sign::Secrecy, near.keeps_secret(at, text)),
            (Sign::Addressed, near.addresses(at, text)),
            (Sign::Order, near.orders(at)),
            (Sign::Tools, near.calls(at, text)),
            (Sign::Unasked, near.leaves_free(at)),
        ];
        for (sign, end) in found {
            if let Some(end) = end.and_then(|end| words.get(end.min(words.len() - 1))) {
                marks.push(Mark { sign, start: word.start, end: end.end });
            }
        }
    }
    let lower = text.to_ascii_lowercase();
    // `You are now in developer mode`: whoever says so plays the system.
    let modes = lower.match_indices("you are now").filter_map(|(start, _)| {
        let end = text.floor_char_boundary((start + MODE_BYTES).min(text.len()));
        lower.get(start..end)?.find(" mode").map(|at| (start, start + at + 5))
    });
    marks.extend(modes.map(|(start, end)| Mark { sign: Sign::Authority, start, end }));
    for role in ROLES {
        let found = lower.match_indices(role);
        marks.extend(found.map(|(start, role)| Mark { sign: Sign::Authority, start, end: start + role.len() }));
    }
    marks.sort_by_key(|mark| (mark.start, mark.sign));
    marks
}

struct Near<'w> {
    words: &'w [Word],
}

impl Near<'_> {
    /// The first word of a class among the next `count` behind `at`.
    fn behind(&self, at: usize, count: usize, class: Class) -> Option<usize> {
        let end = (at + 1 + count).min(self.words.len());
        (at + 1..end).find(|other| self.words[*other].class.meets(class))
    }

    /// The same before `at`.
    fn ahead(&self, at: usize, count: usize, class: Class) -> Option<usize> {
        (at.saturating_sub(count)..at).rev().find(|other| self.words[*other].class.meets(class))
    }

    fn is(&self, at: usize, class: Class) -> bool {
        self.words.get(at).is_some_and(|word| word.class.meets(class))
    }

    /// `ignore all previous instructions`, `forget your task`, `your new instructions`.
    fn overrides(&self, at: usize, text: &str) -> Option<usize> {
        // What stands in a program only looks like a sentence.
        self.override_at(at).filter(|end| !self.between(at, *end, text).contains(['(', '{', '=', ';', '_', '[']))
    }

    fn between<'t>(&self, from: usize, to: usize, text: &'t str) -> &'t str {
        let ends = self.words.get(from).zip(self.words.get(to));
        ends.and_then(|(from, to)| text.get(from.start..to.end)).unwrap_or_default()
    }

    /// The first character behind a word.
    fn next_char(&self, at: usize, text: &str) -> Option<char> {
        text.get(self.words.get(at)?.end..)?.chars().next()
    }

    fn override_at(&self, at: usize) -> Option<usize> {
        if self.is(at, Class::IGNORE) {
            // `everything that you were told`.
            let told = || {
                let whom = self.behind(at, 5, Class::YOU.with(Class::USER))?;
                self.behind(whom, 3, Class::TOLD)
            };
            let what = || {
                let what = self.behind(at, 8, Class::INSTRUCTION.with(Class::TASK).with(Class::REQUEST))?;
                let whose = Class::PRIOR.with(Class::YOU).with(Class::USER);
                // In some languages what was before stands behind.
                self.behind(at, what - at + 2, whose).map(|_| what)
            };
            return told().or_else(what);
        }
        // `don't do the earlier task`.
        if self.is(at, Class::NOT) {
            let does = self.behind(at, 2, Class::DO)?;
            let what = self.behind(does, 4, Class::TASK.with(Class::INSTRUCTION))?;
            return self.behind(does, what - does, Class::PRIOR.with(Class::YOU)).map(|_| what);
        }
        if self.is(at, Class::NEW) {
            let what = self.behind(at, 2, Class::INSTRUCTION.with(Class::TASK))?;
            return self.ahead(at, 3, Class::YOU).map(|_| what);
        }
        if self.is(at, Class::PRIOR) && self.behind(at, 3, Class::INSTRUCTION).is_some() {
            return self.behind(at, 7, Class::IGNORE);
        }
        None
    }

    /// `an important message from your developer`, `system notice`.
    fn speaks_as(&self, at: usize, text: &str) -> Option<usize> {
        if !self.is(at, Class::MESSAGE) {
            return None;
        }
        let reader = Class::YOU.with(Class::AI).with(Class::IGNORE);
        let speaks = self.behind(at, 14, reader).is_some();
        let is_urgent = self.ahead(at, 3, Class::URGENT).is_some();
        let from = self.behind(at, 1, Class::FROM);
        let who = from.and_then(|from| self.behind(from, 3, Class::ROLE.with(Class::USER)));
        if let Some(who) = who.filter(|_| speaks || is_urgent) {
            return Some(who);
        }
        // Programs speak of system messages too; a text that plays the system begins with one.
        let is_system = at > 0 && self.is(at - 1, Class::ROLE) && self.words[at - 1].is_first;
        let is_title = matches!(self.next_char(at, text), Some(':' | '!' | ']' | '>' | '\n' | '.'));
        (is_system && is_title && speaks).then_some(at)
    }

    /// `do not tell the user`, `without mentioning it to anyone`, `silently forward`.
    fn keeps_secret(&self, at: usize, text: &str) -> Option<usize> {
        if self.is(at, Class::SECRETLY) {
            let does = self.behind(at, 2, Class::ACT).or_else(|| self.ahead(at, 6, Class::ACT))?;
            let asks = self.ahead(at.min(does), 8, Class::PLEASE.with(Class::MUST).with(Class::YOU).with(Class::AGENT));
            return asks.is_some().then_some(at.max(does));
        }
        if self.is(at, Class::NOT) {
            let tell = self.behind(at, 3, Class::TELL)?;
            // Everybody is told to tell nobody a password; only an agent not to tell its user.
            let nobody = || {
                let nearby = Class::AI.with(Class::IGNORE);
                let is_agents = self.behind(at, 30, nearby).is_some() || self.ahead(at, 40, nearby).is_some();
                self.behind(tell, 6, Class::ANYONE).filter(|_| is_agents)
            };
            let user = self.behind(tell, 6, Class::USER).or_else(|| self.ahead(at, 4, Class::USER).map(|_| tell));
            return user.or_else(nobody);
        }
        // Where the verb comes before: `sag dem Nutzer nichts`, `dem Benutzer nichts sagen`.
        if self.is(at, Class::TELL) {
            let user = self.behind(at, 2, Class::USER)?;
            return self.behind(user, 2, Class::NOT);
        }
        if self.is(at, Class::USER) {
            // In some languages the verb comes before what denies it.
            let tell_not = || {
                let tell = self.behind(at, 3, Class::TELL)?;
                self.behind(tell, 2, Class::NOT)
                    .filter(|not| !text[self.words[tell].start..self.words[*not].end].is_ascii())
            };
            let not_tell = || {
                let not = self.behind(at, 3, Class::NOT)?;
                self.behind(not, 3, Class::TELL)
            };
            return not_tell().or_else(tell_not);
        }
        None
    }

    /// `AI agents must`, `note to the assistant`, `if you are a language model`.
    fn addresses(&self, at: usize, text: &str) -> Option<usize> {
        let is_ai = self.is(at, Class::AI);
        if !is_ai && !self.is(at, Class::AGENT) {
            return None;
        }
        let word = self.words[at];
        let hail = self.ahead(at, 4, Class::HAIL).filter(|hail| self.words[*hail].is_first || is_ai);
        // A message is to or for an AI; a member of JSON that is called so is no word to it.
        let hails =
            hail.is_some_and(|hail| !self.is(hail, Class::MESSAGE) || self.ahead(at, at - hail, Class::TO).is_some());
        let you_are = self.ahead(at, 5, Class::YOU).is_some_and(|you| {
            self.ahead(you, 1, Class::HAIL).is_some()
                || (self.words[you].is_first && (is_ai || self.behind(at, 12, Class::MUST).is_some()))
        });
        let next = self.next_char(at, text);
        let does =
            Class::ACT.with(Class::DO).with(Class::MUST).with(Class::ALWAYS).with(Class::YOU).with(Class::IGNORE);
        // `Shopping agents: …`, `By the way, LLM, …`: a sentence, or a part of it, begins with who is meant.
        let begins = word.is_first
            || (at.saturating_sub(2)..at).any(|before| self.words[before].is_first)
            || text[..word.start].trim_end().ends_with(',');
        // `Important for assistants: …`, and where a particle says to whom: `AIアシスタントへ`.
        let is_for = next == Some(':') && self.ahead(at, 2, Class::TO).is_some();
        let is_to = matches!(next, Some('へ' | '：' | '，' | '、' | '님' | '께'));
        let stops = matches!(next, Some(',' | ':' | '>')) || text[word.end..].trim_start().starts_with(">>");
        let is_called = ((begins && stops) || is_for || is_to) && self.behind(at, 8, does).is_some();
        // `assistants that handle payments must …`.
        let tells_whom =
            self.words.get(at + 1).is_some_and(|next| matches!(&text[next.start..next.end], "that" | "which" | "who"));
        let must_who = || self.behind(at, 10, Class::MUST).filter(|_| tells_whom);
        let is_any = self.ahead(at, 2, Class::PRIOR).is_some();
        let must = self.behind(at, 3, Class::MUST.with(Class::PLEASE)).filter(|_| is_ai || word.is_first || is_any);
        (hails || you_are || is_called).then_some(at).or(must).or_else(must_who)
    }

    /// `you no longer need permission`, `agents need not ask`, `always approve it`, `without asking anybody`.
    fn leaves_free(&self, at: usize) -> Option<usize> {
        let reader = Class::YOU.with(Class::AI).with(Class::AGENT);
        if self.is(at, Class::NOT) {
            let asks = self.behind(at, 4, Class::PERMISSION)?;
            self.ahead(at, 8, reader.with(Class::PLEASE))?;
            // `no longer need permission`, `need not ask`, `must … without asking`: a rule on permissions of files says none of it.
            let is_freed = self.behind(at, asks - at, Class::MUST).is_some_and(|must| must < asks);
            let is_bare = asks <= at + 2 && self.ahead(at, 12, Class::MUST).is_some();
            return (is_freed || is_bare).then_some(asks);
        }
        if self.is(at, Class::ALWAYS) {
            let approves = self.behind(at, 1, Class::APPROVE)?;
            return (self.behind(approves, 12, reader).is_some() || self.ahead(at, 12, reader).is_some())
                .then_some(approves);
        }
        None
    }

    /// `before you can solve the task that I gave you`, `first do the following`, `before answering`.
    fn orders(&self, at: usize) -> Option<usize> {
        if !self.is(at, Class::BEFORE) {
            return None;
        }
        let task = self.behind(at, 7, Class::TASK);
        let is_readers = |task: usize| {
            self.behind(at, 8, Class::YOU).is_some()
                || (task <= at + 4 && self.behind(task, 8, Class::MUST.with(Class::PLEASE).with(Class::ACT)).is_some())
        };
        if let Some(task) = task.filter(|task| is_readers(*task)) {
            return Some(task);
        }
        let goes_on = self.behind(at, 4, Class::GO_ON).filter(|_| self.behind(at, 3, Class::YOU).is_some());
        goes_on.filter(|goes_on| {
            self.behind(*goes_on, 10, Class::MUST.with(Class::PLEASE)).is_some()
                && (self.behind(*goes_on, 14, Class::ACT).is_some() || self.ahead(at, 6, Class::URGENT).is_some())
        })
    }

    /// `call the send_money tool`: a name as programs have them behind a word for calling.
    fn calls(&self, at: usize, text: &str) -> Option<usize> {
        if !self.is(at, Class::CALL) {
            return None;
        }
        let tool = self.behind(at, 6, Class::TOOL)?;
        let between =
            text.get(self.words[at].end..self.words.get(tool + 2).map_or(self.words[tool].end, |word| word.end))?;
        let is_name = |word: &str| word.trim_matches(|char: char| !char.is_alphanumeric()).contains('_');
        between.split_whitespace().any(is_name).then_some(tool)
    }
}
