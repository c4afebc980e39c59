// Numbers, money and moments, written as src/figures.rs writes them.

const THIN = "\u202f";

export const count = (number) => String(Math.abs(number)).replace(/\B(?=(\d{3})+$)/g, THIN).replace(/^/, number < 0 ? "−" : "");

export function short(number) {
  const size = Math.abs(number);
  const scaled = (unit, word) => `${(number / unit).toFixed(Math.abs(number / unit) < 9.95 ? 1 : 0)}${THIN}${word}`;
  if (size < 1e3) return String(number);
  if (size < 999_500) return scaled(1e3, "k");
  if (size < 999_500_000) return scaled(1e6, "M");
  return scaled(1e9, "G");
}

export function dollars(micros) {
  const value = micros / 1e6;
  if (micros !== 0 && Math.abs(value) < 0.095) return value.toFixed(3);
  const [whole, places] = Math.abs(value).toFixed(2).split(".");
  return `${value < 0 ? "−" : ""}${count(Number(whole))}.${places}`;
}

export function bytes(number) {
  const size = Math.abs(number);
  if (size < 1e3) return `${number} B`;
  if (size < 1e6) return `${(number / 1e3).toFixed(1)} kB`;
  return size < 1e9 ? `${(number / 1e6).toFixed(1)} MB` : `${(number / 1e9).toFixed(1)} GB`;
}

export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 600 && whole % 60) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 7200) return `${Math.floor(whole / 60)} min`;
  if (whole < 172_800) return `${Math.floor(whole / 3600)} h`;
  return `${Math.floor(whole / 86_400)} d`;
}

export const seconds = (milliseconds) => milliseconds < 1000 ? `${(milliseconds / 1e3).toFixed(2)} s` : milliseconds < 60_000 ? `${(milliseconds / 1e3).toFixed(1)} s` : duration(milliseconds / 1e3);

export const age = (moment, now = Date.now()) => moment ? duration((now - Date.parse(moment)) / 1000) : "–";

/** The time of day with milliseconds, UTC. */
export const time = (moment) => new Date(moment).toISOString().slice(11, 23);
