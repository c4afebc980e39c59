// Measures the fleet page with many agents: updates, frames and heap of the page, CPU and memory of the server. `make bench-console` runs it;
// SECONDS, AGENTS and RATE change how long, with how many agents, and with how many events a second.
import { readFileSync } from "node:fs";
import { chromium } from "@playwright/test";
import { World } from "./support/tachograph.mjs";

const [SECONDS, AGENTS, RATE] = [["SECONDS", 300], ["AGENTS", 2_000], ["RATE", 5_000]].map(([name, usual]) => Number(process.env[name] ?? usual));
/** How often events are sent. */
const EVERY_MS = 200;
const TICKS_PER_SECOND = 100;

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
let number = 0;

/** The next event: each agent in turn, what it does in turn. */
function event() {
  const [agent, at] = [number % AGENTS, Math.floor(number / AGENTS)];
  const common = { time: new Date().toISOString(), source_id: `n-${number++}`, session: `s-${agent}-${Math.floor(at / 500)}`, agent: `ag-${agent}`, workspace: `w-${agent}`, workspace_name: `ag-${agent}`, team: `team-${agent % 12}` };
  switch (at % 5) {
    case 0: return { ...common, kind: "model.tokens", provider: "anthropic", model: "claude-sonnet-5", tokens_in: 900, tokens_out: 240, tokens_cache_read: 20_000 };
    case 1: return { ...common, kind: "tool.call", tool: "Read", tool_call: `c-${number}` };
    case 2: return { ...common, kind: "command", tool: "Bash", command: `cargo test -p part-${(at * 7 + agent) % 97}`, exit_code: 0, outcome: "success" };
    case 3: return { ...common, kind: "file.write", tool: "Write", file: `src/part_${(at * 3 + agent) % 89}.rs`, outcome: "success" };
    default: return { ...common, kind: "egress.http", method: "GET", url: `https://packages.acme.example/crate/${(at + agent) % 53}`, outcome: at % 400 === 4 ? "deny" : "allow" };
  }
}

/** Seconds of CPU that a process has used, and its resident memory in MiB. */
function used(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ");
  const resident = Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)[1]) / 1024;
  return { cpu: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND, resident: Math.round(resident) };
}

const world = await World.make("fleet_bench");
const browser = await chromium.launch({ executablePath, args: ["--disable-gpu", "--disable-dev-shm-usage", "--no-sandbox", "--enable-precise-memory-info"] });
try {
  await world.send("native", Array.from({ length: AGENTS }, event));
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.goto(await world.login());
  await page.locator("#agents tbody tr").first().waitFor();
  await page.evaluate(() => {
    // What arrives by the stream, what of it is drawn, and how long frames take.
    window.measured = { changes: 0, frames: [] };
    new MutationObserver(() => { window.measured.changes += 1; }).observe(document.getElementById("agents"), { childList: true, subtree: true, characterData: true, attributes: true });
    let before = performance.now();
    const frame = (now) => { window.measured.frames.push(now - before); before = now; requestAnimationFrame(frame); };
    requestAnimationFrame(frame);
  });
  const cdp = await context.newCDPSession(page);
  const heap = async () => { await cdp.send("HeapProfiler.collectGarbage"); return Math.round((await cdp.send("Runtime.getHeapUsage")).usedSize / 1024 / 1024); };
  console.log(`${AGENTS} agents, ${RATE} events a second, ${SECONDS} s; heap of the page at first ${await heap()} MiB, rows ${await page.locator("#agents tbody tr").count()}`);
  const begun = performance.now();
  let [sent, told, before] = [0, 60, used(world.process.child.pid)];
  let since = begun;
  while (performance.now() - begun < SECONDS * 1_000) {
    const due = Math.floor((performance.now() - begun) / 1_000 * RATE) - sent;
    if (due > 0) {
      await world.send("native", Array.from({ length: Math.min(due, RATE) }, event));
      sent += Math.min(due, RATE);
    }
    await new Promise((done) => setTimeout(done, EVERY_MS));
    const seconds = (performance.now() - begun) / 1_000;
    if (seconds < told && seconds < SECONDS) continue;
    told += 60;
    const [now, span] = [used(world.process.child.pid), (performance.now() - since) / 1_000];
    since = performance.now();
    const { changes, frames } = await page.evaluate(() => { const seen = window.measured; window.measured = { changes: 0, frames: [] }; return seen; });
    frames.sort((a, b) => a - b);
    const at = (part) => Math.round(frames[Math.floor((frames.length - 1) * part)]);
    console.log(`${Math.round(seconds)} s: ${sent} events; server ${((now.cpu - before.cpu) / span * 100).toFixed(0)} % of a core, ${now.resident} MiB; page changed ${(changes / span).toFixed(1)} times a second, frames p50 ${at(0.5)} p95 ${at(0.95)} max ${at(1)} ms, heap ${await heap()} MiB; lag ${await page.locator("#c-lag").textContent()}, agents ${await page.locator("#c-agents").textContent()}`);
    before = now;
  }
} finally {
  await browser.close();
  await world.stop();
}
