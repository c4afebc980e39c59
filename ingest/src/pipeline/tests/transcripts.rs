//! What agents write of their sessions for themselves: answers in several lines, copies in forks, and files of which only the first line names
//! the session.

use super::*;
use crate::dialect::claude_transcript::ClaudeTranscript;
use crate::dialect::codex_rollout::CodexRollout;
use crate::pipeline::Lineage;

/// How many events of this kind there are.
fn count(house: &House, kind: &str) -> usize {
    house.column(column::KIND).iter().filter(|found| *found == kind).count()
}

#[tokio::test]
async fn an_answer_counts_once_in_however_many_lines_and_files_it_stands() {
    let house = House::new("");
    let lines = ClaudeTranscript.examples();
    let tally = feed_in(&house, &ClaudeTranscript, lines).await;
    // The last line is the first one again, as a fork copies it.
    assert_eq!((tally.accepted, tally.duplicates, tally.conflicts, tally.unparsed), (lines.len() as u64 - 1, 1, 0, 0));
    // Two answers, the first of which stands in two lines; each line has a time of its own.
    assert_eq!(count(&house, "model.tokens"), 2);
    let house = house.reopen().await;
    let again = feed_in(&house, &ClaudeTranscript, lines).await;
    assert_eq!((again.events, again.duplicates, again.conflicts), (0, lines.len() as u64, 0));
}

async fn feed_file(house: &House, file: &str, lines: &[String]) -> Tally {
    let mut intake = intake(house, &CodexRollout).carrying(&[Lineage { name: file, is_continued: true }]);
    for line in lines {
        intake.record(line.as_bytes(), clock::now(), 0).await.unwrap();
    }
    intake.finish().await.unwrap();
    intake.tally()
}

#[tokio::test]
async fn the_lines_of_a_rollout_are_of_the_session_that_its_first_line_names() {
    let session = "01a22bfc-9ad6-7070-996a-f14e2f2f1e97";
    let is_older = |line: &&&str| line.contains("2026-09-14");
    let all = CodexRollout.examples();
    let lines: Vec<String> = all.iter().filter(|line| !is_older(line)).map(|line| (*line).to_owned()).collect();
    let mut house = House::new("");
    for half in [&lines[..6], &lines[6..]] {
        assert_eq!(feed_file(&house, "new", half).await.unparsed, 0);
        house = house.reopen().await;
    }
    assert!(house.column(column::SESSION).iter().all(|found| found == session), "also after a restart");
    assert_eq!((count(&house, "model.tokens"), count(&house, "prompt")), (1, 1));
    let tokens = house.column(column::KIND).iter().position(|kind| kind == "model.tokens").unwrap();
    assert_eq!(house.column(column::MODEL)[tokens], "gpt-5", "the model that a line before the restart named");
    // An older release copied what was before into a fork, with the time of copying; the fork's own line stands first.
    let older: Vec<String> = all.iter().filter(is_older).map(|line| (*line).to_owned()).collect();
    feed_file(&house, "old", &older).await;
    let (tokens, calls) = (count(&house, "model.tokens"), count(&house, "tool.call"));
    let own = older[0].replace("019dabc6-8fef-7681-a054-b5bb75fcb97d", "019dabc6-ffff-7681-a054-b5bb75fcb97d");
    let copies = [own].into_iter().chain(older.iter().cloned()).map(|line| line.replace("T09:3", "T11:3"));
    let tally = feed_file(&house, "fork", &copies.collect::<Vec<_>>()).await;
    assert_eq!((count(&house, "model.tokens"), count(&house, "tool.call"), tally.conflicts), (tokens, calls, 0));
}
