// Google's files with its official SDK for Node. SLUICE_URL names the server, SLUICE_KEY and SLUICE_OTHER_KEY two keys that have
// nothing to do with each other, BOOK a file of text.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ApiError, GoogleGenAI, createPartFromUri } from '@google/genai';

const client = (apiKey) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: process.env.SLUICE_URL } });
const [mine, other] = [client(process.env.SLUICE_KEY), client(process.env.SLUICE_OTHER_KEY)];
const unknown = (call) => assert.rejects(call, (error) => error instanceof ApiError && error.status === 404);

test('a file, and an answer about it', async () => {
  const file = await mine.files.upload({ file: process.env.BOOK, config: { mimeType: 'text/plain', displayName: 'a book' } });
  assert.match(file.name, /^files\/f\d+$/);
  assert.equal((await mine.files.get({ name: file.name })).displayName, 'a book');
  const ask = (who) =>
    who.models.generateContent({ model: 'gemini/gemini-mock', contents: [createPartFromUri(file.uri, file.mimeType), 'What is it?'] });
  assert.ok((await ask(mine)).text.includes(file.name));
  await unknown(() => ask(other));
  await unknown(() => other.files.get({ name: file.name }));
  await unknown(() => other.files.delete({ name: file.name }));
  const names = [];
  for await (const one of await mine.files.list()) names.push(one.name);
  assert.deepEqual(names, [file.name]);
  const copy = join(process.env.HOME, 'copy.txt');
  await mine.files.download({ file, downloadPath: copy });
  await mine.files.delete({ name: file.name });
  await unknown(() => mine.files.get({ name: file.name }));
  for (let n = 0; n < 50; n += 1) {
    if ((await readFile(copy).catch(() => '')).length > 0) break; // the SDK does not wait for its own writing
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.deepEqual(await readFile(copy), await readFile(process.env.BOOK));
});
