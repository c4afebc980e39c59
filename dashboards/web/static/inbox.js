// An inbox of the demo: looks again when alerts change, unless somebody reads further down or has something open.
import { live } from "./live.js";

live.on("alerts", ({ alerts = [] }) => {
  const isUsed = scrollY > 80 || document.querySelector("details[open]") || !getSelection().isCollapsed;
  // The message is sent when the alert is durable, and arrives a moment later.
  if (alerts.length && !isUsed) setTimeout(() => location.reload(), 700);
});
