// Google's cached contents with its official SDK for Node. SLUICE_URL names the server, SLUICE_KEY and SLUICE_OTHER_KEY two keys
// that have nothing to do with each other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, GoogleGenAI } from '@google/genai';

const client = (apiKey) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: process.env.SLUICE_URL } });
const [mine, other] = [client(process.env.SLUICE_KEY), client(process.env.SLUICE_OTHER_KEY)];
const unknown = (call) => assert.rejects(call, (error) => error instanceof ApiError && error.status === 404);

for (const provider of ['gemini', 'vertex']) {
  test(`${provider}: a cache, and an answer from it`, async () => {
    const cache = await mine.caches.create({
      model: `${provider}/gemini-mock`,
      config: { contents: 'a long book', systemInstruction: 'You know this book by heart.', ttl: '3600s' },
    });
    assert.match(cache.name, /^cachedContents\/c\d+$/);
    assert.equal((await mine.caches.get({ name: cache.name })).model, `models/${provider}/gemini-mock`);
    const ask = (who) => who.models.generateContent({ model: cache.model, contents: 'Who is it?', config: { cachedContent: cache.name } });
    assert.ok((await ask(mine)).text.endsWith(cache.name));
    await unknown(() => ask(other));
    await unknown(() => other.caches.get({ name: cache.name }));
    await unknown(() => other.caches.delete({ name: cache.name }));
    assert.equal((await mine.caches.update({ name: cache.name, config: { ttl: '7200s' } })).name, cache.name);
    const names = [];
    for await (const one of await mine.caches.list({ config: { pageSize: 1 } })) names.push(one.name);
    assert.deepEqual(names, provider === 'gemini' ? [cache.name] : []); // the list is of the usual keeper
    await mine.caches.delete({ name: cache.name });
    await unknown(() => mine.caches.get({ name: cache.name }));
  });
}
