//! The columns of the `events` ledger: what agents did. One wide row with sparse columns.
//!
//! Names follow OpenTelemetry and OCSF words where those exist. Position columns (`shard`, `seq`, `batch`) and `recorded`
//! stand in the leaf and the header and so are not listed here.

use crate::column::columns;
use crate::position::LedgerName;

columns! {
    LedgerName::Events;
    1 TIME "time" Time Facts "When it happened, by the source's clock.";
    2 OBSERVED "observed" Time Facts "When the collector or the control plane saw it.";
    3 COLLECTOR "collector" Text Facts "Name of the collector in the configuration.";
    4 TOKEN "token" Text Facts "Id of the token that the sender showed.";
    5 REFERS_TO "refers_to" Text Facts "Position of the row that this one adds to.";
    6 SOURCE "source" Text Facts "Which feed of which product: coder.boundary, claude_code, ….";
    7 FAMILY "family" Text Facts "boundary, gateway or workspace.";
    8 KIND "kind" Text Facts "What happened: egress.http, model.call, tool.call, ….";
    9 TRUST "trust" Text Facts "How far the source is from the agent's reach: control_plane, gateway, host, workspace, agent.";
    10 STREAM "stream" Text Facts "The source's own stream that stream_seq counts.";
    11 STREAM_SEQ "stream_seq" Integer Facts "The source's own contiguous counter.";
    12 SOURCE_ID "source_id" Text Facts "The source's natural id of the record, for deduplication.";
    13 ORG "org" Text Facts "Organisation.";
    14 TEAM "team" Text Facts "Team.";
    15 USER "user" Text Facts "The person for whom the agent works.";
    16 AGENT "agent" Text Facts "The agent.";
    17 AGENT_KIND "agent_kind" Text Facts "The agent's product, such as claude_code.";
    18 SESSION "session" Text Facts "The agent's session.";
    19 RUN "run" Text Facts "Task, chat or execution.";
    20 RUN_KIND "run_kind" Text Facts "coder_task, coder_chat, ona_agent_execution or agent_session.";
    21 WORKSPACE "workspace" Text Facts "Id of the workspace.";
    22 TEMPLATE "template" Text Facts "Id of the workspace's template.";
    23 ATTRIBUTION "attribution" Text Facts "How who was found: direct, joined:<rule> or none.";
    24 ACTION "action" Text Facts "The verb, in the source's words.";
    25 TARGET "target" Text Facts "What the action was on.";
    26 OUTCOME "outcome" Text Facts "allow, deny, success, error or blocked.";
    27 RULE "rule" Text Facts "The policy rule that decided.";
    28 STATUS "status" Integer Facts "Status code.";
    29 DURATION_US "duration_us" Integer Facts "Duration in microseconds.";
    30 METHOD "method" Text Facts "HTTP method.";
    31 SCHEME "scheme" Text Facts "URL scheme.";
    32 HOST "host" Text Facts "Host name or address in its one form: lower case, ASCII, without port, user, zone and closing dots; an IPv4 address however it was spelled.";
    33 DOMAIN "domain" Text Facts "Registrable domain by the public suffix list with its private part; null for an address.";
    34 PORT "port" Integer Facts "Port.";
    35 PATH "path" Text Facts "URL path and redacted query.";
    36 BYTES_OUT "bytes_out" Integer Facts "Bytes sent by the agent.";
    37 BYTES_IN "bytes_in" Integer Facts "Bytes received by the agent.";
    38 PROVIDER "provider" Text Facts "Model provider.";
    39 MODEL "model" Text Facts "Model.";
    40 CLIENT "client" Text Facts "The client program as the gateway names it.";
    41 INTERCEPTION "interception" Text Facts "The gateway's id of one model request.";
    42 TOKENS_IN "tokens_in" Integer Facts "Input tokens that were not cached.";
    43 TOKENS_OUT "tokens_out" Integer Facts "Output tokens, reasoning included.";
    44 TOKENS_CACHE_READ "tokens_cache_read" Integer Facts "Input tokens read from the provider's cache.";
    45 TOKENS_CACHE_WRITE "tokens_cache_write" Integer Facts "Input tokens written to the provider's cache.";
    46 TOKENS_REASONING "tokens_reasoning" Integer Facts "The part of tokens_out that was reasoning.";
    47 COST_SOURCE_MICROS "cost_source_micros" Integer Facts "Cost as the source states it, in micro-USD.";
    48 COST_MICROS "cost_micros" Integer Facts "Cost by our price table, in micro-USD; null if the model has no price.";
    49 PRICE_VERSION "price_version" Text Facts "Version of the price table behind cost_micros.";
    50 TOOL "tool" Text Facts "Tool.";
    51 MCP_SERVER "mcp_server" Text Facts "URL or name of the MCP server.";
    52 TOOL_CALL "tool_call" Text Facts "Id of the tool call.";
    53 EXIT_CODE "exit_code" Integer Facts "Exit code of the command.";
    54 ACTION_FP "action_fp" Fingerprint Facts "Keyed hash of the tool and its redacted, normalised input: of what a call does, without descriptions, seeds, timeouts and temporary names.";
    55 RESULT_FP "result_fp" Fingerprint Facts "Keyed hash of the redacted, normalised result.";
    56 CONTENT_LEN "content_len" Integer Facts "Length of the redacted content in bytes.";
    57 CONTENT_HASH "content_hash" Bytes Facts "Keyed hash of the redacted content, 16 bytes.";
    58 REDACTIONS "redactions" TextList Facts "What was redacted: kind, field and offset of each secret.";
    59 CUTS "cuts" Bytes Facts "Where content values were cut out of the record, so that it can be put together again.";
    60 RECORD "record" Text Facts "The source's record after redaction, with content values cut out.";
    61 WORKSPACE_NAME "workspace_name" Text Facts "Name of the workspace.";
    62 MARKS "marks" TextList Facts "What intake noticed about the record, one word and what it is about: void:tokens_in, replaced:command, ….";
    63 USER_ID "user_id" Text Facts "Id of that person where the source or a join tells it; user is the name as soon as it is known.";
    100 COMMAND "command" Text Content "Command line.";
    101 FILE "file" Text Content "Path of the file that was read or written.";
    102 CONTENT "content" Text Content "Prompt, tool input and output, diff: the values cut out of the record, as one JSON object; for an unparsed record all of it.";
    103 CONTENT_RAW "content_raw" Bytes Content "The bytes of a record that is not JSON in UTF-8: unparsed, or beside what was mended, unless something was redacted.";
}
