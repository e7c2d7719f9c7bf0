// The `openai` package of npm against the gateway, as an application would use it.

import assert from "node:assert/strict";
import OpenAI from "openai";

const { WHO, GATEWAY, KEY, ROUTER, GREETING, MOCK, MOCK_SECRET, FAULTS } = process.env;
const USER = [{ role: "user", content: "Good day, who are you?" }];
const ASK = [{ role: "user", content: "What is the weather in Paris?" }];
const PARAMETERS = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const TOOL = {
  type: "function",
  function: { name: "get_weather", description: "The weather of a city", parameters: PARAMETERS },
};
const PERSON = {
  type: "json_schema",
  json_schema: {
    name: "person",
    strict: true,
    schema: {
      type: "object",
      properties: { name: { type: "string" }, age: { type: "integer" } },
      required: ["name", "age"],
      additionalProperties: false,
    },
  },
};
const PIXEL =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const client = new OpenAI({ baseURL: `${GATEWAY}/v1`, apiKey: KEY, timeout: 20_000 });
const once = { maxRetries: 0 };

const say = (told) => console.log(JSON.stringify(told));
// The same monotonic clock that the upstream reads.
const now = () => Number(process.hrtime.bigint()) / 1e9;

async function check(name, action) {
  try {
    say({ check: name, ok: true, detail: (await action()) ?? "" });
  } catch (fault) {
    say({ check: name, ok: false, detail: `${fault.constructor.name}: ${fault.message}`.slice(0, 300) });
  }
}

async function raises(kind, action) {
  try {
    await action();
  } catch (fault) {
    assert.equal(fault.constructor.name, kind.name);
    return fault;
  }
  throw new Error(`no ${kind.name}`);
}

async function calls(native) {
  const headers = { authorization: `Bearer ${MOCK_SECRET}` };
  const journal = await (await fetch(`${MOCK}/__aimock/journal`, { headers })).json();
  return journal.filter((entry) => entry.body?.model === native);
}

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

const text = (chunks) => chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");

await check("plain", async () => {
  const answer = await client.chat.completions.create({ model: "mock/small", messages: USER });
  assert.equal(answer.choices[0].message.content, GREETING);
  assert.equal(answer.model, "mock/small");
  assert.ok(answer.usage.total_tokens > 0);
  assert.equal(answer.routing.selected_model, "mock/small");
  assert.ok(Number(answer.routing.cost_usd) > 0);
  return `cost ${answer.routing.cost_usd} USD`;
});

await check("plain, scored and routed among the demo models", async () => {
  let answer;
  // On a busy machine a decision may miss its deadline; then the answer says so.
  for (let tries = 0; tries < 10 && (!answer || answer.routing.degraded); tries += 1) {
    answer = await client.chat.completions.create({ model: "auto", messages: [{ role: "user", content: "hi" }] });
  }
  assert.equal(answer.routing.degraded, null);
  assert.ok(answer.routing.complexity >= 0 && answer.routing.complexity <= 0.3);
  return `${answer.model}: ${answer.routing.reason}`;
});

await check("stream, with the routing object on the first and the last chunk", async () => {
  const chunks = await collect(await client.chat.completions.create({ model: "mock/small", messages: USER, stream: true }));
  assert.equal(text(chunks), GREETING);
  const bearing = chunks.flatMap((chunk, index) => (chunk.routing ? [index] : []));
  assert.deepEqual(bearing, [0, chunks.length - 1]);
  assert.equal(chunks[0].routing.selected_model, "mock/small");
  assert.ok(Number(chunks.at(-1).routing.cost_usd) > 0);
  return `${chunks.length} chunks`;
});

await check("stream with usage", async () => {
  const options = { model: "mock/small", messages: USER, stream: true, stream_options: { include_usage: true } };
  const chunks = await collect(await client.chat.completions.create(options));
  assert.equal(chunks.filter((chunk) => chunk.usage).length, 1);
  assert.ok(chunks.at(-1).usage.completion_tokens > 0);
});

await check("stream helper that accumulates", async () => {
  const stream = client.chat.completions.stream({ model: "mock/small", messages: USER });
  assert.equal(await stream.finalContent(), GREETING);
});

async function toolRound(model) {
  const first = await client.chat.completions.create({ model, messages: ASK, tools: [TOOL], tool_choice: "auto" });
  const { message, finish_reason } = first.choices[0];
  const call = message.tool_calls[0];
  assert.deepEqual([call.function.name, finish_reason], ["get_weather", "tool_calls"]);
  assert.ok("city" in JSON.parse(call.function.arguments));
  const result = { role: "tool", tool_call_id: call.id, content: '{"sky": "clear", "celsius": 21}' };
  const second = await client.chat.completions.create({ model, messages: [...ASK, message, result], tools: [TOOL] });
  assert.equal(second.choices[0].finish_reason, "stop");
  assert.ok(second.choices[0].message.content);
  return second.choices[0].message.content.slice(0, 60);
}
await check("tools: call and follow-up (mock)", () => toolRound("mock/small"));
await check("tools: call and follow-up (demo)", () => toolRound("demo/medium"));

await check("tools in a loop of the library, streamed (demo)", async () => {
  const asked = [];
  const get_weather = (given) => {
    asked.push(given);
    return '{"sky": "clear", "celsius": 21}';
  };
  const tool = { ...TOOL, function: { ...TOOL.function, function: get_weather, parse: JSON.parse } };
  const runner = client.chat.completions.runTools({ model: "demo/medium", messages: ASK, tools: [tool], stream: true });
  const said = await runner.finalContent();
  assert.equal(asked.length, 1);
  assert.ok("city" in asked[0] && said);
  return `called with ${JSON.stringify(asked[0])}`;
});

await check("structured output through the parse helper (demo)", async () => {
  const messages = [{ role: "user", content: "Ada is 36 years old: who is she?" }];
  const answer = await client.chat.completions.parse({ model: "demo/medium", messages, response_format: PERSON });
  const { parsed, content } = answer.choices[0].message;
  const person = parsed ?? JSON.parse(content);
  assert.deepEqual([typeof person.name, Number.isInteger(person.age)], ["string", true]);
  return JSON.stringify(person);
});

await check("structured output through the parse helper (mock)", async () => {
  const answer = await client.chat.completions.parse({ model: "mock/small", messages: USER, response_format: PERSON });
  const { parsed, content } = answer.choices[0].message;
  assert.deepEqual(parsed ?? JSON.parse(content), { name: "Ada", age: 36 });
});

await check("image part reaches the upstream as it was sent", async () => {
  const content = [
    { type: "text", text: `Look, ${WHO}.` },
    { type: "image_url", image_url: { url: PIXEL, detail: "low" } },
  ];
  await client.chat.completions.create({ model: "mock/large", messages: [{ role: "user", content }] });
  assert.deepEqual((await calls("large")).at(-1).body.messages[0].content, content);
});

await check("bad key: AuthenticationError", async () => {
  const wrong = new OpenAI({ baseURL: `${GATEWAY}/v1`, apiKey: "sk-sb-wrong", maxRetries: 0 });
  const fault = await raises(OpenAI.AuthenticationError, () => wrong.models.list());
  assert.deepEqual([fault.status, fault.type], [401, "authentication_error"]);
});

await check("unknown model: NotFoundError", async () => {
  const fault = await raises(OpenAI.NotFoundError, () =>
    client.chat.completions.create({ model: "mock/none", messages: USER }, once));
  assert.match(fault.message, /mock\/none/);
  return fault.code;
});

await check("bad body: BadRequestError that names the field", async () => {
  const empty = () => client.chat.completions.create({ model: "mock/small", messages: [] }, once);
  assert.equal((await raises(OpenAI.BadRequestError, empty)).param, "messages");
  const wrong = () => client.chat.completions.create({ model: "mock/small", messages: USER, tools: 7 }, once);
  assert.equal((await raises(OpenAI.BadRequestError, wrong)).param, "tools");
});

await check("upstream 429: RateLimitError with Retry-After", async () => {
  const fault = await raises(OpenAI.RateLimitError, () =>
    client.chat.completions.create({ model: `mock/${WHO}-429`, messages: USER }, once));
  const wait = Number(fault.headers.get("retry-after"));
  assert.ok(wait > 0 && wait <= 5, `retry-after ${wait}`);
  return `retry-after ${wait}`;
});

async function noRetry(kind) {
  const model = `${WHO}-${kind}`;
  const fault = await raises(OpenAI.InternalServerError, () =>
    client.chat.completions.create({ model: `mock/${model}`, messages: USER }));
  assert.deepEqual([fault.status, fault.headers.get("x-should-retry")], [502, "false"]);
  // A connection from the pool that breaks before a byte has come may be tried again, once, on a fresh one.
  const found = (await calls(model)).length;
  assert.ok(found === 1 || (found === 2 && kind === "gone"), `${found} calls of the upstream`);
  return `${fault.code}, ${found} upstream call(s)`;
}
await check("upstream 500: 502, and the library does not retry", () => noRetry("500"));
await check("upstream answers garbage: 502, no retry", () => noRetry("garbage"));
await check("upstream drops the connection: 502, no retry", () => noRetry("gone"));

await check("models.list()", async () => {
  const found = [];
  for await (const model of client.models.list()) found.push(model.id);
  for (const id of ["mock/small", "mock/large", "demo/small"]) assert.ok(found.includes(id), `${id} is missing`);
  return `${found.length} models`;
});

await check("raw response headers", async () => {
  const request = client.chat.completions.create({ model: "mock/small", messages: USER });
  const { data, response, request_id } = await request.withResponse();
  assert.equal(response.headers.get("x-routing-model"), "mock/small");
  assert.match(request_id, /^req_/);
  assert.equal(data._request_id, request_id);
  say({ row: request_id, outcome: "completed", what: `${WHO} with raw response` });
  return request_id;
});

await check("a router's own endpoint", async () => {
  const desk = new OpenAI({ baseURL: `${GATEWAY}/${ROUTER}`, apiKey: KEY, maxRetries: 0 });
  const answer = await desk.chat.completions.create({ model: "auto", messages: USER });
  assert.deepEqual([answer.model, answer.choices[0].message.content], ["mock/small", GREETING]);
  const chunks = await collect(await desk.chat.completions.create({ model: "auto", messages: USER, stream: true }));
  assert.equal(text(chunks), GREETING);
  return answer.routing.strategy;
});

for (const kind of FAULTS.split(",")) {
  await check(`mid-stream ${kind}: raises instead of returning part of the text`, async () => {
    let said = "";
    try {
      const options = { model: `faulty/${WHO}-mid-${kind}`, messages: USER, stream: true };
      for await (const chunk of await client.chat.completions.create(options)) said += text([chunk]);
    } catch (fault) {
      assert.ok(fault instanceof OpenAI.APIError, `${fault.constructor.name} is no APIError`);
      assert.ok(said, "no content before the fault");
      return `${fault.constructor.name} after ${said.length} characters: ${fault.message}`.slice(0, 90);
    }
    throw new Error(`the partial text was taken for a whole: ${said}`);
  });
}

await check("leaves in the middle of a stream", async () => {
  const model = `${WHO}-leave-middle-0`;
  const stream = await client.chat.completions.create({ model: `patient/${model}`, messages: USER, stream: true });
  let seen = 0;
  let at;
  for await (const chunk of stream) {
    seen += chunk.choices[0]?.delta.content ? 1 : 0;
    if (seen === 2) {
      at = now();
      stream.controller.abort();
      break;
    }
  }
  say({ left: model, when: "mid-stream", at });
});

await check("leaves before the first token", async () => {
  const model = `${WHO}-leave-early-0`;
  const leaving = new AbortController();
  let at;
  setTimeout(() => {
    at = now();
    leaving.abort();
  }, 400);
  await raises(OpenAI.APIUserAbortError, () =>
    client.chat.completions.create({ model: `patient/${model}`, messages: USER, stream: true }, { signal: leaving.signal }));
  say({ left: model, when: "before the first token", at });
});
