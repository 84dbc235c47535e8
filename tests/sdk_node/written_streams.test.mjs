// Streams that Sluice has written, read by the official SDKs' own parsers. SLUICE_STREAMS is a folder with DIALECT/NAME.sse.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import OpenAI from 'openai';

let bytes = Buffer.alloc(0);
const canned = async () => new Response(bytes, { headers: { 'content-type': 'text/event-stream' } });
const openai = new OpenAI({ apiKey: 'k', baseURL: 'http://sluice/v1', maxRetries: 0, fetch: canned });
const anthropic = new Anthropic({ apiKey: 'k', baseURL: 'http://sluice', maxRetries: 0, fetch: canned });
const google = new GoogleGenAI({ apiKey: 'k', httpOptions: { baseUrl: 'http://sluice' } });
globalThis.fetch = canned;  // Google's SDK takes no other
const messages = [{ role: 'user', content: 'x' }];

// Each gives the ids of the answer's calls of tools, after checking what its dialect promises.
const readers = {
  async openai_chat() {
    const stream = openai.chat.completions.stream({ model: 'm', messages });
    const reasons = [];
    stream.on('chunk', (chunk) => reasons.push(...chunk.choices.map((choice) => choice.finish_reason).filter(Boolean)));
    const answer = await stream.finalChatCompletion();
    assert.equal(reasons.length, 1);
    return (answer.choices[0].message.tool_calls ?? []).map((call) => call.id);
  },
  async openai_responses() {
    const numbers = [];
    let last = null;
    for await (last of await openai.responses.create({ model: 'm', input: 'x', stream: true })) numbers.push(last.sequence_number);
    assert.deepEqual(numbers, [...numbers.keys()]);
    assert.match(last.type, /^response\.(completed|incomplete)$/);
    assert.ok(last.response.usage.total_tokens >= 0);
    return last.response.output.filter((item) => /_call$/.test(item.type)).map((item) => item.call_id);
  },
  async anthropic_messages() {
    const answer = await anthropic.messages.stream({ model: 'm', max_tokens: 9, messages }).finalMessage();
    assert.ok(answer.stop_reason && answer.usage.output_tokens >= 0);
    return answer.content.filter((block) => block.type === 'tool_use').map((block) => block.id);
  },
  async gemini() {
    const chunks = [];
    for await (const chunk of await google.models.generateContentStream({ model: 'm', contents: 'x' })) chunks.push(chunk);
    assert.equal(chunks.flatMap((chunk) => chunk.candidates ?? []).filter((candidate) => candidate.finishReason).length, 1);
    return chunks.flatMap((chunk) => chunk.functionCalls ?? []).map((call) => call.id).filter(Boolean);
  },
};

for (const [dialect, read] of Object.entries(readers)) {
  test(`${dialect}: every stream is read`, async () => {
    const folder = join(process.env.SLUICE_STREAMS, dialect);
    const files = readdirSync(folder);
    assert.ok(files.length > 20);
    const faults = [];
    for (const file of files) {
      bytes = readFileSync(join(folder, file));
      try {
        const ids = await read();
        assert.equal(new Set(ids).size, ids.length, `two calls have one id: ${ids}`);
      } catch (fault) {
        faults.push(`${file}: ${fault.message}`);
      }
    }
    assert.deepEqual(faults, []);
  });
}
