// Google's batches with its official SDK for Node. SLUICE_URL names the server, SLUICE_KEY and SLUICE_OTHER_KEY two keys that
// have nothing to do with each other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, GoogleGenAI, JobState } from '@google/genai';

const client = (apiKey) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: process.env.SLUICE_URL } });
const [mine, other] = [client(process.env.SLUICE_KEY), client(process.env.SLUICE_OTHER_KEY)];
const unknown = (call) => assert.rejects(call, (error) => error instanceof ApiError && error.status === 404);
const model = 'gemini/gemini-mock';
const names = async (who) => {
  const found = [];
  for await (const job of await who.batches.list()) found.push(job.name);
  return found;
};

test('a batch of requests that stand in it', async () => {
  const src = [{ contents: [{ role: 'user', parts: [{ text: 'Hello' }] }] }];
  const job = await mine.batches.create({ model, src, config: { displayName: 'night' } });
  assert.match(job.name, /^batches\/b\d+$/);
  const same = await mine.batches.get({ name: job.name });
  assert.equal(same.state, JobState.JOB_STATE_SUCCEEDED);
  assert.equal(same.model, 'models/gemini/gemini-mock');
  assert.equal(same.dest.inlinedResponses[0].response.candidates[0].content.parts[0].text, 'pong');
  await unknown(() => other.batches.get({ name: job.name }));
  await unknown(() => other.batches.cancel({ name: job.name }));
  await unknown(() => other.batches.delete({ name: job.name }));
  assert.deepEqual([await names(mine), await names(other)], [[job.name], []]);
  await mine.batches.cancel({ name: job.name });
  await mine.batches.delete({ name: job.name });
  await unknown(() => mine.batches.get({ name: job.name }));
});

test('a batch of requests in a file', async () => {
  const line = JSON.stringify({ key: 'one', request: { contents: [{ parts: [{ text: 'Hello' }] }] } });
  const file = await mine.files.upload({ file: new Blob([`${line}\n`]), config: { mimeType: 'application/jsonl' } });
  const job = await mine.batches.create({ model, src: file.name });
  const { dest } = await mine.batches.get({ name: job.name });
  assert.match(dest.fileName, /^files\/batch-/);
  assert.equal((await mine.files.get({ name: dest.fileName })).name, dest.fileName);
  await unknown(() => other.files.get({ name: dest.fileName }));
  await mine.batches.delete({ name: job.name });
});
