// What the scripts of the clients share: how a check is told, and what they are told of the world.

import assert from "node:assert/strict";

export const { WHO, GATEWAY, KEY, GREETING } = process.env;
export const [MOCKS, FAULTY, BROKEN] = ["MOCKS", "FAULTY", "BROKEN"].map((name) => process.env[name].split(","));
export const HELLO = "Good day, who are you?";
export const WEATHER = "What is the weather in Paris?";
export const PARAMETERS = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
export const SKY = '{"sky": "clear", "celsius": 21}';
export const PERSON = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name", "age"],
  additionalProperties: false,
};

export const say = (told) => console.log(JSON.stringify(told));
// The same monotonic clock that the upstream reads.
export const now = () => Number(process.hrtime.bigint()) / 1e9;

export async function check(name, action) {
  try {
    say({ check: name, ok: true, detail: String((await action()) ?? "") });
  } catch (fault) {
    say({ check: name, ok: false, detail: `${fault?.constructor?.name}: ${fault?.message}`.slice(0, 400) });
  }
}

/** The same check at the provider of each dialect. */
export async function each(name, action, slugs = MOCKS) {
  for (const slug of slugs) await check(`${name}, by ${slug}`, () => action(slug));
}

export async function raises(kind, action) {
  try {
    await action();
  } catch (fault) {
    assert.equal(fault.constructor.name, kind.name);
    return fault;
  }
  throw new Error(`no ${kind.name}`);
}

/** No stream that broke off may be taken for a whole: `take` reads one that does, and hands on what it got. */
export async function breaks(take) {
  for (const slug of FAULTY) {
    for (const kind of BROKEN) {
      await check(`mid-stream ${kind} raises, by ${slug}`, async () => {
        let heard = "";
        let fault;
        try {
          await take(`${slug}/${WHO}-${slug}-mid-${kind}`, (piece) => (heard += piece));
        } catch (caught) {
          fault = caught;
        }
        assert.ok(fault, `taken for a whole: ${heard}`);
        assert.ok(heard, `no content before ${fault.constructor.name}: ${fault.message}`);
        return `${fault.constructor.name} after ${heard.length} characters`;
      });
    }
  }
}
