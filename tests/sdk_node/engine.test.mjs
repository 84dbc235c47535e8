// Both official SDKs for Node on the real engine behind `auto`. SLUICE_URL and SLUICE_KEY name the server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

const question = [{ role: 'user', content: 'What is 2+2?' }];
const settings = { model: 'auto', messages: question, max_tokens: 16, temperature: 0 };

test('OpenAI: a streamed answer', async () => {
  const client = new OpenAI({ baseURL: `${process.env.SLUICE_URL}/v1`, apiKey: process.env.SLUICE_KEY, maxRetries: 0 });
  let text = '';
  for await (const chunk of await client.chat.completions.create({ ...settings, stream: true })) text += chunk.choices[0]?.delta?.content ?? '';
  assert.ok(text.trim(), 'an answer of a model has text');
});

test('Anthropic: a streamed answer', async () => {
  const client = new Anthropic({ baseURL: process.env.SLUICE_URL, apiKey: process.env.SLUICE_KEY, maxRetries: 0 });
  const message = await client.messages.stream(settings).finalMessage();
  assert.ok(message.content[0].text.trim(), 'an answer of a model has text');
  assert.ok(message.usage.output_tokens > 0);
});
