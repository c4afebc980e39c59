// A session of 100,000 records: the list is there at once, moves without jerks, and its last record is reached and found.
import { expect, test } from "./support/browser.mjs";
import { World } from "./support/tachograph.mjs";

const RECORDS = 100_000;
/** Records of one request. */
const BATCH = 5_000;
const SESSION = "long-session";
const NEEDLE = "the-last-thing-that-was-done";

let world;

/** What an agent does, over and over; some of its requests are denied. */
function record(at) {
  const time = new Date(Date.UTC(2026, 10, 30) - (RECORDS - at) * 700).toISOString();
  const common = { time, source_id: `long-${at}`, session: SESSION, agent: "ag-long", workspace: "w-long", team: "payments" };
  if (at === RECORDS - 1) return { ...common, kind: "command", tool: "Bash", command: `echo ${NEEDLE}`, exit_code: 0, outcome: "success" };
  switch (at % 6) {
    case 0: return { ...common, kind: "model.tokens", provider: "anthropic", model: "claude-sonnet-5", tokens_in: 1_200, tokens_out: 340, tokens_cache_read: 20_000 };
    case 1: return { ...common, kind: "tool.call", tool: "Read", tool_call: `c-${at}`, content: { path: `src/part_${at % 97}.rs` } };
    case 2: return { ...common, kind: "command", tool: "Bash", tool_call: `c-${at - 1}`, command: `cargo test -p part-${at % 41}`, exit_code: at % 5 ? 0 : 101, outcome: at % 5 ? "success" : "error", duration_us: 400_000 };
    case 3: return { ...common, kind: "file.write", tool: "Write", file: `src/part_${at % 89}.rs`, outcome: "success" };
    case 4: return { ...common, kind: "egress.http", method: "GET", url: `https://packages.acme.example/crate/${at % 53}`, outcome: at % 1_000 === 4 ? "deny" : "allow" };
    default: return { ...common, kind: "prompt", content: `Go on with part ${at % 61}.` };
  }
}

test.beforeAll(async () => {
  test.setTimeout(300_000);
  world = await World.make("long_session");
  for (let first = 0; first < RECORDS; first += BATCH) await world.send("native", Array.from({ length: BATCH }, (_, at) => record(first + at)));
});
test.afterAll(() => world?.stop());

test("100,000 records: the list is soon there, every part of it is reached, and the last record is found", async ({ visit }) => {
  const { page } = await visit(world.origin);
  await page.goto(await world.login());
  const times = { rows: 0, ready: 0, end: 0, found: 0 };
  const since = async (name, begun, seen) => { await seen; times[name] = Math.round(performance.now() - begun); };
  let begun = performance.now();
  const rows = page.locator("#list tr[data-position]");
  const indexes = [];
  page.on("request", (request) => { if (request.url().includes("index=true")) indexes.push(request.url()); });
  await page.goto(`/sessions/${SESSION}`, { waitUntil: "commit" });
  await since("rows", begun, rows.first().waitFor());
  await since("ready", begun, page.locator("#timeline[data-ready]").waitFor());
  await expect(page.locator(".overview .ph p")).toContainText("100 000 records");
  expect(indexes, "the index is asked for once, before the modules are there").toHaveLength(1);

  // Two screens a step from the beginning: new rows come in all the time.
  const frames = await page.evaluate(async () => {
    const list = document.getElementById("list");
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const durations = [];
    list.scrollTop = 0;
    await frame();
    for (let step = 0, before = await frame(); step < 240; step += 1) {
      list.scrollTop += 2 * list.clientHeight;
      const now = await frame();
      durations.push(now - before);
      before = now;
    }
    return durations.sort((a, b) => a - b);
  });
  const at = (part) => Math.round(frames[Math.floor(frames.length * part)]);

  begun = performance.now();
  await page.evaluate(() => { const list = document.getElementById("list"); list.scrollTop = list.scrollHeight; });
  const last = rows.filter({ hasText: NEEDLE });
  await since("end", begun, last.waitFor());
  // The list may end below the window: what counts is that it shows the row.
  const isShown = () => last.evaluate((row) => {
    const [inner, outer] = [row.getBoundingClientRect(), document.getElementById("list").getBoundingClientRect()];
    return inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1;
  });
  await expect.poll(isShown).toBe(true);

  await page.evaluate(() => { document.getElementById("list").scrollTop = 0; });
  await expect.poll(isShown).toBe(false);
  await page.locator("#search").fill(NEEDLE);
  begun = performance.now();
  await page.locator("#search").press("Enter");
  await since("found", begun, expect(page.locator("#found")).toHaveText("1 of 1"));
  await expect.poll(isShown).toBe(true);
  await expect(page.locator("#drawer .record h2")).toContainText(NEEDLE);
  console.log(`    100,000 records: rows after ${times.rows} ms, list ready after ${times.ready} ms, frames p50 ${at(0.5)} p95 ${at(0.95)} max ${Math.round(frames.at(-1))} ms, last record reached in ${times.end} ms, found in ${times.found} ms`);
});

test("a session that goes on grows on the page: its list, its picture, and a frame around everything", async ({ visit }) => {
  const { page } = await visit(world.origin);
  await page.goto(await world.login());
  await page.goto(`/sessions/${SESSION}`);
  await page.locator("#timeline[data-ready]").waitFor();
  const [whole, frame] = [page.locator(".overview .ph > p"), page.locator("#frame h2")];
  await page.keyboard.press("0");
  await expect.poll(async () => (await whole.textContent()).startsWith(await frame.textContent())).toBe(true);
  const before = await frame.textContent();
  await page.evaluate(() => { const list = document.getElementById("list"); list.scrollTop = list.scrollHeight; });
  const later = new Date(Date.UTC(2026, 10, 30) + 3_600_000).toISOString();
  await world.send("native", [{ time: later, source_id: "long-later", session: SESSION, agent: "ag-long", workspace: "w-long", team: "payments", kind: "command", tool: "Bash", command: "echo one-more", exit_code: 0 }]);
  await expect(page.locator("#list tr[data-position]").filter({ hasText: "one-more" })).toHaveCount(1);
  await expect(whole).toContainText("100 001 records");
  await expect(frame).not.toHaveText(before);
});
