// The `ai` package of npm with `@ai-sdk/openai-compatible` against the gateway.

import assert from "node:assert/strict";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, Output, embedMany, generateText, isStepCount, jsonSchema, streamText, tool } from "ai";
import {
  GATEWAY, GREETING, HELLO, KEY, PARAMETERS, PERSON, SKY, WEATHER, WHO, breaks, check, each, now, say,
} from "./probe.mjs";

const speaking = (apiKey) =>
  createOpenAICompatible({
    name: "signalbox", baseURL: `${GATEWAY}/v1`, apiKey, includeUsage: true, supportsStructuredOutputs: true,
  });
const signalbox = speaking(KEY);
const once = { maxRetries: 0, prompt: HELLO };
// The library prints what goes wrong in a stream unless it is told where to.
const quiet = { onError: () => {} };

function counted(usage) {
  assert.deepEqual([usage.inputTokens, usage.outputTokens], [11, 7]);
}

await each("plain", async (slug) => {
  const answer = await generateText({ ...once, model: signalbox(`${slug}/small`) });
  assert.deepEqual([answer.text, answer.finishReason], [GREETING, "stop"]);
  assert.equal(answer.response.modelId, `${slug}/small`);
  counted(answer.usage);
});

await each("stream", async (slug) => {
  const answer = streamText({ ...once, ...quiet, model: signalbox(`${slug}/small`) });
  let said = "";
  for await (const piece of answer.textStream) said += piece;
  assert.deepEqual([said, await answer.text, await answer.finishReason], [GREETING, GREETING, "stop"]);
  counted(await answer.usage);
});

const toolsFor = (asked) => ({
  get_weather: tool({
    description: "The weather of a city",
    inputSchema: jsonSchema(PARAMETERS),
    execute: async (given) => {
      asked.push(given);
      return JSON.parse(SKY);
    },
  }),
});

await each("tools in a loop of the library", async (slug) => {
  const asked = [];
  const more = { tools: toolsFor(asked), stopWhen: isStepCount(3), maxRetries: 0, prompt: WEATHER };
  const answer = await generateText({ ...more, model: signalbox(`${slug}/small`) });
  assert.deepEqual([asked, answer.text], [[{ city: "Paris" }], "It is mild in Paris."]);
});

await each("tools in a loop of the library, streamed", async (slug) => {
  const asked = [];
  const more = { ...quiet, tools: toolsFor(asked), stopWhen: isStepCount(3), maxRetries: 0, prompt: WEATHER };
  const answer = streamText({ ...more, model: signalbox(`${slug}/small`) });
  assert.deepEqual([await answer.text, asked], ["It is mild in Paris.", [{ city: "Paris" }]]);
});

await each("structured output", async (slug) => {
  const output = Output.object({ schema: jsonSchema(PERSON) });
  const answer = await generateText({ ...once, model: signalbox(`${slug}/person`), output });
  assert.deepEqual(answer.output, { name: "Ada", age: 36 });
});

await each("embeddings", async (slug) => {
  const model = signalbox.embeddingModel(`${slug}/vectors`);
  const { embeddings } = await embedMany({ model, values: ["one", "two"], maxRetries: 0 });
  assert.equal(embeddings.length, 2);
  assert.ok(embeddings.every((row) => row.length > 0));
}, ["mock", "mock-responses"]);

await check("errors keep their status", async () => {
  for (const [status, model] of [
    [401, speaking("sk-sb-wrong")("mock/small")], [404, signalbox("mock/none")], [429, signalbox(`mock/${WHO}-429`)],
  ]) {
    const fault = await generateText({ ...once, model }).then(() => assert.fail(`no ${status}`), (caught) => caught);
    assert.ok(APICallError.isInstance(fault), fault.message);
    assert.equal(fault.statusCode, status);
  }
});

await breaks(async (model, hear) => {
  for await (const part of streamText({ ...once, ...quiet, model: signalbox(model) }).fullStream) {
    if (part.type === "text-delta") hear(part.text);
    // What the stream says of its fault, the way applications of this library learn of it.
    if (part.type === "error") throw part.error instanceof Error ? part.error : new Error(JSON.stringify(part.error));
  }
});

await check("leaves in the middle of a stream", async () => {
  const model = `${WHO}-leave-middle-0`;
  const leaving = new AbortController();
  const answer = streamText({
    ...once, ...quiet, model: signalbox(`patient/${model}`), abortSignal: leaving.signal,
  });
  let at;
  for await (const part of answer.fullStream) {
    if (part.type === "text-delta" && at === undefined) {
      at = now();
      leaving.abort();
    }
  }
  say({ left: model, when: "mid-stream", at });
});
