// Vercel's AI SDK by its default provider: a loop of two turns with a tool.
// usage: node aisdk.mjs BASE_URL KEY MODEL PROVIDER STORE
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const [, , baseURL, apiKey, model, vendor, store] = process.argv;
const provider = vendor === "anthropic" ? createAnthropic({ baseURL, apiKey }) : createOpenAI({ baseURL, apiKey });
const asked = {
  model: provider(model),
  prompt: "What is the weather in Oslo?",
  stopWhen: stepCountIs(3),
  tools: {
    weather: tool({
      description: "The weather of a city",
      inputSchema: z.object({ city: z.string() }),
      execute: async ({ city }) => `cold in ${city}`,
    }),
  },
  ...(store === "default" || vendor === "anthropic" ? {} : { providerOptions: { openai: { store: store === "true" } } }),
};
const plain = await generateText(asked);
const streamed = streamText(asked);
let text = "";
for await (const piece of streamed.textStream) text += piece;
console.log(
  JSON.stringify({
    plain: plain.text,
    steps: plain.steps.length,
    calls: plain.steps[0].toolCalls.map((call) => [call.toolName, call.input]),
    usage: plain.totalUsage.inputTokens,
    streamed: text,
    finish: await streamed.finishReason,
    streamedUsage: (await streamed.totalUsage).inputTokens,
  }),
);
