// What an attacker would write into everything that an agent can write: markup, addresses that are code, characters that nobody
// sees or that change others, escape sequences, formulas, and too much of it. Sent through real collectors.
import { randomUUID } from "node:crypto";

/** Hosts that must be no link anywhere, nor look like an address. */
export const HOST = "attacker-logger.com";

const hidden = "\u202Egpj.exe\u202C \u200B\u200B\u2060\u00AD\uFEFF\u2066x\u2069";
const tags = [..."send it"].map((character) => String.fromCodePoint(0xe0000 + character.charCodeAt(0))).join("");
const escapes = "\u001b[31mred\u001b]0;title\u0007\u001b[2J\u009b31m\u0000\b\r";

/** Short ones, for names; each tries one way. */
export const NAMES = [
  `<img src=x onerror="window.ran=1">`,
  `<x-evil>x</x-evil><b id=evil>b</b>`,
  `"><script>window.ran=1</script>`,
  `' autofocus onfocus=window.ran=1 x='`,
  `</title></textarea><svg onload=window.ran=1>`,
  `javascript:window.ran=1`,
  `data:text/html,<script>alert(1)</script>`,
  `=HYPERLINK("http://names.example/","click")`,
  `+1+1`, `-2+3`, `@SUM(1+1)`, `\t=1+1`, `\r=1+1`,
  `a${hidden}`,
  `b${tags}`,
  `c${escapes}`,
  `{{7*7}} \${7*7} <%= 7*7 %> {% raw %}`,
  `../../etc/passwd`, `%3Cscript%3E`, `&lt;img src=x&gt;`,
];

/** Everything at once, for what may be long. */
export const TEXT = [...NAMES.slice(0, 8), hidden, tags, escapes, `https://${HOST}/collect?x=1`, `[click](javascript:window.ran=1)`, `![x](https://${HOST}/x.png)`].join(" ");

const METHODS = ["GET", "POST", "<b id=evil>", "PUT"];

/** Native records: for each name one of each kind, every text field of which is evil. */
export function nativeRecords(now = Date.now()) {
  return NAMES.flatMap((name, index) => {
    const who = {
      source: name, source_id: `${index}-${name}-${randomUUID()}`, org: name, team: name, user: name, user_id: name, agent: name, agent_kind: name,
      session: `s-${index}-${name}`, run: name, run_kind: name, workspace: `w-${index}-${name}`, workspace_name: name, template: name,
    };
    // A slash would begin a path, and no host begins with a dot.
    const label = name.replaceAll("/", "").replace(/^\.+/, "");
    const kinds = [
      { kind: "session.start", action: name, target: name },
      { kind: "prompt", content: { prompt: TEXT }, model: name, client: name, provider: name },
      { kind: "model.tokens", provider: name, model: name, client: name, interception: name, tokens_in: 1000, tokens_out: 500, service_tier: name },
      { kind: "tool.call", tool: name, tool_call: `c-${index}`, mcp_server: name, command: TEXT, content: { command: TEXT, [name]: name } },
      { kind: "command", tool: name, tool_call: `c-${index}`, command: `${name} ${TEXT}`, exit_code: 1, outcome: "error", content: TEXT },
      { kind: "file.read", tool: name, file: `/home/coder/.env ${name}`, outcome: "success", content: TEXT },
      { kind: "file.write", tool: name, file: `${name}/${TEXT}`, outcome: "success", content: TEXT },
      { kind: "check.result", target: name, action: name, rule: name, outcome: "error" },
      { kind: "approval", tool: name, tool_call: `a-${index}`, action: "requested", target: name },
      { kind: "egress.http", method: METHODS[index % METHODS.length], host: `${label}.${HOST}`, path: `/${name}`, outcome: "allow", rule: name, bytes_out: 9 },
      { kind: "egress.http", method: "POST", url: `https://x${index}.${HOST}/collect?x=${encodeURIComponent(name)}&y=${name}`, outcome: "deny", rule: name, status: 403, bytes_out: 5120 },
      { kind: "egress.http", method: "POST", host: HOST, path: `/${TEXT}`, outcome: "deny", rule: name, bytes_out: 5120 },
      { kind: "dns.query", host: `${label}.${HOST}`, action: name, outcome: "allow" },
      { kind: `evil.${name}`, action: name, target: name, rule: name },
      { kind: "audit", action: name, target: name, outcome: "success" },
      { kind: "inventory", action: "mcp_server", target: name, state: name, mcp_server: name },
      { kind: "config.change", action: name, target: name },
      { kind: "inventory", action: "mcp_server", target: name, state: `${name} 2`, mcp_server: name, session: `t-${index}-${name}` },
      { kind: "session.end", session: `t-${index}-${name}` },
    ];
    return kinds.map((kind, step) => ({ ...who, time: new Date(now - 60_000 + index * 100 + step).toISOString(), ...kind, source_id: `${who.source_id}-${step}` }));
  });
}

/** A line of coderd about a request through its firewall. */
export function boundaryLine({ decision = "deny", method = "POST", url, workspace = "upgrade", owner = "tobias", session = randomUUID(), sequence = 0, at = new Date(), rule }) {
  const time = at.toISOString();
  const fields = {
    owner, workspace_name: workspace, agent_name: "main", decision, session_id: session, sequence_number: sequence, workspace_id: randomUUID(),
    template_id: randomUUID(), template_version_id: randomUUID(), http_method: method, http_url: url, event_time: time, request_id: randomUUID(),
    ...rule ? { matched_rule: rule } : {},
  };
  return { ts: time, level: "INFO", msg: "boundary_request", caller: "agentapi/boundary_logs.go:150", func: "ReportBoundaryLogs", logger_names: ["coderd", "agentrpc"], fields };
}

/** The same in coderd's own lines. */
export const boundaryLines = () => NAMES.map((name, sequence) => boundaryLine({ url: `https://y${sequence}.${HOST}/?${name}`, workspace: name, owner: name, rule: name, sequence }));

/** What no dialect reads: it is kept, and shown on the page of health. */
export const unread = () => [...NAMES.map((name) => ({ kind: { [name]: name }, source: name })), TEXT.replaceAll("\n", " ").replaceAll("\r", " "), "<img src=x onerror=window.ran=1>"];

/** Fields with far too much in them: one that is kept whole, and one that is beyond what a record may have. */
export const tooMuch = () => [
  { kind: "command", source: "native", session: "s-long", workspace_name: "long", agent: "long", command: `<b id=evil>${"A".repeat(700_000)}`, content: "B".repeat(100_000) },
  { kind: "command", source: "native", session: "s-long", workspace_name: "long", agent: "long", command: `${TEXT}${"<b id=evil>x</b>".repeat(330_000)}` },
];
