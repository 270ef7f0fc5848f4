// Usage: node client.mjs BASE_URL API_KEY SCENARIO [MODEL]
// Plays one scenario with OpenAI's SDK (found in the working directory's node_modules); prints one JSON document.
import { createRequire } from "node:module";
import { join } from "node:path";

const OpenAI = createRequire(join(process.cwd(), "client.mjs"))("openai").default;
const [baseURL, apiKey, scenario, model = "gpt-4o"] = process.argv.slice(2);

const statuses = [];
const countingFetch = async (url, init) => {
  const response = await fetch(url, init);
  statuses.push(response.status);
  return response;
};
const connect = (options) => new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 20_000, fetch: countingFetch, ...options });
const client = connect();
const ask = (content) => ({ model, messages: [{ role: "user", content }] });

async function caught(promise) {
  try {
    await promise;
    return { class: null };
  } catch (error) {
    const { status, code, type, param } = error;
    return { class: error.constructor.name, status, code, type, param, has_request_id: Boolean(error.requestID) };
  }
}

const scenarios = {
  async chat() {
    const reply = await client.chat.completions.create(ask("Hello there"));
    const { content } = reply.choices[0].message;
    return { content, finish_reason: reply.choices[0].finish_reason, model: reply.model, usage: reply.usage };
  },

  async stream() {
    const events = await client.chat.completions.create({
      ...ask("nonce=n1 chunks=20"), stream: true, stream_options: { include_usage: true },
    });
    const seen = { pieces: [], finish_reasons: [], usage: null, models: new Set() };
    for await (const chunk of events) {
      seen.models.add(chunk.model);
      seen.usage = chunk.usage ?? seen.usage;
      for (const choice of chunk.choices) {
        if (choice.delta.content) seen.pieces.push(choice.delta.content);
        if (choice.finish_reason) seen.finish_reasons.push(choice.finish_reason);
      }
    }
    return { ...seen, models: [...seen.models] };
  },

  async tools() {
    const events = client.chat.completions.stream({
      ...ask("Oslo and Rome"),
      tools: [{ type: "function", function: { name: "weather", parameters: { type: "object", properties: {} } } }],
    });
    const { message, finish_reason } = (await events.finalChatCompletion()).choices[0];
    return { finish_reason, calls: message.tool_calls.map((call) => [call.id, call.function.name, call.function.arguments]) };
  },

  async embeddings() {
    const reply = await client.embeddings.create({ model, input: ["one", "two words"] });
    return { vectors: reply.data.map((one) => one.embedding), usage: reply.usage };
  },

  async models() {
    const ids = [];
    for await (const card of client.models.list()) ids.push(card.id);
    return { ids };
  },

  async errors() {
    const good = ask("x");
    return {
      wrong_key: await caught(connect({ apiKey: "sk-wrong" }).chat.completions.create(good)),
      no_messages: await caught(client.chat.completions.create({ model })),
      no_route: await caught(client.post("/no/such/path", { body: {} })),
    };
  },

  async refused() {
    return await caught(client.chat.completions.create(ask("x")));
  },

  async cut() {
    const events = await client.chat.completions.create({ ...ask("x"), stream: true });
    let text = "";
    const failure = await caught((async () => {
      for await (const chunk of events) text += chunk.choices[0]?.delta?.content ?? "";
    })());
    return { text, failed: failure.class !== null };
  },

  async choices() {
    const reply = await client.chat.completions.create({ ...ask("Hello"), n: 3 });
    return { contents: reply.choices.map((choice) => choice.message.content), indexes: reply.choices.map((one) => one.index) };
  },

  async unknown() {
    return await client.chat.completions.create({ ...ask("x"), unheard_of: { deep: [1] } });
  },

  async retries() {
    const reply = await connect({ maxRetries: 2 }).chat.completions.create(ask("x"));
    return { content: reply.choices[0].message.content };
  },
};

console.log(JSON.stringify({ ...(await scenarios[scenario]()), statuses }));
