//! What kinds of things a person asks an agent to do, and what kind a tool does: whoever asked for payments gets payments.

use crate::call;

use super::words::words;

macro_rules! requests {
    ($($name:ident $word:literal $said:literal $stems:literal;)*) => {
        /// A kind of thing that others feel.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Request {
            $(#[doc = $said] $name,)*
        }

        impl Request {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its word, which stands in the column `text_signs` of what a person said.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The request with this word.
            pub fn of(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|request| request.word() == word)
            }

            const fn stems(self) -> &'static str {
                match self { $(Self::$name => $stems,)* }
            }
        }
    };
}

requests! {
    Send "asks.send" "To send something to somebody." "send sent email mail message messages reply respond answer forward notify tell inform post dm text invitation say announce \
        remind schick antwort sende send envoi envoy repond envi respond invia rispond stuur beantwoord отправ ответ напиши write 发送 回复 送 返信 보내";
    Pay "asks.pay" "To pay or to buy." "pay paid payment payments transfer purchase buy order refund bill invoice wire transaction transactions money rent checkout ueberweis überweis bezahl zahl pai pay pag \
        transfer compr acquist bestel betaal оплат перевед 支付 转账 支払 송금";
    Share "asks.share" "To let somebody in or see." "share invite add grant give access permission permissions collaborator member participant teil einlad freigab partag invit compart condivid deel подел 分享 邀请 共有 공유";
    Delete "asks.delete" "To delete or to cancel." "delete remove clean cancel drop clear purge erase uninstall discard revert undo loesch lösch entfern supprim borr elimin cancell verwijder удал 删除 削除 삭제";
    Change "asks.change" "To change what is there." "change update edit modify rename set reset fix adjust correct move replace increase decrease aender änder aktualis modif chang actualiz cambi aggiorn wijzig измен обнов \
        修改 更新 変更 변경";
    Book "asks.book" "To book, to plan or to create." "book reserve reservation schedule reschedule create appointment event meeting calendar plan organize plane buch termin reserv prenot crea creat planif забронир созда 预订 创建 予約 作成 예약";
    Operate "asks.operate" "To set up what runs by itself, or to look after a machine." "ci pipeline workflow cron crontab schedule timer nightly hourly service systemd daemon deploy release install setup configure provision \
        docker compose volumes cluster migrate migration upgrade restart reboot privilege sudo firewall backup automat einricht installier betrieb";
    Delegate "asks.delegate" "To do what a text says." "instructions steps todo tasks asks asked says said wants requested deal care handle process follow implement resolve according accordingly described described whatever anweisung schritte suivant consigne \
        instruccion istruzion befolg erledig выполн инструкц 按照 処理";
}

/// What a person asks for.
pub fn requests(prompt: &str) -> Vec<Request> {
    let text = super::words::unescaped(prompt);
    // What stands in an address says nothing.
    let is_spoken = |start: usize, end: usize| {
        let mut after = text[end..].chars();
        let joins = |char: Option<char>| char.is_some_and(|char| matches!(char, '@' | '/' | '_'));
        let next = after.next();
        let goes_on = joins(next) || (next == Some('.') && after.next().is_some_and(char::is_alphanumeric));
        !goes_on && !text[..start].ends_with(['@', '/', '_', '.'])
    };
    let spoken = words(&text).into_iter().filter(|word| is_spoken(word.start, word.end));
    let spoken: Vec<String> = spoken.map(|word| text[word.start..word.end].to_lowercase()).collect();
    Request::ALL
        .iter()
        .copied()
        .filter(|request| spoken.iter().any(|word| request.is_said(word) || request.is_in(word)))
        .collect()
}

/// Words of the names of tools that only look.
const LOOKS: &[&str] = &[
    "get", "list", "search", "read", "fetch", "view", "check", "show", "find", "query", "load", "look", "lookup",
    "describe", "count", "browse", "retrieve", "see", "history", "download",
];

/// What a tool does, by the words of its name.
pub fn requests_of_tool(tool: &str) -> Vec<Request> {
    let words = call::words(tool.rsplit("__").next().unwrap_or(tool));
    if words.iter().any(|word| LOOKS.contains(&word.as_str())) {
        return Vec::new();
    }
    let acts = Request::ALL.iter().copied().filter(|request| *request != Request::Delegate);
    acts.filter(|request| words.iter().any(|word| request.is_said(word))).collect()
}

impl Request {
    /// Whether a word is one of its own, or such a word with an end.
    fn is_said(self, word: &str) -> bool {
        self.stems().split_whitespace().any(|stem| {
            let Some(end) = word.strip_prefix(stem) else { return false };
            end.chars().count() <= if stem.len() > 4 { 4 } else { 2 }
        })
    }

    /// The same where words are written without blanks between them.
    fn is_in(self, word: &str) -> bool {
        !word.is_ascii() && self.stems().split_whitespace().any(|stem| !stem.is_ascii() && word.contains(stem))
    }
}
