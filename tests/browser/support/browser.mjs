// The browser of every test: it fails the test on an error of a page, a violation of its policy, a dialog, or a request to elsewhere.
import { readFileSync } from "node:fs";
import { test as base, expect } from "@playwright/test";
import { SHARED } from "./setup.mjs";

export { expect };

/** Writes down what must not happen in the pages of a context. */
export class Guard {
  constructor(context, origin) {
    this.faults = [];
    this.allowed = [];
    context.on("console", (message) => { if (message.type() === "error") this.fault(`console: ${message.text()} ${message.location().url ?? ""}`); });
    context.on("weberror", (error) => this.fault(`page: ${error.error().stack}`));
    context.on("dialog", (dialog) => { this.fault(`dialog: ${dialog.message()}`); dialog.dismiss(); });
    context.on("request", (request) => {
      const url = new URL(request.url());
      if (url.protocol !== "data:" && url.origin !== origin) this.fault(`request to elsewhere: ${request.url()}`);
    });
  }

  fault(text) { this.faults.push(text); }

  /** Faults that the test brings about by itself. */
  allow(...patterns) { this.allowed.push(...patterns); return this; }

  check() {
    const faults = this.faults.filter((fault) => !this.allowed.some((pattern) => pattern.test(fault)));
    expect(faults, "nothing goes wrong in the browser").toEqual([]);
  }

  static async watch(context, origin) {
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`securitypolicyviolation: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber} ${event.sample}`);
      });
    });
    return new Guard(context, origin);
  }
}

export const test = base.extend({
  /** The demo that all tests share. */
  demo: [async ({}, use) => use(JSON.parse(readFileSync(SHARED, "utf8"))), { scope: "worker" }],
  baseURL: async ({ demo }, use) => use(demo.origin),
  /** A guarded context in which a person is logged in to the demo. */
  context: async ({ context, demo }, use) => {
    await context.addCookies([{ ...demo.cookie, url: demo.origin, httpOnly: true, sameSite: "Lax" }]);
    await use(context);
  },
  guard: [async ({ context, demo }, use) => {
    const guard = await Guard.watch(context, demo.origin);
    await use(guard);
    guard.check();
  }, { auto: true }],
  /** Opens a guarded context for another server; all are checked and closed at the end. */
  visit: async ({ browser, contextOptions }, use) => {
    const guards = [];
    const visit = async (origin, options = {}) => {
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "dark", timezoneId: "UTC", ...contextOptions, ...options, baseURL: origin });
      const guard = await Guard.watch(context, origin);
      guards.push({ context, guard });
      return { context, guard, page: await context.newPage() };
    };
    await use(visit);
    for (const { context, guard } of guards) { await context.close(); guard.check(); }
  },
});

/** The pages of the navigation: name and path, as the page itself lists them. */
export async function pagesOf(page) {
  await page.goto("/");
  return page.locator("nav[aria-label=Pages] li a").evaluateAll((links) => links.map((link) => ({ name: link.querySelector("span").textContent.trim(), path: link.getAttribute("href") })));
}

/** The address of a module that pages load, for a test that calls it in the page. */
export async function moduleOf(page, name) {
  return new URL(name, await page.locator("script[type=module]").first().evaluate((script) => script.src)).href;
}

/** A path without what differs from one record to the next. */
export const shape = (path) => path.replace(/\?.*$|#.*$/, "").split("/").map((part) => /\d|^alert-|^silence-/.test(part) ? "…" : part).join("/");

/** The first page of each kind to which the pages of the navigation link: an alert, a session, a record. */
export async function pagesBelow(page, known) {
  const found = new Map(known.map(({ path }) => [shape(path), null]));
  for (const { path } of known) {
    await page.goto(path);
    for (const href of await page.locator("#main a[href^='/']").evaluateAll((links) => links.map((link) => link.getAttribute("href")))) {
      // Files and exports are no pages.
      if (!found.has(shape(href)) && !/\/(file|manifest)$|^\/export/.test(shape(href))) found.set(shape(href), href);
    }
  }
  return [...found].filter(([, path]) => path).map(([name, path]) => ({ name, path }));
}

/** Whether something sticks out at the side, so that the page scrolls sideways: what does. */
export function sticksOut(page) {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const wide = [...document.querySelectorAll("body *")].filter((element) => element.getBoundingClientRect().right > width + 1);
    return wide.slice(0, 5).map((element) => `${element.tagName.toLowerCase()}.${element.getAttribute("class") ?? ""} to ${Math.round(element.getBoundingClientRect().right)} of ${width}`);
  });
}
