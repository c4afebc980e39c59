// Real agents send what they send: Claude Code, Codex and Gemini CLI run one command each with a model on this machine, their telemetry and
// hooks configured as docs/sources/ says, and what was recorded is asked for by SQL. Exporters of OpenTelemetry's own SDK send beside them.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { World, freePort, tachograph } from "../browser/support/tachograph.mjs";
import { COMMAND, USAGE, model } from "./model.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const BINARY = resolve(process.env.TACHOGRAPH);
/** Which agents are installed; the exporters always are. */
const WITH_AGENTS = process.env.SENDERS === "agents";
const AGENT_MS = 120_000;

let world, models, ports, token;

before(async () => {
  ports = { http: await freePort(), grpc: await freePort() };
  models = await model();
  world = await World.make("senders", () => `
[[collector]]
name = "hooks"
transport = "http"
dialect = "hooks"
[[collector]]
name = "telemetry"
transport = "otlp"
dialect = "otel"
http = "127.0.0.1:${ports.http}"
grpc = "127.0.0.1:${ports.grpc}"
`);
  const grants = ["--role", "ingest", "--dialect", "hooks", "--dialect", "otel", "--trust", "workspace", "--workspace", "w-1", "--team", "payments"];
  token = (await tachograph("token", "create", "--data", world.data, "--name", "workspace", ...grants)).trim();
});

after(async () => {
  models.close();
  await world.stop();
});

/** The directory of an agent, empty but for these files. */
function home(agent, files) {
  const directory = world.path(agent);
  mkdirSync(join(directory, "work"), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return directory;
}

/** Runs a program of an agent to its end. */
function run(directory, program, parameters, variables) {
  const environment = { PATH: process.env.PATH, HOME: directory, LANG: "C.UTF-8", ...variables };
  const child = spawn(program, parameters, { cwd: join(directory, "work"), env: environment, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => { said += text; });
  return new Promise((done, failed) => {
    const timer = setTimeout(() => { child.kill("SIGKILL"); failed(new Error(`it did not end; it said:\n${said}`)); }, AGENT_MS);
    child.on("error", failed);
    child.on("exit", (code) => { clearTimeout(timer); done({ code, said }); });
  });
}

/** What its hooks call, and what they need to find the server. */
function hooked() {
  return { TACHOGRAPH_TOKEN: token, TACHOGRAPH_INGEST: `http://127.0.0.1:${world.ingestPort}`, TACHOGRAPH_SPOOL: world.path("spool") };
}

/** The hooks of an agent whose telemetry comes, too. */
async function installed(agent) {
  const printed = await tachograph("hook", "install", "--agent", agent, "--with-telemetry");
  return printed.replaceAll(/\btachograph hook\b/g, `${BINARY} hook`);
}

/** The rows of a query. */
async function sql(statement) {
  const lines = await tachograph("sql", "--data", world.data, "-o", "ndjson", statement);
  return lines.split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

/** Asks until the answer has so many rows; what was sent last may be in a spool for a moment. */
async function rows(statement, least) {
  await tachograph("hook", "flush", "--server", `http://127.0.0.1:${world.ingestPort}`, "--spool", world.path("spool")).catch(() => {});
  let found = [];
  for (let attempt = 0; attempt < 60 && found.length < least; attempt++) {
    found = await sql(statement);
    if (found.length < least) await new Promise((done) => setTimeout(done, 500));
  }
  return found;
}

/** One session with one command that failed, told by hooks and by telemetry, and its money once. */
async function checkSession(source, requests, counted) {
  const [session] = await rows(`SELECT session, count(*) AS events FROM events WHERE source = '${source}' AND session IS NOT NULL GROUP BY session`, 1);
  assert.ok(session, `a session of ${source}`);
  const of = `source = '${source}' AND session = '${session.session}'`;
  const calls = await rows(`SELECT tool_call, count(DISTINCT collector) AS collectors FROM events WHERE ${of} AND kind IN ('tool.call', 'command', 'tool.result') AND tool_call IS NOT NULL GROUP BY tool_call`, 1);
  assert.deepEqual(calls.map((call) => call.collectors), [2], "hooks and telemetry tell of one call");
  const [tokens] = await sql(`SELECT count(*) AS calls, sum(tokens_in) AS tin, sum(tokens_out) AS tout, sum(tokens_cache_read) AS cached, sum(coalesce(tokens_cache_write, 0)) AS written FROM events WHERE ${of} AND kind = 'model.tokens'`);
  assert.deepEqual(tokens, { calls: requests, tin: requests * counted.in, tout: requests * counted.out, cached: requests * counted.cache_read, written: requests * counted.cache_write });
  const commands = await sql(`SELECT DISTINCT exit_code, outcome, workspace, team FROM events WHERE ${of} AND kind = 'command' AND exit_code IS NOT NULL`);
  assert.deepEqual(commands, [{ exit_code: 1, outcome: "error", workspace: "w-1", team: "payments" }]);
  assert.deepEqual(await sql(`SELECT count(*) AS odd FROM events WHERE ${of} AND kind = 'unparsed'`), [{ odd: 0 }]);
  return session.session;
}

test("Claude Code tells by hooks and by OTLP", { skip: !WITH_AGENTS }, async () => {
  const directory = home("claude", { ".claude/settings.json": (await installed("claude_code")).replace(/^[^{]*/, "") });
  const endpoint = `http://127.0.0.1:${ports.http}`;
  const { said } = await run(directory, join(HERE, "node_modules/@anthropic-ai/claude-agent-sdk-linux-x64/claude"), ["-p", "say hello with bash", "--model", "claude-sonnet-4-5", "--dangerously-skip-permissions", "--output-format", "json"], {
    ...hooked(), IS_SANDBOX: "1", ANTHROPIC_BASE_URL: models.url, ANTHROPIC_API_KEY: "sk-ant-fake", DISABLE_AUTOUPDATER: "1",
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1", CLAUDE_CODE_ENABLE_TELEMETRY: "1", CLAUDE_CODE_ENHANCED_TELEMETRY_BETA: "1",
    OTEL_LOGS_EXPORTER: "otlp", OTEL_METRICS_EXPORTER: "otlp", OTEL_TRACES_EXPORTER: "otlp", OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: `Authorization=Bearer ${token}`, OTEL_LOG_USER_PROMPTS: "1", OTEL_LOG_TOOL_DETAILS: "1",
    OTEL_METRIC_EXPORT_INTERVAL: "1000", OTEL_LOGS_EXPORT_INTERVAL: "500",
  });
  assert.match(said, /All done/);
  await checkSession("claude_code", models.requests.anthropic, USAGE.anthropic.counted);
});

test("Codex tells by hooks and by OTLP", { skip: !WITH_AGENTS }, async () => {
  const headers = `headers = { "Authorization" = "Bearer ${token}" }`;
  const directory = home("codex", { ".codex/config.toml": `
model = "gpt-5"
model_provider = "fake"
approval_policy = "never"
sandbox_mode = "danger-full-access"
[model_providers.fake]
name = "fake"
base_url = "${models.url}/v1"
wire_api = "responses"
env_key = "FAKE_KEY"
[otel]
log_user_prompt = true
exporter = { otlp-http = { endpoint = "http://127.0.0.1:${ports.http}/v1/logs", protocol = "json", ${headers} } }
${(await installed("codex")).split("\n").filter((line) => !line.startsWith("#")).join("\n")}` });
  const { said } = await run(directory, join(HERE, "node_modules/@openai/codex/bin/codex.js"), ["exec", "--dangerously-bypass-hook-trust", "--skip-git-repo-check", "--json", "say hello with bash"], { ...hooked(), CODEX_HOME: join(directory, ".codex"), FAKE_KEY: "sk-fake" });
  assert.match(said, /All done/);
  await checkSession("codex", models.requests.openai, USAGE.openai.counted);
});

test("Gemini CLI tells by hooks and by OTLP", { skip: !WITH_AGENTS }, async () => {
  const settings = JSON.parse((await installed("gemini")).replace(/^[^{]*/, ""));
  settings.telemetry = { enabled: true, target: "local", otlpEndpoint: `http://127.0.0.1:${ports.http}`, otlpProtocol: "http", logPrompts: true };
  settings.security = { auth: { selectedType: "gemini-api-key" } };
  settings.privacy = { usageStatisticsEnabled: false };
  const directory = home("gemini", { ".gemini/settings.json": JSON.stringify(settings) });
  const { said } = await run(directory, process.execPath, [join(HERE, "node_modules/@google/gemini-cli/bundle/gemini.js"), "-m", "gemini-2.5-pro", "--yolo", "-o", "json", "-p", "say hello with bash"], {
    ...hooked(), GEMINI_API_KEY: "fake", GOOGLE_GEMINI_BASE_URL: models.url, GEMINI_CLI_TRUST_WORKSPACE: "true", OTEL_EXPORTER_OTLP_HEADERS: `Authorization=Bearer ${token}`,
  });
  assert.match(said, /All done/);
  const [session] = await rows("SELECT session FROM events WHERE source = 'gemini' AND kind = 'model.tokens' GROUP BY session", 1);
  assert.ok(session);
});

test("exporters of the SDK send over gRPC and HTTP", async () => {
  const { OTLPLogExporter } = await import("@opentelemetry/exporter-logs-otlp-grpc");
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-proto");
  const { LoggerProvider, SimpleLogRecordProcessor } = await import("@opentelemetry/sdk-logs");
  const { BasicTracerProvider, SimpleSpanProcessor } = await import("@opentelemetry/sdk-trace-base");
  const { Metadata, credentials } = await import("@grpc/grpc-js");
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  const exporter = new OTLPLogExporter({ url: `http://127.0.0.1:${ports.grpc}`, credentials: credentials.createInsecure(), metadata, compression: "gzip" });
  const logs = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter })] });
  logs.getLogger("sdk").emit({ body: "hello", attributes: { "gen_ai.conversation.id": "s-sdk", "gen_ai.operation.name": "chat", "event.name": "gen_ai.user.message" } });
  await logs.forceFlush();
  const spans = new OTLPTraceExporter({ url: `http://127.0.0.1:${ports.http}/v1/traces`, headers: { Authorization: `Bearer ${token}` }, compression: "gzip" });
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  const span = provider.getTracer("sdk").startSpan("chat gpt-5", { attributes: {
    "gen_ai.operation.name": "chat", "gen_ai.conversation.id": "s-sdk", "gen_ai.request.model": "gpt-5", "gen_ai.provider.name": "openai",
    "gen_ai.response.id": "resp-1", "gen_ai.usage.input_tokens": 900, "gen_ai.usage.output_tokens": 30, "gen_ai.usage.cache_read.input_tokens": 200,
  } });
  span.end();
  await provider.forceFlush();
  await Promise.all([logs.shutdown(), provider.shutdown()]);
  const [call] = await rows("SELECT tokens_in, tokens_out, tokens_cache_read, interception, workspace FROM events WHERE session = 's-sdk' AND kind = 'model.tokens'", 1);
  assert.deepEqual(call, { tokens_in: 700, tokens_out: 30, tokens_cache_read: 200, interception: "resp-1", workspace: "w-1" });
});
