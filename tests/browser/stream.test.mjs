// The live stream: one for the whole browser, whatever the number of tabs; lost and found again.
import { connect, createServer } from "node:net";
import { expect, test } from "./support/browser.mjs";
import { boundaryLine } from "./support/evil.mjs";
import { World } from "./support/tachograph.mjs";

const TABS = 7;

let world;
let sequence = 0;
const ordinary = (count) => Array.from({ length: count }, () => boundaryLine({ decision: "allow", method: "GET", url: "https://packages.acme.example/left-pad", sequence: sequence++, rule: "domain=packages.acme.example" }));

test.beforeAll(async () => {
  world = await World.make("stream");
  await world.send("coderd", ordinary(5));
});
test.afterAll(() => world?.stop());

/** A way to a port that can be cut and mended. */
async function cableTo(port) {
  const open = new Set();
  const server = createServer((one) => {
    const other = connect(port, "127.0.0.1");
    for (const socket of [one, other]) {
      open.add(socket);
      socket.on("error", () => {}).on("close", () => { one.destroy(); other.destroy(); open.delete(socket); });
    }
    one.pipe(other).pipe(one);
  });
  const listen = (at) => new Promise((done) => server.listen(at, "127.0.0.1", done));
  await listen(0);
  const own = server.address().port;
  const cut = () => { server.close(); for (const socket of open) socket.destroy(); };
  return { origin: `http://127.0.0.1:${own}`, cut, mend: () => listen(own), end: async () => cut() };
}

/** The streams of a context that are open now. */
function streams(context) {
  const open = new Set();
  const is = (request) => new URL(request.url()).pathname === "/api/v1/stream";
  context.on("request", (request) => { if (is(request)) open.add(request); });
  for (const end of ["requestfinished", "requestfailed"]) context.on(end, (request) => open.delete(request));
  // What a tab held ends with it.
  return () => [...open].filter((request) => !request.frame().page().isClosed()).length;
}

test("seven tabs share one stream, and it moves on when its tab is closed", async ({ visit }) => {
  const { context, page } = await visit(world.origin);
  const open = streams(context);
  await page.goto(await world.login());
  const tabs = [page];
  for (let at = 1; at < TABS; at += 1) {
    const tab = await context.newPage();
    // Pages want different topics.
    await tab.goto(["/", "/alerts", "/health"][at % 3]);
    tabs.push(tab);
  }
  await expect.poll(() => open()).toBe(1);
  const heads = () => Promise.all(tabs.filter((tab) => !tab.isClosed()).map((tab) => tab.locator("#head-events").textContent()));
  const moves = async (what) => {
    const before = await heads();
    await world.send("coderd", ordinary(3));
    await expect.poll(async () => (await heads()).every((text, at) => text !== before[at]), { message: what }).toBe(true);
    expect(open(), `${what}: streams`).toBe(1);
  };
  await moves("every tab is told");
  await tabs[0].close();
  await expect.poll(() => open()).toBe(1);
  await moves("another tab took over");
});

test("a lost connection is said, and found again by itself", async ({ visit }) => {
  const cable = await cableTo(world.consolePort);
  const { page, guard } = await visit(cable.origin);
  guard.allow(/net::ERR_/);
  await page.goto((await world.login()).replace(world.origin, cable.origin));
  const banner = page.locator("#connection");
  await expect(page.locator("#live")).toBeVisible();
  await expect(banner).toBeHidden();
  const before = await page.locator("#head-events").textContent();
  cable.cut();
  await expect(banner).toBeVisible();
  await expect(banner).toContainText("Live stream lost");
  await world.send("coderd", ordinary(2));
  await cable.mend();
  await expect(banner).toBeHidden({ timeout: 30_000 });
  // What came meanwhile is told.
  await expect.poll(() => page.locator("#head-events").textContent()).not.toBe(before);
  await cable.end();
});

test("who is not in any more is told so, and led to the login page", async ({ visit }) => {
  const { page, guard } = await visit(world.origin);
  guard.allow(/net::ERR_/, /401 \(Unauthorized\)/);
  await page.goto(await world.login());
  await expect(page.locator("#live")).toBeVisible();
  // Sessions end with the server.
  await world.stop();
  const banner = page.locator("#connection");
  await expect(banner).toContainText("Live stream lost");
  await world.start();
  await expect(banner).toContainText("Your session ended", { timeout: 30_000 });
  await banner.getByRole("button", { name: "Log in" }).click();
  await expect(page).toHaveURL(/\/login\?next=/);
});

test("paused, nothing moves until somebody says so", async ({ visit }) => {
  const { page } = await visit(world.origin);
  await page.goto(await world.login());
  const live = page.locator("#live");
  await expect(live).toHaveAttribute("aria-pressed", "true");
  await expect.poll(() => page.locator("#head-verdict").innerText()).not.toBe("");
  await page.keyboard.press(".");
  await expect(live).toHaveAttribute("aria-pressed", "false");
  const before = await page.locator("#head-events").textContent();
  await world.send("coderd", ordinary(3));
  // Another tab hears of it, so it was told.
  const other = await page.context().newPage();
  await other.goto("/");
  await expect.poll(() => other.locator("#head-events").textContent()).not.toBe(before);
  expect(await page.locator("#head-events").textContent()).toBe(before);
});
