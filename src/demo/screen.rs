//! The demo's lines on a terminal: words only, nothing is decided here. What events brought passes `visible`.

use std::time::Duration;

use generator::{Label, Story};
use indicatif::HumanCount;
use operations::alert::{Alert, Severity};

use super::inbox::Message;
use super::score::{Score, Told};
use super::tamper::Tampered;
use crate::output::{self, visible};

/// The widest line that is not cut, where nobody says how wide the terminal is.
const COLUMNS: usize = 160;

/// What is printed, and how.
pub struct Screen {
    colours: bool,
    columns: usize,
}

/// A colour of a terminal.
#[derive(Clone, Copy)]
enum Colour {
    Red,
    Yellow,
    Green,
    Dim,
    Bold,
}

impl Screen {
    /// For standard output.
    pub fn new() -> Self {
        Self { colours: output::colours(), columns: output::terminal_columns().unwrap_or(COLUMNS) }
    }

    fn paint(&self, colour: Colour, text: &str) -> String {
        let code = match colour {
            Colour::Red => "31;1",
            Colour::Yellow => "33",
            Colour::Green => "32",
            Colour::Dim => "2",
            Colour::Bold => "1",
        };
        if self.colours { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// A line of our own words.
    #[expect(clippy::unused_self, reason = "who prints a line has a screen, as for all others")]
    pub fn say(&self, text: &str) -> std::io::Result<()> {
        output::print_line(text)
    }

    /// A line that is more than others.
    pub fn headline(&self, text: &str) -> std::io::Result<()> {
        output::print_line(&self.paint(Colour::Bold, text))
    }

    /// A step of a story, so long after the beginning.
    pub fn step(&self, after: Duration, who: &str, label: Label) -> std::io::Result<()> {
        output::print_line(&format!("{}  {who:<9}  {}", clock(after), self.cut(label.step, 20)))
    }

    /// A call that the hard budget of a team does not leave room for.
    pub fn refused(&self, after: Duration, team: &str) -> std::io::Result<()> {
        let what = self.paint(Colour::Bold, "the hard budget of the team is used up: its calls are refused");
        output::print_line(&format!("{}  {team:<9}  {what}", clock(after)))
    }

    /// An alert, its delay in microseconds after the last event that it rests on.
    pub fn alert(&self, after: Duration, alert: &Alert, told: Told, delay_micros: i64) -> std::io::Result<()> {
        let name = who(alert);
        let severity = alert.severity.as_str().to_uppercase();
        let colour = match alert.severity {
            Severity::Critical | Severity::High => Colour::Red,
            Severity::Medium => Colour::Yellow,
            Severity::Low | Severity::Info => Colour::Dim,
        };
        let head = format!("{}  {name:<9}  ", clock(after));
        let found = match told.story.filter(|_| told.finds) {
            Some(story) => format!(", story {} found", story.id()),
            None => String::new(),
        };
        let delay = seconds(delay_micros);
        let line = format!(" {}  alert {delay} after its last event{found}", alert.rule);
        output::print_line(&format!("{head}{}{line}", self.paint(colour, &severity)))?;
        output::print_line(&self.paint(Colour::Dim, &format!("{:20}{}", "", self.cut(&visible(&alert.reason), 20))))
    }

    /// A message reached somebody, so many microseconds after the last event of its alert.
    pub fn delivered(&self, message: &Message, delay_micros: i64) -> std::io::Result<()> {
        let text = self.cut(&visible(&message.text), 44);
        let line = format!("{:20}{} {}  {text}", "", message.inbox.title(), seconds(delay_micros));
        output::print_line(&self.paint(Colour::Dim, &line))
    }

    /// What the verifier said of a changed copy.
    pub fn tampered(&self, tampered: &Tampered, took: Duration) -> std::io::Result<()> {
        let Tampered { file, offset, before, after, copy, verdict, original } = tampered;
        self.headline(&format!(
            "One byte of a copy was changed: {file}, byte {offset}, {before:#04x} became {after:#04x}."
        ))?;
        let verdict = self.paint(Colour::Red, &verdict.to_string().to_uppercase());
        output::print_line(&format!("  the copy:     {verdict}, after {:.1} s", took.as_secs_f64()))?;
        for fault in copy.faults.iter().take(3) {
            output::print_line(&format!("                {}", self.cut(&visible(&fault.to_string()), 16)))?;
        }
        output::print_line(&format!("  the original: {}", self.paint(Colour::Green, &original.to_string())))
    }

    /// What was found of what happened, at the end.
    pub fn summary(&self, score: &Score, records: (u64, u64)) -> std::io::Result<()> {
        let (history, live) = records;
        self.headline("Summary")?;
        output::print_line(&format!(
            "  records: {} of the days before, {} live",
            HumanCount(history),
            HumanCount(live)
        ))?;
        for story in Story::ALL {
            output::print_line(&format!("  {:<18} {}", story.id(), self.of_story(score, story)))?;
        }
        for (is_old, what) in [(true, "alerts on the days before"), (false, "alerts while it was live")] {
            let counts: Vec<String> = score
                .by_rule(is_old)
                .into_iter()
                .map(|(rule, count)| format!("{} {} ({} above low)", rule, count.alerts, count.loud))
                .collect();
            let counts = if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
            output::print_line(&format!("  {what}: {}", visible(&counts)))?;
        }
        let falsely: Vec<_> = score.false_alerts().collect();
        output::print_line(&format!("  false alerts above low: {}", falsely.len()))?;
        for (rule, severity, title) in falsely {
            output::print_line(&format!("    {rule} {severity}: {}", self.cut(&visible(title), 8 + rule.len())))?;
        }
        Ok(())
    }

    fn of_story(&self, score: &Score, story: Story) -> String {
        match score.found(story) {
            Some(found) => {
                let after = found.after_micros as f64 / 1e6;
                let found = format!("found after {after:.1} s by {} ({})", found.rule, found.severity);
                self.paint(Colour::Green, &found)
            }
            None if score.has_begun(story) => self.paint(Colour::Red, "NOT FOUND"),
            None => "did not begin".to_owned(),
        }
    }

    /// As much of a text as fits behind so many characters.
    fn cut(&self, text: &str, behind: usize) -> String {
        let room = self.columns.saturating_sub(behind).max(20);
        if text.chars().count() <= room {
            return text.to_owned();
        }
        text.chars().take(room - 1).chain(['…']).collect()
    }
}

/// Whom an alert is about, in a word.
fn who(alert: &Alert) -> String {
    let who = &alert.who;
    let name = who.workspace_name.as_ref().or(who.team.as_ref()).or(who.agent.as_ref());
    visible(name.map_or("fleet", String::as_str)).chars().take(9).collect()
}

/// Minutes, seconds and tenths.
fn clock(after: Duration) -> String {
    let tenths = after.as_millis() / 100;
    format!("{:02}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}

fn seconds(micros: i64) -> String {
    format!("+{:.2} s", micros.max(0) as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short_and_texts_are_cut() {
        assert_eq!(clock(Duration::from_millis(83_270)), "01:23.2");
        assert_eq!((seconds(312_000), seconds(-5)), ("+0.31 s".to_owned(), "+0.00 s".to_owned()));
        let screen = Screen { colours: false, columns: 30 };
        assert_eq!(screen.cut("0123456789012345678901234", 8), "012345678901234567890…");
        assert_eq!(screen.cut("short", 8), "short");
        assert_eq!(screen.paint(Colour::Red, "x"), "x");
        assert_eq!(Screen { colours: true, columns: 30 }.paint(Colour::Red, "x"), "\u{1b}[31;1mx\u{1b}[0m");
    }
}
