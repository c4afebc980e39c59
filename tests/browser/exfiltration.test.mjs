// A refused exfiltration, end to end: from the record at intake to the card on the fleet page and the message in the inbox.
import { createServer } from "node:http";
import { writeFileSync } from "node:fs";
import { expect, test } from "./support/browser.mjs";
import { boundaryLine } from "./support/evil.mjs";
import { World } from "./support/tachograph.mjs";

/** Beyond this it is broken; it should be below a second. */
const TIME_MS_MAX = 10_000;
const ROUNDS = 5;

let world, inbox;

/** A receiver that plays Slack's incoming webhook and says when something came. */
async function receiver() {
  const messages = [];
  const waiting = [];
  const server = createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      messages.push({ at: performance.now(), body: Buffer.concat(parts).toString() });
      for (const check of waiting) check();
      response.end("ok");
    });
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return {
    address: `http://127.0.0.1:${server.address().port}/services/T0/B0/X`,
    /** When the first message came that holds a text. */
    holds: (text) => new Promise((done) => {
      const check = () => { const found = messages.find(({ body }) => body.includes(text)); if (found) done(found.at); };
      waiting.push(check);
      check();
    }),
    close: () => server.close(),
  };
}

test.beforeAll(async () => {
  inbox = await receiver();
  world = await World.make("exfiltration", (made) => {
    writeFileSync(made.path("webhook"), `${inbox.address}\n`);
    return `[[sink]]\nname = "soc"\ntype = "slack"\nwebhook = "file:${made.path("webhook")}"\nallow_private = true\n`;
  });
  const ordinary = Array.from({ length: 20 }, (_, sequence) => boundaryLine({ decision: "allow", method: "GET", url: "https://packages.acme.example/left-pad", sequence, rule: "domain=packages.acme.example" }));
  await world.send("coderd", ordinary);
});

test.afterAll(async () => { await world?.stop(); inbox?.close(); });

test("the card and the message are there within a second or so", async ({ visit }) => {
  const { page } = await visit(world.origin);
  await page.goto(await world.login());
  await expect(page.locator("#agents tbody tr").first()).toBeVisible();
  await expect(page.locator("#live")).toBeVisible();
  // The stream is open when it told the first time.
  await expect.poll(() => page.locator("#head-verdict").innerText()).not.toBe("");
  const times = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const workspace = `upgrade-left-pad-${round}`;
    const card = page.locator("#cards article", { hasText: workspace });
    const begun = performance.now();
    const seen = card.waitFor({ timeout: TIME_MS_MAX }).then(() => performance.now());
    const told = inbox.holds(workspace);
    await world.send("coderd", [boundaryLine({ url: "https://attacker-logger.com/collect", workspace, session: crypto.randomUUID() })]);
    const durable = performance.now();
    const [onPage, inInbox] = await Promise.all([seen, told]);
    times.push({ durable: durable - begun, card: onPage - begun, inbox: inInbox - begun });
    await expect(card).toContainText("egress.denied_post");
    await expect(card).toContainText("attacker-logger[.]com");
  }
  const median = (name) => Math.round(times.map((time) => time[name]).toSorted((one, other) => one - other)[Math.floor(ROUNDS / 2)]);
  console.log(`    from the record on its way: durable after ${median("durable")} ms, message in the inbox after ${median("inbox")} ms, card on the page after ${median("card")} ms (medians of ${ROUNDS})`);
  for (const time of times) expect(Math.max(time.card, time.inbox)).toBeLessThan(TIME_MS_MAX);
});
