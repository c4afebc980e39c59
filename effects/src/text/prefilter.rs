//! A quick look at a text: whether it may carry instructions at all, and where. Most texts do not, and are passed over here.
//!
//! It may name places for nothing. What it passes over has no sign that [`super::passage`] would find alone: each needs one of these words.

use std::sync::LazyLock;

/// Words without which there are no instructions, in small letters and of four bytes or more; several are beginnings.
const ANCHORS: &[&str] = &[
    // To drop what was asked before.
    "ignor",
    "disreg",
    "forget ",
    "verrid",
    "bypass",
    "vergiss",
    "missacht",
    "oublie",
    "olvid",
    "descart",
    "dimentic",
    "trascur",
    "esque",
    "desconsid",
    "negeer",
    "vergeet",
    "игнор",
    "забудь",
    "忽略",
    "忘记",
    "无视",
    "忽視",
    "無視",
    "무시",
    // To act without asking.
    "permission",
    "approv",
    "confirmation",
    "ut asking",
    "not ask",
    "genehmig",
    "erlaubnis",
    "批准",
    // Instructions, and who is spoken to.
    "agents:",
    "you are now",
    "need to ask",
    "---end of",
    "--- end of",
    " bot ",
    " bots ",
    "bot:",
    "agents that",
    "assistants",
    "instruct",
    "anweisung",
    "consigne",
    "instrucc",
    "istruz",
    "instruç",
    "инструк",
    "указани",
    "指令",
    "指示",
    "지시",
    "assistant",
    "asistente",
    "assistente",
    "assistent",
    " agent",
    "chatbot",
    "chatgpt",
    " ai ",
    " ai,",
    " ai:",
    " llm",
    "claude",
    "copilot",
    "ассистент",
    "助手",
    "アシスタント",
    "어시스턴트",
    // Who speaks.
    "system>",
    "<sys",
    "[inst",
    "<|im",
    "<inform",
    "<import",
    "<admin",
    "<user",
    "### sys",
    "system:",
    "system mes",
    "system not",
    "system pro",
    "system ale",
    "system upd",
    "essage from",
    "essage to",
    "essage for",
    "otice to",
    "attention",
    "developer mode",
    "новое сообщ",
    "系统",
    "システム",
    "시스템",
    // What is kept from people.
    "not tell",
    "not ment",
    "not info",
    "not reve",
    "not noti",
    "not aler",
    "not disc",
    "not repo",
    "n't tell",
    "n't ment",
    "n't info",
    "without tell",
    "never tell",
    "never ment",
    "never info",
    "never reve",
    "the user",
    "to anyone",
    "you are an",
    "you are a l",
    "without ment",
    "without info",
    "without noti",
    "without aski",
    "secretl",
    "silentl",
    "quietl",
    "covertl",
    "discreetl",
    // The task.
    "before you",
    "before ans",
    "before res",
    "before com",
    "before sum",
    "before rep",
    "before con",
    "before pro",
    "prior to ",
    "do the following",
    "your task",
    "the task",
    "original task",
    "your request",
    "bevor du",
    "bevor sie",
    "avant de",
    "antes de",
    "prima di",
    "voordat",
    "прежде",
    // What is asked for kindly, or must be done.
    "please",
    "could you",
    "would you",
    "guidance",
    "outdated",
    "obsolete",
    "supersede",
    "earlier task",
    "all assist",
    "dem nutzer",
    "dem benutzer",
    "kindly",
    "todo",
    "bitte",
    "por favor",
    "veuillez",
    "plaît",
    "plait",
    "per favore",
    "per cortesia",
    "alsjeblieft",
    "alstublieft",
    "пожалуйста",
    "you must",
    "you need",
    "you should",
    "you have to",
    "make sure",
    "be sure",
    "请",
    "請",
    "ください",
    "주세요",
    // What others feel, where a sentence begins with it.
    "send ",
    "transfer ",
    "forward ",
    "invite ",
    "grant ",
    "share ",
    "delete ",
    "upload ",
    "unlock ",
    "reserve ",
    "schedule ",
    "submit ",
    "change your",
    "change my",
    "change the",
    "update your",
    "update my",
    "update the",
    "reset ",
    "publish ",
    "deposit ",
    "withdraw ",
    "purchase ",
];
/// The characters of Unicode that repeat ASCII and that nobody sees: those of its small letters.
const UNSEEN_LETTERS: std::ops::RangeInclusive<char> = '\u{e0061}'..='\u{e007a}';

/// The anchors by their first four bytes, each folded.
struct Anchors {
    bits: Box<[u64; BITS / 64]>,
    by_quad: Vec<(u32, Vec<u8>)>,
}

const BITS: usize = 1 << 15;

static KNOWN: LazyLock<Anchors> = LazyLock::new(|| {
    let unseen = UNSEEN_LETTERS.map(String::from);
    let texts = ANCHORS.iter().map(ToString::to_string).chain(unseen);
    // A character of three bytes alone has no quad: what may follow is not known.
    let folded = texts.map(|text| text.bytes().map(fold).collect::<Vec<u8>>());
    let mut by_quad: Vec<(u32, Vec<u8>)> =
        folded.filter_map(|text| Some((u32::from_le_bytes(*text.first_chunk()?), text))).collect();
    by_quad.sort_unstable();
    let mut bits = Box::new([0; BITS / 64]);
    for (quad, _) in &by_quad {
        let place = place(*quad);
        bits[place / 64] |= 1 << (place % 64);
    }
    Anchors { bits, by_quad }
});

/// A byte in which letters have no case. It makes equal what is different, never the other way round.
fn fold(byte: u8) -> u8 {
    byte | 0x20
}

fn place(quad: u32) -> usize {
    (quad.wrapping_mul(0x9e37_79b1) >> (32 - BITS.trailing_zeros())) as usize
}

impl Anchors {
    fn may_be(&self, quad: u32) -> u64 {
        let place = place(quad);
        self.bits[place / 64] >> (place % 64) & 1
    }

    /// Whether an anchor begins here.
    fn begins(&self, bytes: &[u8]) -> bool {
        let Some(first) = bytes.first_chunk::<4>() else { return false };
        let quad = u32::from_le_bytes(first.map(fold));
        if self.may_be(quad) == 0 {
            return false;
        }
        let from = self.by_quad.partition_point(|(known, _)| *known < quad);
        self.by_quad[from..].iter().take_while(|(known, _)| *known == quad).any(|(_, anchor)| {
            bytes.len() >= anchor.len() && bytes.iter().zip(anchor).all(|(byte, known)| fold(*byte) == *known)
        })
    }
}

/// Where anchors stand, in order.
pub fn hits(text: &str) -> Vec<usize> {
    const FOLD: u64 = u64::from_le_bytes([0x20; 8]);
    const STEP: usize = 5;
    let (anchors, bytes) = (&*KNOWN, text.as_bytes());
    let (mut hits, mut at) = (Vec::new(), 0);
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk) | FOLD;
        let found = (0..STEP).fold(0, |found, shift| found | anchors.may_be((word >> (8 * shift)) as u32));
        if found != 0 {
            hits.extend((at..at + STEP).filter(|at| anchors.begins(&bytes[*at..])));
        }
        at += STEP;
    }
    hits.extend((at..bytes.len()).filter(|at| anchors.begins(&bytes[*at..])));
    hits
}
