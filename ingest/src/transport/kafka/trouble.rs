//! What an error of Kafka's means for a collector: what is told, and whether the group must be joined anew.

use operations::standing::State;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::health::Trouble;

/// What to do about an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Tell it until a broker answers again; the library tries again by itself.
    Tell(Trouble),
    /// Look which topics are there.
    LookForTopics,
    /// Join the group anew, from what the ledger says.
    JoinAnew(Trouble),
    /// Nothing: it says what is normal.
    Ignore,
}

/// What to do about an error that a poll gave. `reason` is what the library said about it last.
pub(super) fn remedy(error: &KafkaError, reason: &str) -> Remedy {
    let is_fatal = matches!(error, KafkaError::MessageConsumptionFatal(_));
    let Some(code) = error.rdkafka_error_code() else {
        return match error {
            KafkaError::PartitionEOF(_) => Remedy::Ignore,
            _ => Remedy::JoinAnew((State::Blocked, error.to_string())),
        };
    };
    let told = if reason.is_empty() { error.to_string() } else { reason.to_owned() };
    match code {
        _ if is_fatal => Remedy::JoinAnew((State::Blocked, told)),
        RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange => {
            Remedy::JoinAnew((State::Missing, format!("an offset that was to be read is not there any more ({told})")))
        }
        RDKafkaErrorCode::UnknownTopicOrPartition
        | RDKafkaErrorCode::UnknownTopic
        | RDKafkaErrorCode::UnknownPartition => Remedy::LookForTopics,
        // Secrets and certificates are read again then.
        RDKafkaErrorCode::Authentication
        | RDKafkaErrorCode::SaslAuthenticationFailed
        | RDKafkaErrorCode::UnsupportedSASLMechanism
        | RDKafkaErrorCode::SSL => Remedy::JoinAnew((State::Parked, told)),
        RDKafkaErrorCode::TopicAuthorizationFailed
        | RDKafkaErrorCode::GroupAuthorizationFailed
        | RDKafkaErrorCode::ClusterAuthorizationFailed
        | RDKafkaErrorCode::InconsistentGroupProtocol => Remedy::Tell((State::Parked, told)),
        // The library joins again by itself; what the partitions had is read from the ledger then.
        RDKafkaErrorCode::PollExceeded => Remedy::Ignore,
        _ => Remedy::Tell((State::Blocked, told)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_in_the_words_of_collectors() {
        let check = |code: RDKafkaErrorCode, want: &dyn Fn(&Remedy) -> bool| {
            let found = remedy(&KafkaError::MessageConsumption(code), "why");
            assert!(want(&found), "{code:?}: {found:?}");
        };
        let tells = |state: State| move |found: &Remedy| *found == Remedy::Tell((state, "why".to_owned()));
        check(RDKafkaErrorCode::AllBrokersDown, &tells(State::Blocked));
        check(RDKafkaErrorCode::BrokerTransportFailure, &tells(State::Blocked));
        check(RDKafkaErrorCode::SaslAuthenticationFailed, &|found| {
            matches!(found, Remedy::JoinAnew((State::Parked, _)))
        });
        check(RDKafkaErrorCode::GroupAuthorizationFailed, &tells(State::Parked));
        check(RDKafkaErrorCode::UnknownTopicOrPartition, &|found| *found == Remedy::LookForTopics);
        check(RDKafkaErrorCode::AutoOffsetReset, &|found| matches!(found, Remedy::JoinAnew((State::Missing, _))));
        check(RDKafkaErrorCode::PollExceeded, &|found| *found == Remedy::Ignore);
        let fatal = KafkaError::MessageConsumptionFatal(RDKafkaErrorCode::Fenced);
        assert!(matches!(remedy(&fatal, ""), Remedy::JoinAnew((State::Blocked, _))));
        assert_eq!(remedy(&KafkaError::PartitionEOF(1), ""), Remedy::Ignore);
    }
}
