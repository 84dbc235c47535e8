// The Vercel AI SDK: each of its providers' dialects over every mock vendor, whole and streamed, with a tool loop.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { generateText, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';

const apiKey = process.env.SLUICE_KEY;
const v1 = `${process.env.SLUICE_URL}/v1`;
const openai = createOpenAI({ baseURL: v1, apiKey });
const google = createGoogleGenerativeAI({ baseURL: `${process.env.SLUICE_URL}/v1beta`, apiKey });
const clients = {
  chat: (model) => openai.chat(model),
  responses: (model) => openai.responses(model),
  anthropic: createAnthropic({ baseURL: v1, apiKey }),
  google: (model) => google(`models/${model}`),  // this client takes a name with a slash for a whole path
};
const vendors = {
  chat: 'mockai/gpt-mock', responses: 'mockresp/gpt-mock', anthropic: 'mockant/claude-mock', google: 'mockgem/gemini-mock', bedrock: 'mockbed/claude-mock',
};
const TEXT = 'Hello from the mock, in more than one chunk';
// The mock ends a call in Gemini's dialect with a reason that Gemini does not have, and this client believes it.
const hasToolLoop = (client, vendor) => !(client === 'google' && vendor === 'google');

for (const [client, make] of Object.entries(clients)) {
  for (const [vendor, name] of Object.entries(vendors)) {
    const model = make(name);

    test(`${client} over ${vendor}: text and a stream`, async () => {
      const whole = await generateText({ model, prompt: 'Hello', maxRetries: 0 });
      assert.equal(whole.text, TEXT);
      assert.deepEqual([whole.usage.inputTokens, whole.usage.outputTokens], [7, 5]);
      const streamed = streamText({ model, prompt: 'Hello', maxRetries: 0 });
      let text = '';
      for await (const piece of streamed.textStream) text += piece;
      assert.equal(text, TEXT);
      assert.equal(await streamed.finishReason, 'stop');
      assert.equal((await streamed.usage).totalTokens, 12);
    });

    if (!hasToolLoop(client, vendor)) continue;
    test(`${client} over ${vendor}: a tool loop, whole and streamed`, async () => {
      const asked = [];
      const question = {
        model,
        prompt: 'What is the weather in Paris?',
        maxRetries: 0,
        stopWhen: stepCountIs(3),
        tools: {
          get_weather: tool({
            description: 'The weather in a city',
            inputSchema: z.object({ city: z.string(), unit: z.string().optional() }),
            execute: async (input) => { asked.push(input); return 'sunny'; },
          }),
        },
      };
      assert.equal((await generateText(question)).text, 'It is sunny in Paris.');
      assert.equal(await streamText(question).text, 'It is sunny in Paris.');
      assert.deepEqual(asked, [{ city: 'Paris', unit: 'celsius' }, { city: 'Paris', unit: 'celsius' }]);
    });
  }
}
