//! What an error of Kafka's means for a collector: what is told, and whether the group must be joined anew.

use operations::standing::State;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::health::Trouble;

/// What to do about an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Tell it until a broker answers again; the library tries again by itself.
    Tell(Trouble),
    /// The same, unless something is told already from which it follows.
    Conclude(Trouble),
    /// Tell it and which partitions do not go on: they cannot, until somebody does something in Kafka.
    Stuck(String),
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
        RDKafkaErrorCode::BadCompression | RDKafkaErrorCode::BadMessage | RDKafkaErrorCode::MessageSizeTooLarge => {
            Remedy::Stuck(told)
        }
        // With TLS 1.3 a broker refuses a certificate after the handshake, as far as the library is concerned.
        RDKafkaErrorCode::BrokerTransportFailure if is_refusal(&told) => Remedy::JoinAnew((State::Parked, told)),
        // Secrets and certificates are read again then.
        RDKafkaErrorCode::Authentication
        | RDKafkaErrorCode::SaslAuthenticationFailed
        | RDKafkaErrorCode::UnsupportedSASLMechanism
        | RDKafkaErrorCode::SSL => Remedy::JoinAnew((State::Parked, told)),
        RDKafkaErrorCode::TopicAuthorizationFailed
        | RDKafkaErrorCode::GroupAuthorizationFailed
        | RDKafkaErrorCode::ClusterAuthorizationFailed
        | RDKafkaErrorCode::InconsistentGroupProtocol => Remedy::Tell((State::Parked, told)),
        // Why each of them cannot be reached was told before.
        RDKafkaErrorCode::AllBrokersDown => {
            let told = format!("nobody answers where `brokers` says, or not in the way that `security` says ({told})");
            Remedy::Conclude((State::Blocked, told))
        }
        // The library joins again by itself; what the partitions had is read from the ledger then.
        RDKafkaErrorCode::PollExceeded => Remedy::Ignore,
        _ => Remedy::Tell((State::Blocked, told)),
    }
}

/// Whether the library's words are OpenSSL's about an alert, by which the other side says why it ended a connection of TLS.
fn is_refusal(told: &str) -> bool {
    told.contains(":SSL routines:") && told.contains("alert")
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
        check(RDKafkaErrorCode::AllBrokersDown, &|found| matches!(found, Remedy::Conclude((State::Blocked, _))));
        check(RDKafkaErrorCode::BrokerTransportFailure, &tells(State::Blocked));
        check(RDKafkaErrorCode::SaslAuthenticationFailed, &|found| {
            matches!(found, Remedy::JoinAnew((State::Parked, _)))
        });
        check(RDKafkaErrorCode::GroupAuthorizationFailed, &tells(State::Parked));
        check(RDKafkaErrorCode::UnknownTopicOrPartition, &|found| *found == Remedy::LookForTopics);
        check(RDKafkaErrorCode::AutoOffsetReset, &|found| matches!(found, Remedy::JoinAnew((State::Missing, _))));
        check(RDKafkaErrorCode::PollExceeded, &|found| *found == Remedy::Ignore);
        check(RDKafkaErrorCode::BadCompression, &|found| *found == Remedy::Stuck("why".to_owned()));
        let transport = KafkaError::MessageConsumption(RDKafkaErrorCode::BrokerTransportFailure);
        let alert = "Receive failed: error:0A000412:SSL routines::sslv3 alert bad certificate: SSL alert number 42";
        assert!(matches!(remedy(&transport, alert), Remedy::JoinAnew((State::Parked, _))));
        let fatal = KafkaError::MessageConsumptionFatal(RDKafkaErrorCode::Fenced);
        assert!(matches!(remedy(&fatal, ""), Remedy::JoinAnew((State::Blocked, _))));
        assert_eq!(remedy(&KafkaError::PartitionEOF(1), ""), Remedy::Ignore);
    }
}
