//! What a command or call does, as columns: the words are facts, what they are about is content. The analysis is that of `effects`; it
//! reads redacted text only.

use effects::call;
use effects::command::Line;
use effects::effect::{Effect, EffectKind};
use effects::written;
use ledger::events::column;

use super::Columns;
use crate::limits::{EFFECT_OBJECT_BYTES_MAX, EFFECT_OBJECTS_MAX};

/// Sets what an event does: by its command line where it has one, else by the tool and redacted input of its call. Returns the kinds.
pub fn set(columns: &mut Columns, call: Option<(&str, &str)>) -> Vec<EffectKind> {
    let effects = of(columns.text(column::COMMAND), call);
    let (words, objects) = in_words(&effects);
    let code = columns.text(column::FILE).zip(call).map(|(file, (_, input))| written::effects(file, input));
    let code: Vec<String> = code.unwrap_or_default().iter().map(|kind| [written::CODE, kind.word()].concat()).collect();
    columns.set_list(column::EFFECTS, words.into_iter().chain(code.iter().map(String::as_str)));
    columns.set_list(column::EFFECT_OBJECTS, objects.iter().map(String::as_str));
    effects.iter().map(|effect| effect.kind).collect()
}

fn of(command: Option<&str>, call: Option<(&str, &str)>) -> Vec<Effect> {
    match (command, call) {
        (Some(line), _) => Line::read(line).effects().to_vec(),
        (None, Some((tool, input))) => call::effects(tool, input),
        (None, None) => Vec::new(),
    }
}

/// The words of effects, and what they are about: the worst first, since they are kept.
fn in_words(effects: &[Effect]) -> (Vec<&'static str>, Vec<String>) {
    let mut words: Vec<&str> = effects.iter().map(|effect| effect.kind.word()).collect();
    words.dedup();
    let named = effects.iter().rev().filter_map(|effect| Some((effect.kind, effect.object.as_deref()?)));
    let objects = named.take(EFFECT_OBJECTS_MAX).map(|(kind, object)| {
        format!("{} {}", kind.word(), &object[..object.floor_char_boundary(EFFECT_OBJECT_BYTES_MAX)])
    });
    (words, objects.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: Option<&str>, tool: &str, input: &str, words: &[&str], objects: &[&str]) {
        let effects = of(command, Some((tool, input)));
        let (found, about) = in_words(&effects);
        assert_eq!(
            (found.as_slice(), about.iter().map(String::as_str).collect::<Vec<_>>().as_slice()),
            (words, objects)
        );
    }

    #[test]
    fn effects_are_words_and_what_they_are_about_is_content() {
        check(
            Some("cat ~/.ssh/id_rsa > /tmp/k"),
            "Bash",
            "{}",
            &["read", "write", "secret"],
            &["secret ~/.ssh/id_rsa", "write /tmp/k", "read ~/.ssh/id_rsa"],
        );
        check(Some("true"), "Bash", "{}", &[], &[]);
        check(
            None,
            "Write",
            r#"{"file_path":"/home/ann/.bashrc","content":"x"}"#,
            &["persist"],
            &["persist /home/ann/.bashrc"],
        );
        check(
            None,
            "run_python",
            r#"{"code":"open('/etc/shadow').read()"}"#,
            &["read", "secret"],
            &["secret /etc/shadow", "read /etc/shadow"],
        );
        check(None, "Grep", r#"{"pattern":"rm -rf /"}"#, &[], &[]);
    }
}
