//! Rules about MCP servers.

pub mod new_server;
