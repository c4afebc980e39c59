//! What is left of a batch at a receiver that says of each record what became of it: only what it may take later is sent again, so that the
//! number of requests follows from how busy it is, and not from how large batches are.

use super::send::Settled;
use crate::judgement::{Ack, Later, Parts};
use crate::message::{Message, Rendered};
use crate::record::Record;
use crate::sink::AnySink;

/// What is left of a batch.
#[derive(Default)]
pub struct Rest {
    /// The numbers in the batch of the records that are left, and the message that tells of them; without it all are.
    left: Option<(Vec<usize>, Message)>,
    /// What was refused of it so far.
    refused: Vec<(usize, String)>,
}

impl Rest {
    /// The message that tells of what is left.
    pub fn message<'a>(&'a self, whole: &'a Message) -> &'a Message {
        self.left.as_ref().map_or(whole, |(_, message)| message)
    }

    /// The number in the batch of a record of the message.
    fn number(&self, index: usize) -> Option<usize> {
        match &self.left {
            Some((numbers, _)) => numbers.get(index).copied(),
            None => Some(index),
        }
    }

    fn refuse(&mut self, refused: Vec<(usize, String)>) {
        let numbered = refused.into_iter().filter_map(|(index, reason)| Some((self.number(index)?, reason)));
        let numbered: Vec<_> = numbered.collect();
        self.refused.extend(numbered);
    }

    /// Takes what the receiver may take later, and what it refused. `records` are those of the batch.
    pub fn keep(&mut self, later: Later, sink: &AnySink, records: &[Record]) {
        let numbers: Vec<usize> = later.records.iter().filter_map(|index| self.number(*index)).collect();
        let AnySink::Stream(sink) = sink else { return };
        let left: Vec<Record> = numbers.iter().filter_map(|number| records.get(*number)).cloned().collect();
        if left.is_empty() {
            return;
        }
        let Rendered { messages, taken, .. } = sink.render(&left);
        // A part of a batch fits where the batch did. If it did not, the whole is sent again, which is as good where records have ids.
        if let (Ok([message]), true) = (<[Message; 1]>::try_from(messages), taken == left.len()) {
            self.refuse(later.refused);
            self.left = Some((numbers, message));
        }
    }

    /// The end of the batch, when what was left came to this end.
    pub fn settled(mut self, settled: Settled) -> Settled {
        match settled {
            Settled::Refused { index, reason } => {
                Settled::Refused { index: self.number(index).unwrap_or(index), reason }
            }
            Settled::Parts(Parts { refused, unnamed, said }) => {
                self.refuse(refused);
                self.refused.sort_unstable();
                Settled::Parts(Parts { refused: self.refused, unnamed, said })
            }
            Settled::Acked(Ack { said, .. }) if !self.refused.is_empty() => {
                self.refused.sort_unstable();
                Settled::Parts(Parts { refused: self.refused, unnamed: 0, said })
            }
            settled => settled,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures;

    #[test]
    fn only_what_may_be_taken_later_is_sent_again_and_refusals_keep_their_numbers() {
        let sink = fixtures::sink("siem").sink;
        let records = fixtures::records(&fixtures::events(&vec![json!({"kind": "note"}); 6]));
        let AnySink::Stream(stream) = &sink else { panic!("a SIEM") };
        let whole = stream.render(&records).messages.remove(0);
        let mut rest = Rest::default();
        let why = || "why".to_owned();
        let later = |records: &[usize], refused: &[usize]| Later {
            records: records.to_vec(),
            refused: refused.iter().map(|index| (*index, why())).collect(),
            after: None,
            reason: why(),
        };
        rest.keep(later(&[1, 3, 5], &[4]), &sink, &records);
        assert_eq!(rest.message(&whole).records.len(), 3);
        rest.keep(later(&[0, 2], &[1]), &sink, &records);
        let lines = String::from_utf8(rest.message(&whole).body.clone()).unwrap();
        let numbers: Vec<bool> = (0..6).map(|number| lines.contains(&format!("\"seq\":\"{number}\""))).collect();
        assert_eq!(numbers, [false, true, false, false, false, true]);
        let parts = Parts { refused: vec![(1, why())], unnamed: 0, said: "200".to_owned() };
        let Settled::Parts(parts) = rest.settled(Settled::Parts(parts)) else { panic!("parts") };
        assert_eq!(parts.refused.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [3, 4, 5]);
        let all = Rest::default().settled(Settled::Acked(Ack::new("200")));
        assert_eq!(all, Settled::Acked(Ack::new("200")));
    }
}
