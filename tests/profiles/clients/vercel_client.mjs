// Vercel's AI SDK. Usage: BASE_URL API_KEY MODEL EMBEDDINGS_MODEL; prints a JSON document.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

// The packages are those of the working directory, not of this file's.
const load = (name) => import(pathToFileURL(createRequire(join(process.cwd(), "client.mjs")).resolve(name)));
const { embedMany, generateText, streamText } = await load("ai");
const { createOpenAICompatible } = await load("@ai-sdk/openai-compatible");

const [baseURL, apiKey, model, embeddingsModel] = process.argv.slice(2);
const provider = createOpenAICompatible({ name: "neurongate", baseURL, apiKey, includeUsage: true });
const options = { model: provider(model), maxRetries: 0 };

const reply = await generateText({ ...options, prompt: "Hello there, Vercel" });
const pieces = [];
const streamed = streamText({ ...options, prompt: "nonce=ai chunks=5" });
for await (const piece of streamed.textStream) pieces.push(piece);
const { embeddings } = await embedMany({
  model: provider.textEmbeddingModel(embeddingsModel), values: ["one", "two words", "three"], maxRetries: 0,
});
console.log(JSON.stringify({
  content: reply.text,
  model: reply.response.modelId,
  usage: [reply.usage.inputTokens, reply.usage.outputTokens],
  streamed_tokens: (await streamed.usage).outputTokens,
  pieces,
  vectors: embeddings,
}));
