// The list of sessions: keys.
import { list } from "./keys.js";

const sessions = document.querySelector("[data-list]");
if (sessions) list(sessions);
