// Who is let in, who is not, and what another site can make a browser do: nothing.
import { createServer, request } from "node:http";
import { expect, test } from "./support/browser.mjs";
import { World, tachograph } from "./support/tachograph.mjs";

let world;
test.beforeAll(async () => { world = await World.make("doors"); });
test.afterAll(() => world?.stop());

test("who is not in is led to the login page and back", async ({ visit }) => {
  const { page, guard } = await visit(world.origin);
  await page.goto("/alerts?filter=since:7d");
  await expect(page).toHaveURL(/\/login\?next=/);
  await expect(page.locator("h1")).toContainText("Tachograph");
  const token = (await tachograph("token", "create", "--data", world.data, "--name", "ana", "--role", "analyst")).trim();
  await page.getByLabel(/Token of/).fill("tachograph_wrong");
  guard.allow(/403 \(Forbidden\)/);
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await page.getByLabel(/Token of/).fill(token);
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page).toHaveURL(`${world.origin}/alerts?filter=since:7d`);
  await expect(page.locator(".person")).toContainText("analyst");
});

test("a link lets in once, as the person that it names", async ({ visit }) => {
  const link = await world.login({ name: "r.ibarra", roles: ["analyst"] });
  const { page, context } = await visit(world.origin);
  await page.goto(link);
  await expect(page).toHaveURL(`${world.origin}/`);
  await expect(page.locator(".person")).toContainText("r.ibarra");
  const [cookie] = await context.cookies();
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Lax" });
  const other = await visit(world.origin);
  other.guard.allow(/403 \(Forbidden\)/);
  const answer = await other.page.goto(link);
  expect(answer.status()).toBe(403);
  await expect(other.page.getByRole("alert")).toBeVisible();
});

test("who logs out is out, in every tab", async ({ visit }) => {
  const { page, context, guard } = await visit(world.origin);
  guard.allow(/401 \(Unauthorized\)/);
  await page.goto(await world.login());
  const other = await context.newPage();
  await other.goto("/alerts");
  const [cookie] = await context.cookies();
  await page.getByRole("button", { name: "Log out" }).click();
  await expect(page).toHaveURL(/\/login/);
  await other.goto("/alerts");
  await expect(other).toHaveURL(/\/login/);
  // The session itself has ended, not only the cookie gone.
  const answer = await fetch(`${world.origin}/alerts`, { headers: { Cookie: `${cookie.name}=${cookie.value}` }, redirect: "manual" });
  expect(answer.status).toBe(303);
});

test("what another site sends is refused", async ({ visit }) => {
  const { page, context, guard } = await visit(world.origin);
  await page.goto(await world.login());
  const [cookie] = await context.cookies();
  const own = { Cookie: `${cookie.name}=${cookie.value}`, "Content-Type": "application/x-www-form-urlencoded" };
  const post = (path, headers) => fetch(`${world.origin}${path}`, { method: "POST", headers: { ...own, ...headers }, body: "action=ack", redirect: "manual" });
  for (const path of ["/alerts", "/silences", "/logout", "/sql", "/login", "/api/v1/query"]) {
    for (const headers of [{ Origin: "https://evil.example" }, { Origin: "null" }, { "Sec-Fetch-Site": "cross-site" }, { "Sec-Fetch-Site": "same-site", Origin: world.origin }, {}]) {
      expect.soft((await post(path, headers)).status, `${path} ${JSON.stringify(headers)}`).toBe(403);
    }
  }
  // A page of another site, in the same browser: its form is refused, and it cannot frame ours.
  const evil = createServer((_, response) => response.setHeader("Content-Type", "text/html").end(
    `<form method=post action="${world.origin}/logout"><button>Win a prize</button></form><iframe src="${world.origin}/"></iframe>`));
  await new Promise((done) => evil.listen(0, "127.0.0.1", done));
  guard.allow(/request to elsewhere: http:\/\/localhost/, /frame-ancestors/, /403 \(Forbidden\)/);
  const other = await context.newPage();
  await other.goto(`http://localhost:${evil.address().port}/`);
  expect(await other.frames()[1].locator(".rail").count()).toBe(0);
  const answer = other.waitForResponse((response) => response.request().method() === "POST");
  await other.getByRole("button").click();
  expect((await answer).status()).toBe(403);
  await page.goto("/");
  await expect(page.locator(".person"), "still in").toBeVisible();
  evil.close();
});

test("too many attempts are refused for a while, from that address alone", async ({ visit }) => {
  // From another address of this machine, so that the other tests are let in.
  const attempt = () => new Promise((done, failed) => {
    const url = new URL(`${world.origin}/login?code=wrong`);
    request(url, { localAddress: "127.0.0.9" }, (answer) => { answer.resume(); done(answer.statusCode); }).on("error", failed).end();
  });
  const statuses = [];
  for (let at = 0; at < 12; at += 1) statuses.push(await attempt());
  expect(statuses.slice(0, 10)).toEqual(Array(10).fill(403));
  expect(statuses.slice(10)).toEqual([429, 429]);
  const { page } = await visit(world.origin);
  await page.goto(await world.login());
  await expect(page).toHaveURL(`${world.origin}/`);
});

test("an auditor and an analyst see what their roles may see", async ({ visit }) => {
  const { page } = await visit(world.origin);
  await page.goto(await world.login({ name: "audit", roles: ["auditor"] }));
  // The first page is one that an auditor may see.
  await expect(page.locator(".person")).toContainText("auditor");
  await page.goto("/sql");
  await expect(page.locator("h1")).toHaveText("SQL");
  await expect(page.locator(".head")).toContainText("everything but content");
});
