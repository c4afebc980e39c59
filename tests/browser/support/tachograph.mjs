// Starts the real program: a demo, or a server with a configuration of the test's own. What it needs lies below target/browser.
import { execFile, spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
export const OUTPUT = join(ROOT, "target/browser");
const BINARY = process.env.TACHOGRAPH ?? join(ROOT, process.env.CARGO_TARGET_DIR ?? "target", "debug/tachograph");
/** How long a server may take to be ready, or to end. */
const DEADLINE_MS = 300_000;

const run = promisify(execFile);

/** Runs a command of the program and gives what it printed. */
export async function tachograph(...parameters) {
  const { stdout } = await run(BINARY, parameters, { maxBuffer: 64 << 20 });
  return stdout;
}

/** A port that nothing listens on. */
export function freePort() {
  return new Promise((done, failed) => {
    const server = createServer().on("error", failed);
    server.listen(0, "127.0.0.1", () => { const { port } = server.address(); server.close(() => done(port)); });
  });
}

/** A link that lets in once. With a name the person has the roles; else it is whoever runs the tests, who may do everything. */
export async function login(data, { name, roles = [], content = false } = {}) {
  const person = name ? ["--name", name, ...roles.flatMap((role) => ["--role", role]), ...(content ? ["--content"] : [])] : [];
  return (await tachograph("login", "--data", data, ...person)).trim();
}

/** A process of the program that says a line when it is ready. */
class Process {
  constructor(parameters, stream) {
    this.child = spawn(BINARY, parameters, { stdio: ["ignore", "pipe", "pipe"] });
    this.said = [];
    this.waiting = new Set();
    this.ended = new Promise((done) => this.child.on("exit", (code) => { this.code = code; done(code); this.wake(); }));
    for (const name of ["stdout", "stderr"]) {
      createInterface({ input: this.child[name] }).on("line", (line) => {
        if (name !== stream) return;
        this.said.push(line);
        this.wake();
      });
    }
  }

  wake() { for (const check of this.waiting) check(); }

  /** Waits for a line that matches. */
  line(pattern) {
    return new Promise((done, failed) => {
      const end = (settle, value) => { clearTimeout(timer); this.waiting.delete(check); settle(value); };
      const last = () => this.said.slice(-20).join("\n");
      const check = () => {
        const found = this.said.find((line) => pattern.test(line));
        if (found) end(done, found);
        else if (this.code !== undefined) end(failed, new Error(`it ended with code ${this.code}; it said:\n${last()}`));
      };
      const timer = setTimeout(() => end(failed, new Error(`no ${pattern} in time; it said:\n${last()}`)), DEADLINE_MS);
      this.waiting.add(check);
      check();
    });
  }

  /** Asks it to end and waits until it has. */
  async stop() {
    this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), DEADLINE_MS);
    await this.ended;
    clearTimeout(timer);
  }
}

/** The demo. Its stories are over when it is ready, so that nothing moves that a test does not move; or it is in the midst of them. */
export async function startDemo({ directory, days, isLive }) {
  rmSync(directory, { recursive: true, force: true });
  const [console, ingest] = [await freePort(), await freePort()];
  const parameters = ["demo", "--keep", directory, "--days", String(days), ...isLive ? [] : ["--speed", "20", "--until", "150s"]];
  const process = new Process([...parameters, "--console", `127.0.0.1:${console}`, "--ingest", `127.0.0.1:${ingest}`], "stdout");
  await process.line(isLive ? /CRITICAL egress\.denied_post/ : /^Nothing new comes/);
  return { process, origin: `http://127.0.0.1:${console}`, data: join(directory, "data") };
}

/** A server of the test's own, with tokens and a configuration. */
export class World {
  static async make(name, configure = () => "") {
    const world = new World();
    world.directory = join(OUTPUT, name);
    rmSync(world.directory, { recursive: true, force: true });
    mkdirSync(world.directory, { recursive: true });
    world.data = join(world.directory, "data");
    await tachograph("init", world.data, "--log-name", "browser.example/agents");
    [world.consolePort, world.ingestPort] = [await freePort(), await freePort()];
    world.origin = `http://127.0.0.1:${world.consolePort}`;
    writeFileSync(world.path("tachograph.toml"), `
[store]
data = "${world.data}"
[listen]
console = "127.0.0.1:${world.consolePort}"
ingest = "127.0.0.1:${world.ingestPort}"
[[collector]]
name = "native"
transport = "http"
dialect = "native"
[[collector]]
name = "coderd"
transport = "http"
dialect = "coder"
${configure(world)}`);
    world.tokens = { native: await world.token("native"), coderd: await world.token("coderd") };
    await world.start();
    return world;
  }

  path(name) { return join(this.directory, name); }

  async token(collector) {
    const dialect = collector === "coderd" ? "coder" : collector;
    const parameters = ["--name", collector, "--role", "ingest", "--dialect", dialect, "--trust", "control_plane"];
    return (await tachograph("token", "create", "--data", this.data, ...parameters)).trim();
  }

  async start() {
    this.process = new Process(["--log-format", "json", "--log", "info", "serve", "--config", this.path("tachograph.toml")], "stderr");
    await this.process.line(/"message":"ready"/);
  }

  async stop() { await this.process.stop(); }

  login(person) { return login(this.data, person); }

  /** Sends records to a collector, as a shipper does. They are durable when this is over. */
  async send(collector, records) {
    const body = records.map((record) => typeof record === "string" ? record : JSON.stringify(record)).join("\n");
    const headers = { Authorization: `Bearer ${this.tokens[collector]}`, "Content-Type": "application/x-ndjson" };
    const answer = await fetch(`http://127.0.0.1:${this.ingestPort}/v1/events/${collector}`, { method: "POST", headers, body });
    if (!answer.ok) throw new Error(`${collector} answered ${answer.status}: ${await answer.text()}`);
    return answer.json();
  }

  async sql(statement) {
    return JSON.parse(await tachograph("sql", "--data", this.data, "-o", "json", statement));
  }
}
