//! How bytes reach a receiver: one file for each kind of connection, and which addresses any of them may reach. What the bytes
//! say is the sinks' business.

mod guard;
pub mod http;
pub mod smtp;
