// One stream of server-sent events for the whole browser, whatever the number of tabs: one tab holds it and tells the others.
// Browsers open few connections to one server over plain HTTP; a stream for each tab would use them up.

const LOCK = "tachograph-stream";
const channel = new BroadcastChannel("tachograph-stream");
const handlers = new Map();
let topics = new Set();
let source;
let lastId = "";
let isLeader = false;

const time = () => new Date().toISOString().slice(11, 19);

function tell(topic, data) {
  if (live.paused && topic !== "state") return;
  for (const handler of handlers.get(topic) ?? []) handler(data);
}

/** Everything that any tab wants: the leader asks for all of it, and for content as soon as one of them shows it. */
const wanted = new Set();
let content = false;

function connect() {
  source?.close();
  const parameters = new URLSearchParams({ topics: [...wanted].sort().join(",") });
  if (lastId) parameters.set("from", lastId);
  if (content) parameters.set("content", "true");
  source = new EventSource(`/api/v1/stream?${parameters}`);
  source.addEventListener("open", () => share("state", { connected: true }));
  source.addEventListener("error", () => {
    share("state", { connected: false, since: live.seen });
    // The browser tries again by itself unless the answer was no stream.
    if (source.readyState === EventSource.CLOSED) answered();
  });
  for (const topic of [...wanted, "resync"]) {
    source.addEventListener(topic, (event) => {
      lastId = event.lastEventId || lastId;
      share(topic, JSON.parse(event.data || "{}"));
    });
  }
}

/** There was an answer and no stream: somebody who is not in any more waits in vain. */
async function answered() {
  const status = await fetch("/api/v1/status").then((answer) => answer.status, () => 0);
  if (status === 401) share("state", { connected: false, since: live.seen, isOut: true });
  else setTimeout(connect, 4000);
}

function share(topic, data) {
  if (topic !== "state") live.seen = time();
  channel.postMessage({ topic, data, lastId });
  tell(topic, data);
}

channel.addEventListener("message", ({ data }) => {
  if (data.want) {
    if (isLeader && (data.want.some((topic) => !wanted.has(topic)) || (data.content && !content))) {
      content ||= data.content;
      for (const topic of data.want) wanted.add(topic);
      connect();
    }
    return;
  }
  lastId = data.lastId || lastId;
  if (data.topic !== "state") live.seen = time();
  tell(data.topic, data.data);
});

export const live = {
  paused: false,
  seen: time(),
  /** Calls `handler` with what comes of a topic; `state` says whether the stream is connected. */
  on(topic, handler) {
    handlers.set(topic, [...(handlers.get(topic) ?? []), handler]);
    return this;
  },
  /** Asks for topics. The first tab becomes the one that holds the stream; the next one does when it is closed. */
  start(names, { content: shows = false } = {}) {
    const had = [...names].every((name) => wanted.has(name)) && (content || !shows);
    content ||= shows;
    for (const name of names) topics.add(name);
    for (const name of topics) wanted.add(name);
    if (isLeader) { if (!had) connect(); return; }
    channel.postMessage({ want: [...topics], content });
    if (this.asked) return;
    this.asked = true;
    navigator.locks.request(LOCK, () => new Promise(() => {
      isLeader = true;
      connect();
    }));
  },
  pause(is) { this.paused = is; },
  retry() { if (isLeader) connect(); else channel.postMessage({ want: [...topics] }); },
};
