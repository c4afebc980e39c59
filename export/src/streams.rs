//! Streams: every record to a SIEM, in order. What is told to people is in `delivery`.

pub mod fields;
