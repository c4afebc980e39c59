// Login by OpenID Connect against a real provider: through its own form in a real browser and back, and everything that must not let anybody in.
import { readFileSync, writeFileSync } from "node:fs";
import AxeBuilder from "@axe-core/playwright";
import { expect, sticksOut, test } from "./support/browser.mjs";
import { OidcProvider } from "./support/provider.mjs";
import { World, freePort, tachograph } from "./support/tachograph.mjs";

const SECURITY = `[[oidc.grant]]\ngroup = "agents-security"\nroles = ["analyst"]\ncontent = true\n`;
const AUDIT = `[[oidc.grant]]\ngroup = "agents-audit"\nroles = ["auditor"]\n`;
const ADMIN = `[[oidc.grant]]\ngroup = "agents-admin"\nroles = ["admin"]\n`;

let world, provider;

test.beforeAll(async () => {
  const port = await freePort();
  world = await World.make("oidc", (world) => {
    provider = new OidcProvider(port, world.origin);
    writeFileSync(world.path("secret"), `${provider.client.secret}\n`);
    return oidc(world, SECURITY, AUDIT, ADMIN);
  });
  // The server is ready though its provider does not run yet.
  await provider.start();
});
test.afterAll(async () => { await provider?.stop().catch(() => {}); await world?.stop(); });

const oidc = (world, ...grants) => `
[oidc]
name = "Acme <b>accounts</b>"
issuer = "${provider.issuer}"
client_id = "${provider.client.id}"
client_secret = "file:${world.path("secret")}"
console = "${world.origin}"
scopes = ["profile", "email", "groups"]
session_minutes = 60
${grants.join("")}`;

/** A browser in which nobody is known, neither here nor to the provider. */
async function arrive(visit, path = "/login", options = {}) {
  const browser = await visit(world.origin, options);
  browser.guard.allow(/request to elsewhere: http:\/\/localhost:/, /40\d \((Forbidden|Not Found)\)/, /503 \(Service Unavailable\)/);
  await browser.page.goto(path);
  return browser;
}

const button = (page) => page.getByRole("link", { name: "Sign in with Acme <b>accounts</b>" });

async function fill(page, name, press = "Continue") {
  await expect(page.locator("h1")).toHaveText("Acme accounts");
  expect(new URL(page.url()).origin).toBe(provider.issuer);
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(name);
  await page.getByRole("button", { name: press }).click();
}

async function enter(visit, name, path) {
  const browser = await arrive(visit, path);
  await button(browser.page).click();
  await fill(browser.page, name);
  return browser;
}

/** The address to which the provider sends a browser back, before the console has seen it. */
async function held(page, name) {
  provider.held = [];
  await page.goto("/login");
  await button(page).click();
  // The provider may know the person already, and then asks nothing.
  if (await page.locator("h1").filter({ hasText: "Acme accounts" }).isVisible()) await fill(page, name);
  await expect(page.locator("body")).toHaveText("held");
  const [returned] = provider.held;
  provider.held = null;
  return returned;
}

const entries = (kind) => world.sql(`SELECT subject, actor, "to", record FROM operations WHERE kind = '${kind}' ORDER BY seq`)
  .then(({ rows }) => rows.map((row) => ({ ...row, record: typeof row.record === "string" ? JSON.parse(row.record) : row.record })));
const newest = async (kind) => (await entries(kind)).at(-1);

/** Takes over another configuration, as SIGHUP does. */
async function reload(text) {
  const file = world.path("tachograph.toml");
  const before = readFileSync(file, "utf8");
  writeFileSync(file, text(before));
  const count = () => world.process.said.filter((line) => line.includes("the configuration was changed")).length;
  const known = count();
  world.process.child.kill("SIGHUP");
  await expect.poll(count).toBe(known + 1);
  return before;
}

test("a person comes in through the provider's own form, to the page they asked for, and sees what their groups may see", async ({ visit }) => {
  const { page, context } = await enter(visit, "ada", "/alerts?filter=since:7d");
  await expect(page).toHaveURL(`${world.origin}/alerts?filter=since:7d`);
  await expect(page.locator(".person")).toContainText("ada@acme.example");
  await expect(page.locator(".person")).toContainText("analyst");
  const cookies = (await context.cookies(world.origin)).filter(({ name }) => name.startsWith("tachograph"));
  expect(cookies).toMatchObject([{ name: "tachograph_session", httpOnly: true, sameSite: "Lax" }]);
  expect(cookies[0].expires - Date.now() / 1000).toBeLessThanOrEqual(3600);
  await page.goto("/sql");
  await expect(page.locator(".head")).not.toContainText("everything but content");
  const entry = await newest("login");
  expect(entry.actor).toMatch(/^oidc:[0-9a-f]{16}\/ada@acme\.example$/);
  expect(entry.record).toMatchObject({ via: "oidc", roles: ["analyst"], content: true, address: "127.0.0.1", provider: { issuer: provider.issuer, subject: "ada", groups: ["agents-security"] } });
  // What only an admin may do is refused, by the API as by the page.
  const answer = await page.request.post("/api/v1/logins", { headers: { Origin: world.origin, "Sec-Fetch-Site": "same-origin" } });
  expect(answer.status()).toBe(403);
});

test("an auditor is refused what analysts see, and nobody takes a name of the provider's people", async ({ visit }) => {
  const { page } = await enter(visit, "omar");
  await expect(page.locator(".person")).toContainText("auditor");
  const answer = await page.request.post("/api/v1/query", { headers: { Origin: world.origin, "Sec-Fetch-Site": "same-origin" }, data: { sql: "SELECT * FROM events" } });
  expect(answer.status()).toBe(403);
  expect((await page.goto("/sessions")).status()).toBe(403);
  await expect(page.locator("body")).toContainText("ask for the role analyst");
  const { actor } = await newest("login");
  await expect(tachograph("token", "create", "--data", world.data, "--name", actor, "--role", "analyst")).rejects.toThrow(/OpenID provider/);
  await expect(world.login({ name: actor, roles: ["analyst"] })).rejects.toThrow(/OpenID provider/);
});

test("who is in no group is told what to ask for, and that is an entry", async ({ visit }) => {
  const { page } = await enter(visit, "eve");
  await expect(page.getByRole("alert")).toContainText("agents-security (analyst)");
  await expect(page.getByRole("alert")).toContainText("eve@acme.example");
  await page.goto("/");
  await expect(page).toHaveURL(/\/login/);
  const entry = await newest("login.refused");
  expect(entry).toMatchObject({ subject: "127.0.0.1", record: { via: "oidc", count: 1 } });
  expect(entry.record.reason).toContain("eve@acme.example is in no group");
});

/** Opens an address of a callback that must let nobody in. */
async function refused(page, address, says, status = 403) {
  const answer = await page.goto(address);
  expect(answer.status(), address).toBe(status);
  await expect(page.getByRole("alert")).toContainText(says);
  expect((await page.context().cookies(world.origin)).filter(({ name }) => name === "tachograph_session")).toEqual([]);
}

test("an answer works once, in the browser that asked, and forged ones never", async ({ visit }) => {
  const { page } = await arrive(visit);
  const first = await held(page, "ada");
  const stranger = await arrive(visit);
  // Whoever is made to open the answer of another's login is not let in by it, and it is used up.
  await refused(stranger.page, first, "belongs to no login");
  await refused(page, first, "belongs to no login");
  const second = await held(page, "ada");
  const forged = new URL(second);
  forged.searchParams.set("state", "0".repeat(64));
  await refused(page, forged.href, "belongs to no login");
  for (const path of ["", "?state=&code=x", "?state=a&state=b&code=x", "?error=access_denied"]) {
    await refused(page, `/login/oidc/callback${path}`, "belongs to no login");
  }
  const entry = await newest("login.refused");
  expect(entry.record).toMatchObject({ via: "oidc" });
  // Nobody used the right one, but the first answer took the browser's cookie away.
  await refused(page, second, "belongs to no login");
  // A code of somebody else, in the answer to one's own login, is refused by PKCE; so is one from another provider.
  const mine = new URL(await held(page, "ada"));
  const theirs = new URL(await held(stranger.page, "omar"));
  const swapped = new URL(mine);
  swapped.searchParams.set("code", theirs.searchParams.get("code"));
  await refused(page, swapped.href, "does not take its code");
  await page.goto(await held(page, "ada"));
  await expect(page.locator(".person"), "an honest one still works").toContainText("ada@acme.example");
  const last = new URL(await held(stranger.page, "omar"));
  last.searchParams.set("iss", "https://evil.example");
  await refused(stranger.page, last.href, "another provider");
});

test("nobody is led elsewhere afterwards", async ({ visit }) => {
  for (const next of ["https://evil.example/", "//evil.example", "/\\evil.example"]) {
    const { page } = await arrive(visit, `/login?next=${encodeURIComponent(next)}`);
    await button(page).click();
    await fill(page, "ada");
    await expect(page).toHaveURL(`${world.origin}/`);
  }
  const answer = await fetch(`${world.origin}/login/oidc?next=//evil.example`, { redirect: "manual" });
  expect(answer.status).toBe(303);
  const asked = new URL(answer.headers.get("location"));
  expect(asked.origin).toBe(provider.issuer);
  expect(asked.searchParams.get("code_challenge_method")).toBe("S256");
  expect(asked.searchParams.get("redirect_uri")).toBe(`${world.origin}/login/oidc/callback`);
  expect(asked.searchParams.get("nonce")).toBeTruthy();
});

test("where browsers come over TLS, cookies never leave without it", async () => {
  const secure = world.origin.replace("http:", "https:");
  const before = await reload((text) => text.replace(`console = "${world.origin}"`, `console = "${secure}"`));
  const answer = await fetch(`${world.origin}/login/oidc`, { redirect: "manual" });
  expect(new URL(answer.headers.get("location")).searchParams.get("redirect_uri")).toBe(`${secure}/login/oidc/callback`);
  expect(answer.headers.getSetCookie()).toEqual([expect.stringMatching(/^__Host-tachograph_oidc=[0-9a-f]{64}; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax; Secure$/)]);
  await reload(() => before);
});

test("who cancels at the provider is told so in our words", async ({ visit }) => {
  const { page } = await arrive(visit);
  await button(page).click();
  await fill(page, "ada", "Cancel");
  await expect(page.getByRole("alert")).toContainText("it was cancelled there");
  await expect(page.getByRole("alert")).not.toContainText("555");
  expect((await newest("login.refused")).record.reason).toContain("access_denied");
});

test("who logs out is out here, and is led out of the provider if they like", async ({ visit }) => {
  const { page, context } = await enter(visit, "ada");
  const { subject } = await newest("login");
  const [cookie] = (await context.cookies(world.origin)).filter(({ name }) => name === "tachograph_session");
  await page.getByRole("button", { name: "Log out" }).click();
  await expect(page.getByRole("status")).toContainText("still knows you");
  const answer = await fetch(`${world.origin}/alerts`, { headers: { Cookie: `${cookie.name}=${cookie.value}` }, redirect: "manual" });
  expect(answer.status).toBe(303);
  expect(await newest("login")).toMatchObject({ subject, to: "ended" });
  await page.getByRole("link", { name: "sign out of" }).click();
  await expect(page).toHaveURL(/\/session\/end\?client_id=tachograph/);
  await expect(page.locator("h1")).toHaveText("Leave Acme?");
});

test("a session ends when its group is granted no more, and others go on", async ({ visit }) => {
  const [ada, omar] = [await enter(visit, "ada"), await enter(visit, "omar")];
  const before = await reload((text) => text.replace(SECURITY, ""));
  await ada.page.goto("/alerts");
  await expect(ada.page).toHaveURL(/\/login/);
  await omar.page.goto("/health");
  await expect(omar.page.locator(".person")).toContainText("auditor");
  // What cannot work changes nothing.
  writeFileSync(world.path("tachograph.toml"), before.replace("http://localhost", "http://login.acme.example"));
  world.process.child.kill("SIGHUP");
  await world.process.line(/the configuration was not changed.*http goes for this machine only/);
  await omar.page.goto("/health");
  await expect(omar.page.locator(".person")).toContainText("auditor");
  await reload(() => before);
  // The person comes in anew, with what is granted now.
  const anew = await enter(visit, "ada");
  await expect(anew.page.locator(".person")).toContainText("analyst");
});

test("without the provider its login says so, and a link lets in", async ({ visit }) => {
  const { page } = await arrive(visit);
  const returned = await held(page, "ada");
  await provider.stop();
  await refused(page, returned, /cannot be used now.*tachograph login/, 503);
  await expect(async () => {
    // What it said of itself before is believed for some seconds.
    await page.goto("/login");
    await button(page).click();
    await expect(page.getByRole("alert")).toContainText("cannot be used now");
  }).toPass({ timeout: 30_000 });
  await page.goto(await world.login({ name: "r.ibarra", roles: ["analyst"] }));
  await expect(page.locator(".person")).toContainText("r.ibarra");
  // It comes back with another key, and claims only where one asks for them.
  await provider.start({ inIdToken: false });
  const ines = await arrive(visit);
  await expect(async () => {
    await ines.page.goto("/login");
    await button(ines.page).click();
    await expect(ines.page.locator("h1")).toHaveText("Acme accounts");
  }).toPass({ timeout: 30_000 });
  await fill(ines.page, "ines");
  await expect(ines.page.locator(".person")).toContainText("analyst, admin");
  expect(provider.asked).toContain("/me");
  expect((await newest("login")).record.provider.groups.sort()).toEqual(["agents-admin", "agents-security"]);
});

test("the login page is in order in both themes, wide and narrow, and without JavaScript", async ({ visit }, info) => {
  for (const [colorScheme, width] of [["light", 1440], ["dark", 1440], ["light", 390], ["dark", 390]]) {
    const { page } = await arrive(visit, "/login", { colorScheme, viewport: { width, height: 844 } });
    for (const [at, path] of ["/login", "/login?left=oidc", "/login/oidc/callback"].entries()) {
      await page.goto(path);
      await expect(button(page)).toBeVisible();
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.filter(({ impact }) => ["serious", "critical"].includes(impact)).map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
      expect(await sticksOut(page), path).toEqual([]);
      await page.screenshot({ path: info.outputPath(`login-${colorScheme}-${width}-${at}.png`) });
    }
  }
  const { page } = await arrive(visit, "/login", { javaScriptEnabled: false });
  await button(page).click();
  await fill(page, "omar");
  await expect(page.locator(".person")).toContainText("auditor");
});

test("nothing of codes, tokens and secrets is in logs and entries", async ({ visit }) => {
  await enter(visit, "omar");
  const { page } = await arrive(visit);
  const mine = new URL(await held(page, "ada"));
  await refused(page, mine.href.replace(/code=[^&]*/, `code=${"x".repeat(32)}`), "does not take its code");
  const written = world.process.said.join("\n") + JSON.stringify(await world.sql("SELECT * FROM operations"));
  expect(written).toContain("a login was refused");
  expect(provider.secrets.length, "a client's secret, two codes, two tokens").toBeGreaterThanOrEqual(5);
  for (const secret of provider.secrets) expect(written.includes(secret), secret).toBe(false);
});
