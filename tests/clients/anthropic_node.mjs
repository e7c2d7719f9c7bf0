// The `@anthropic-ai/sdk` package of npm against the gateway, as an application would use it.

import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import {
  GATEWAY, GREETING, HELLO, KEY, PARAMETERS, SKY, WEATHER, WHO, breaks, check, each, now, raises, say,
} from "./probe.mjs";

const client = new Anthropic({ baseURL: GATEWAY, apiKey: KEY, maxRetries: 0, timeout: 20_000 });
const USER = [{ role: "user", content: HELLO }];
const ASK = [{ role: "user", content: WEATHER }];
const TOOL = { name: "get_weather", description: "The weather of a city", input_schema: PARAMETERS };
const text = (message) => message.content.map((block) => (block.type === "text" ? block.text : "")).join("");

function whole(message, slug, reason) {
  assert.deepEqual([message.model, message.stop_reason, message.role], [`${slug}/small`, reason, "assistant"]);
  assert.deepEqual([message.usage.input_tokens, message.usage.output_tokens], [11, 7]);
}

await each("plain", async (slug) => {
  const message = await client.messages.create({ model: `${slug}/small`, max_tokens: 100, messages: USER });
  whole(message, slug, "end_turn");
  assert.equal(text(message), GREETING);
  assert.equal(message.routing.selected_model, `${slug}/small`);
});

await each("stream, accumulated", async (slug) => {
  const stream = client.messages.stream({ model: `${slug}/small`, max_tokens: 100, messages: USER });
  let said = "";
  stream.on("text", (piece) => (said += piece));
  const message = await stream.finalMessage();
  whole(message, slug, "end_turn");
  assert.deepEqual([said, text(message)], [GREETING, GREETING]);
});

await each("tools: call, streamed, and follow-up", async (slug) => {
  const more = { model: `${slug}/small`, max_tokens: 100, tools: [TOOL] };
  const first = await client.messages.stream({ ...more, messages: ASK }).finalMessage();
  whole(first, slug, "tool_use");
  const call = first.content.find((block) => block.type === "tool_use");
  assert.deepEqual([call.name, call.input], ["get_weather", { city: "Paris" }]);
  const result = { role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: SKY }] };
  const messages = [...ASK, { role: "assistant", content: first.content }, result];
  assert.equal(text(await client.messages.create({ ...more, messages })), "It is mild in Paris.");
});

await check("errors keep their classes", async () => {
  const ask = (model, by = client) => by.messages.create({ model, max_tokens: 9, messages: USER });
  const wrong = new Anthropic({ baseURL: GATEWAY, apiKey: "sk-sb-wrong", maxRetries: 0 });
  await raises(Anthropic.AuthenticationError, () => ask("mock/small", wrong));
  const fault = await raises(Anthropic.NotFoundError, () => ask("mock/none"));
  assert.equal(fault.error.error.type, "not_found_error");
  const limited = await raises(Anthropic.RateLimitError, () => ask(`mock/${WHO}-429`));
  assert.ok(Number(limited.headers.get("retry-after")) > 0);
});

await breaks(async (model, hear) => {
  const stream = client.messages.stream({ model, max_tokens: 100, messages: USER });
  stream.on("text", hear);
  await stream.finalMessage();
});

await check("leaves in the middle of a stream", async () => {
  const model = `${WHO}-leave-middle-0`;
  const stream = await client.messages.create({ model: `patient/${model}`, max_tokens: 100, messages: USER, stream: true });
  for await (const event of stream) {
    if (event.type === "content_block_delta") break;
  }
  const at = now();
  stream.controller.abort();
  say({ left: model, when: "mid-stream", at });
});
