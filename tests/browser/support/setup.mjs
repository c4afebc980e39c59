// What all tests share: a demo whose stories are over, and a person who is in.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OUTPUT, login, startDemo } from "./tachograph.mjs";

/** Where the tests find it. */
export const SHARED = join(OUTPUT, "demo.json");

export default async function setup() {
  mkdirSync(OUTPUT, { recursive: true });
  // A demo that runs already makes trying one test quick: DEMO=DIR is what `tachograph demo --keep DIR` was given.
  const data = process.env.DEMO && join(process.env.DEMO, "data");
  const isLive = Boolean(process.env.SCREENSHOTS);
  const demo = data ? { data, origin: new URL(await login(data)).origin } : await startDemo({ directory: join(OUTPUT, "demo"), days: isLive ? 30 : 7, isLive });
  const answer = await fetch(await login(demo.data), { redirect: "manual" });
  const [cookie] = answer.headers.getSetCookie();
  const [, name, value] = cookie.match(/^([^=]+)=([^;]*)/);
  writeFileSync(SHARED, JSON.stringify({ origin: demo.origin, data: demo.data, cookie: { name, value } }));
  return () => demo.process?.stop();
}
