//! The columns of the `events` ledger: what agents did. One wide row with sparse columns.
//!
//! Names follow OpenTelemetry and OCSF words where those exist. Position columns (`shard`, `seq`, `batch`) and `recorded`
//! stand in the leaf and the header and so are not listed here.

use crate::column::Quantity::{Bytes, Counter, ExitCode, MicroDollars, Microseconds, Port, StatusCode, Tokens};
use crate::column::columns;
use crate::position::LedgerName;

/// The words of `family`.
const FAMILIES: &[&str] = &["boundary", "gateway", "workspace"];
/// The words of `outcome`.
const OUTCOMES: &[&str] = &["allow", "deny", "success", "error", "blocked"];
/// The words of `actor`.
const ACTORS: &[&str] = &["person", "automation", "schedule", "sub_agent", "cloud_agent"];

columns! {
    LedgerName::Events;
    1 TIME "time" Time Facts Ascending Moment Compared "When it happened, by the source's clock.";
    2 OBSERVED "observed" Time Facts Ascending Moment Ignored "When the collector or the control plane saw it.";
    3 COLLECTOR "collector" Text Facts Repeated Own Ignored "Name of the collector in the configuration.";
    4 TOKEN "token" Text Facts Repeated Own Ignored "Id of the token that the sender showed.";
    5 REFERS_TO "refers_to" Text Facts Repeated Name Ignored "Position of the row that this one adds to.";
    6 SOURCE "source" Text Facts Repeated Name Ignored "Which feed of which product: coder.boundary, claude_code, ….";
    7 FAMILY "family" Text Facts Repeated Word(FAMILIES) Ignored "boundary, gateway or workspace.";
    8 KIND "kind" Text Facts Repeated Name Ignored "What happened: egress.http, model.call, tool.call, ….";
    9 TRUST "trust" Text Facts Repeated Own Ignored "How far the source is from the agent's reach: control_plane, gateway, host, workspace, agent.";
    10 STREAM "stream" Text Facts Repeated Name Ignored "The source's own stream that stream_seq counts.";
    11 STREAM_SEQ "stream_seq" Integer Facts Ascending Number(Counter) Ignored "The source's own contiguous counter.";
    12 SOURCE_ID "source_id" Text Facts Unique Name Ignored "The source's natural id of the record, for deduplication.";
    13 ORG "org" Text Facts Repeated Name Ignored "Organisation.";
    14 TEAM "team" Text Facts Repeated Name Ignored "Team.";
    15 USER "user" Text Facts Repeated Name Ignored "The person for whom the agent works.";
    16 AGENT "agent" Text Facts Repeated Name Ignored "The agent.";
    17 AGENT_KIND "agent_kind" Text Facts Repeated Name Ignored "The agent's product, such as claude_code.";
    18 SESSION "session" Text Facts Sought Name Ignored "The agent's session.";
    19 RUN "run" Text Facts Repeated Name Ignored "Task, chat or execution.";
    20 RUN_KIND "run_kind" Text Facts Repeated Name Ignored "coder_task, coder_chat, ona_agent_execution or agent_session.";
    21 WORKSPACE "workspace" Text Facts Sought Name Ignored "Id of the workspace.";
    22 TEMPLATE "template" Text Facts Repeated Name Ignored "Id of the workspace's template.";
    23 ATTRIBUTION "attribution" Text Facts Repeated Own Ignored "How who was found: direct, joined:<rule> or none.";
    24 ACTION "action" Text Facts Repeated Name Compared "The verb, in the source's words.";
    25 TARGET "target" Text Facts Repeated FreeText Compared "What the action was on.";
    26 OUTCOME "outcome" Text Facts Repeated Word(OUTCOMES) Compared "allow, deny, success, error or blocked.";
    27 RULE "rule" Text Facts Repeated Name Compared "The policy rule that decided.";
    28 STATUS "status" Integer Facts Repeated Number(StatusCode) Compared "Status code.";
    29 DURATION_US "duration_us" Integer Facts Repeated Number(Microseconds) Compared "Duration in microseconds.";
    30 METHOD "method" Text Facts Repeated Name Compared "HTTP method.";
    31 SCHEME "scheme" Text Facts Repeated Name Ignored "URL scheme.";
    32 HOST "host" Text Facts Sought Host Compared "Host name or address in its one form: lower case, ASCII, without port, user, zone and closing dots; an IPv4 address however it was spelled.";
    33 DOMAIN "domain" Text Facts Repeated Own Ignored "Registrable domain by the public suffix list with its private part; null for an address.";
    34 PORT "port" Integer Facts Repeated Number(Port) Compared "Port.";
    35 PATH "path" Text Facts Repeated FreeText Compared "URL path and redacted query.";
    36 BYTES_OUT "bytes_out" Integer Facts Repeated Number(Bytes) Compared "Bytes sent by the agent.";
    37 BYTES_IN "bytes_in" Integer Facts Repeated Number(Bytes) Compared "Bytes received by the agent.";
    38 PROVIDER "provider" Text Facts Repeated Name Ignored "Model provider.";
    39 MODEL "model" Text Facts Repeated Name Ignored "Model.";
    40 CLIENT "client" Text Facts Repeated Name Ignored "The client program as the gateway names it.";
    41 INTERCEPTION "interception" Text Facts Sought Name Ignored "The gateway's id of one model request.";
    42 TOKENS_IN "tokens_in" Integer Facts Repeated Number(Tokens) Compared "Input tokens that were not cached.";
    43 TOKENS_OUT "tokens_out" Integer Facts Repeated Number(Tokens) Compared "Output tokens, reasoning included.";
    44 TOKENS_CACHE_READ "tokens_cache_read" Integer Facts Repeated Number(Tokens) Compared "Input tokens read from the provider's cache.";
    45 TOKENS_CACHE_WRITE "tokens_cache_write" Integer Facts Repeated Number(Tokens) Compared "Input tokens written to the provider's cache.";
    46 TOKENS_REASONING "tokens_reasoning" Integer Facts Repeated Number(Tokens) Ignored "The part of tokens_out that was reasoning.";
    47 COST_SOURCE_MICROS "cost_source_micros" Integer Facts Repeated Number(MicroDollars) Compared "Cost as the source states it, in micro-USD.";
    48 COST_MICROS "cost_micros" Integer Facts Repeated Own Ignored "Cost by our price table, in micro-USD; null if the model has no price.";
    49 PRICE_VERSION "price_version" Text Facts Repeated Own Ignored "Version of the price table behind cost_micros.";
    50 TOOL "tool" Text Facts Repeated Name Compared "Tool.";
    51 MCP_SERVER "mcp_server" Text Facts Repeated FreeText Ignored "URL or name of the MCP server.";
    52 TOOL_CALL "tool_call" Text Facts Sought Name Compared "Id of the tool call.";
    53 EXIT_CODE "exit_code" Integer Facts Repeated Number(ExitCode) Compared "Exit code of the command.";
    54 ACTION_FP "action_fp" Fingerprint Facts Unique Own Compared "Keyed hash of the tool and its redacted, normalised input: of what a call does, without descriptions, seeds, timeouts and temporary names.";
    55 RESULT_FP "result_fp" Fingerprint Facts Unique Own Compared "Keyed hash of the redacted, normalised result.";
    56 CONTENT_LEN "content_len" Integer Facts Repeated Own Ignored "Length of the redacted content in bytes.";
    57 CONTENT_HASH "content_hash" Bytes Facts Unique Own Compared "Keyed hash of the redacted content, 16 bytes.";
    58 REDACTIONS "redactions" TextList Facts Repeated Own Ignored "What was redacted: kind, field and offset of each secret.";
    59 CUTS "cuts" Bytes Facts Long Own Ignored "Where content values were cut out of the record, so that it can be put together again.";
    60 RECORD "record" Text Facts Long Own Ignored "The source's record after redaction, with content values cut out.";
    61 WORKSPACE_NAME "workspace_name" Text Facts Repeated Name Ignored "Name of the workspace.";
    62 MARKS "marks" TextList Facts Repeated Own Ignored "What intake noticed about the record, one word and what it is about: void:tokens_in, replaced:command, ….";
    63 USER_ID "user_id" Text Facts Repeated Name Ignored "Id of that person where the source or a join tells it; user is the name as soon as it is known.";
    64 EFFECTS "effects" TextList Facts Repeated Own Ignored "What the command or call does, as words: read, write, send, secret, destroy, …; behind `code.` what a program does that it writes into a file.";
    65 TEXT_SIGNS "text_signs" TextList Facts Repeated Own Ignored "What was noticed about the text that a tool or a person gave the agent: instructions, hidden, secrecy, …; behind `wrote.` of what an agent writes for later sessions.";
    66 NAMED "named" TextList Facts Repeated Own Ignored "Keyed hashes of the addresses, hosts, accounts and files that a call or a text with instructions names.";
    67 ACTOR "actor" Text Facts Repeated Word(ACTORS) Ignored "Who started what happened, where the source tells: person, automation, schedule, sub_agent or cloud_agent.";
    68 AMOUNT "amount" Integer Facts Repeated Number(Counter) Ignored "How much of what `action` names was used or lost: bytes of memory or disk, thousandths of a core, milliseconds of runtime, records.";
    69 AMOUNT_MAX "amount_max" Integer Facts Repeated Number(Counter) Ignored "How much of it there is, or is allowed.";
    70 STATE "state" Text Facts Repeated Name Ignored "How the thing is that `target` names: its version, where it comes from, or a hash of it.";
    100 COMMAND "command" Text Content Repeated FreeText Ignored "Command line.";
    101 FILE "file" Text Content Repeated FreeText Ignored "Path of the file that was read or written.";
    102 CONTENT "content" Text Content Long Content Ignored "Prompt, tool input and output, diff: the values cut out of the record, as one JSON object; for an unparsed record all of it.";
    103 CONTENT_RAW "content_raw" Bytes Content Long Own Ignored "The bytes of a record that is not JSON in UTF-8: unparsed, or beside what was mended, unless something was redacted.";
    104 EFFECT_OBJECTS "effect_objects" TextList Content Repeated Own Ignored "What the effects are on: each a word of effects, a blank, and a path, host or package.";
}
