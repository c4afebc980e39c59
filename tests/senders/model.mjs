// A model behind the APIs of Anthropic, OpenAI (responses) and Google: it runs one command with a tool, then says that it is done.
// What each answer says of tokens stands in USAGE, so that a test can say what must have been counted.
import { createServer } from "node:http";

export const COMMAND = "echo hello-from-tool; cat missing-file";

// Per request, as each provider writes it; `counted` is the same in disjoint counters.
export const USAGE = {
  anthropic: {
    written: { input_tokens: 1200, cache_creation_input_tokens: 300, cache_read_input_tokens: 2000, output_tokens: 55 },
    counted: { in: 1200, out: 55, cache_read: 2000, cache_write: 300 },
  },
  openai: {
    written: {
      input_tokens: 3200,
      input_tokens_details: { cached_tokens: 2000 },
      output_tokens: 40,
      output_tokens_details: { reasoning_tokens: 16 },
      total_tokens: 3240,
    },
    counted: { in: 1200, out: 40, cache_read: 2000, cache_write: 0 },
  },
  google: {
    written: {
      promptTokenCount: 1000,
      candidatesTokenCount: 20,
      cachedContentTokenCount: 400,
      thoughtsTokenCount: 5,
      totalTokenCount: 1025,
    },
    counted: { in: 600, out: 25, cache_read: 400, cache_write: 0 },
  },
};

/// Starts the model on a free port. `requests` counts the calls that were answered with usage, by provider.
export async function model() {
  const requests = { anthropic: 0, openai: 0, google: 0 };
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const path = request.url.split("?")[0];
    const asked = text.startsWith("{") ? JSON.parse(text) : {};
    if (path.endsWith("/v1/messages")) return anthropic(asked, response, requests);
    if (path.endsWith("/responses")) return openai(asked, response, requests);
    if (path.includes("enerateContent")) return google(asked, path, response, requests);
    if (path.endsWith("/count_tokens")) return json(response, { input_tokens: 100 });
    if (path.endsWith("/models")) return json(response, { object: "list", data: [{ id: "gpt-5", object: "model" }], models: [] });
    return json(response, {});
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, requests, close: () => server.close() };
}

function json(response, value, headers = {}) {
  response.writeHead(200, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(value));
}

function stream(response, events, headers = {}) {
  response.writeHead(200, { "content-type": "text/event-stream", ...headers });
  for (const event of events) {
    if (event.type) response.write(`event: ${event.type}\n`);
    response.write(`data: ${JSON.stringify(event)}\n\n`);
  }
  response.end();
}

function anthropic(asked, response, requests) {
  const number = ++requests.anthropic;
  const headers = { "request-id": `req_fake${number}` };
  const last = asked.messages.at(-1).content;
  const isResult = Array.isArray(last) && last.some((part) => part.type === "tool_result");
  const hasTool = (asked.tools ?? []).some((tool) => tool.name === "Bash");
  const usage = USAGE.anthropic.written;
  const message = { id: `msg_fake${number}`, type: "message", role: "assistant", model: asked.model, stop_sequence: null };
  const reason = hasTool && !isResult ? "tool_use" : "end_turn";
  if (!asked.stream) {
    const content = [{ type: "text", text: "All done." }];
    return json(response, { ...message, content, stop_reason: "end_turn", usage }, headers);
  }
  const text = reason === "tool_use" ? "Running it." : "All done.";
  const block = (index, content, delta) => [
    { type: "content_block_start", index, content_block: content },
    { type: "content_block_delta", index, delta },
    { type: "content_block_stop", index },
  ];
  const tool = { type: "tool_use", id: `toolu_fake${number}`, name: "Bash", input: {} };
  const input = { type: "input_json_delta", partial_json: JSON.stringify({ command: COMMAND, description: "say hello" }) };
  return stream(
    response,
    [
      { type: "message_start", message: { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } } },
      ...block(0, { type: "text", text: "" }, { type: "text_delta", text }),
      ...(reason === "tool_use" ? block(1, tool, input) : []),
      { type: "message_delta", delta: { stop_reason: reason, stop_sequence: null }, usage: { output_tokens: usage.output_tokens } },
      { type: "message_stop" },
    ],
    headers,
  );
}

function openai(asked, response, requests) {
  const number = ++requests.openai;
  const isResult = (Array.isArray(asked.input) ? asked.input : []).some((item) => item.type?.endsWith("_output"));
  const names = (asked.tools ?? []).map((tool) => tool.name ?? tool.type);
  const calls = {
    shell: { command: ["bash", "-lc", COMMAND] },
    exec_command: { cmd: COMMAND },
    shell_command: { command: COMMAND },
    local_shell: { command: ["bash", "-lc", COMMAND] },
  };
  const tool = Object.keys(calls).find((name) => names.includes(name));
  const item =
    tool && !isResult
      ? { type: "function_call", id: `fc_${number}`, call_id: `call_fake${number}`, name: tool, arguments: JSON.stringify(calls[tool]) }
      : { type: "message", id: `msg_${number}`, role: "assistant", content: [{ type: "output_text", text: "All done.", annotations: [] }] };
  item.status = "completed";
  const head = { id: `resp_fake${number}`, object: "response", model: asked.model };
  const completed = { ...head, status: "completed", output: [item], usage: USAGE.openai.written };
  if (asked.stream === false) return json(response, completed);
  return stream(response, [
    { type: "response.created", response: { ...head, status: "in_progress", output: [] } },
    { type: "response.output_item.added", output_index: 0, item: { ...item, status: "in_progress" } },
    { type: "response.output_item.done", output_index: 0, item },
    { type: "response.completed", response: completed },
  ]);
}

function google(asked, path, response, requests) {
  const number = ++requests.google;
  const parts = (asked.contents ?? []).flatMap((content) => content.parts ?? []);
  const isResult = parts.some((part) => part.functionResponse);
  const names = (asked.tools ?? []).flatMap((tool) => (tool.functionDeclarations ?? []).map((one) => one.name));
  const wantsJson = asked.generationConfig?.responseJsonSchema || asked.generationConfig?.responseMimeType === "application/json";
  let part = { text: "All done." };
  if (names.includes("run_shell_command") && !isResult) {
    part = { functionCall: { name: "run_shell_command", args: { command: COMMAND, description: "say hello" } } };
  }
  if (wantsJson) part = { text: JSON.stringify({ reasoning: "x", next_speaker: "user", model_choice: "flash", complexity_score: 1 }) };
  const answer = {
    candidates: [{ content: { role: "model", parts: [part] }, finishReason: "STOP", index: 0 }],
    usageMetadata: USAGE.google.written,
    modelVersion: "gemini-2.5-pro",
    responseId: `google_fake${number}`,
  };
  return path.includes("stream") ? stream(response, [answer]) : json(response, answer);
}
