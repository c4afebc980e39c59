// How the tests of the console run: Debian's Chromium, one test at a time, against servers that the tests start themselves.
import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

const browsers = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].filter(Boolean);
const executablePath = browsers.find((path) => existsSync(path));
if (!executablePath) throw new Error("Chromium is missing; `make browser` installs it, or CHROMIUM names one");

export default defineConfig({
  testDir: ".",
  testMatch: "*.test.mjs",
  outputDir: "../../target/browser/results",
  globalSetup: "./support/setup.mjs",
  // The tests share a machine with the servers they measure, and a demo whose alerts some of them change.
  workers: 1,
  timeout: 120_000,
  expect: { timeout: 15_000 },
  forbidOnly: true,
  reporter: [["list"]],
  use: {
    launchOptions: { executablePath, args: ["--disable-gpu", "--disable-dev-shm-usage"] },
    viewport: { width: 1440, height: 900 },
    colorScheme: "dark",
    locale: "en-GB",
    timezoneId: "UTC",
    actionTimeout: 15_000,
    navigationTimeout: 30_000,
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
  },
});
