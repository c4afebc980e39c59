// The first event that is recorded fills the page.
import { live } from "./live.js";

if (document.querySelector("[data-empty]")) live.on("events", ({ events }) => { if (events > 0) location.reload(); });
live.start(["events"]);
