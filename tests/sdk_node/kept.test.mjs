// What is kept beyond a request, with the official Node SDKs. SLUICE_URL names the server, SLUICE_KEY and SLUICE_OTHER_KEY two
// keys that have nothing to do with each other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI, { toFile } from 'openai';

const { SLUICE_URL: url, SLUICE_KEY: key, SLUICE_OTHER_KEY: otherKey } = process.env;
const openai = (apiKey) => new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
const anthropic = (apiKey) => new Anthropic({ baseURL: url, apiKey, maxRetries: 0 });
const [mine, other] = [openai(key), openai(otherKey)];
const [claude, otherClaude] = [anthropic(key), anthropic(otherKey)];
const model = 'openai/m';

const upload = (client = mine, purpose = 'batch') => toFile(Buffer.from('{"a":1}\n'), 'a.jsonl').then((file) => client.files.create({ file, purpose }));
// Each of the calls is answered as if the thing had never been.
const unknown = async (...calls) => {
  for (const call of calls) await assert.rejects(call, OpenAI.NotFoundError, String(call));
};
const all = async (list) => {
  const ids = [];
  for await (const one of list) ids.push(one.id);
  return ids;
};

test('files', async () => {
  const file = await upload();
  assert.equal((await mine.files.retrieve(file.id)).id, file.id);
  assert.match(await (await mine.files.content(file.id)).text(), /\{"a":1\}/);
  assert.ok((await all(mine.files.list({ limit: 1 }))).includes(file.id));
  assert.ok(!(await all(other.files.list({ limit: 1 }))).includes(file.id));
  await unknown(() => other.files.retrieve(file.id), () => other.files.content(file.id), () => other.files.delete(file.id), () => other.files.list({ after: file.id }));
  assert.ok((await mine.files.delete(file.id)).deleted);
  await unknown(() => mine.files.retrieve(file.id));
});

test('uploads, and the file that one becomes', async () => {
  const started = await mine.uploads.create({ bytes: 3, filename: 'a', mime_type: 'text/plain', purpose: 'assistants' });
  const part = await mine.uploads.parts.create(started.id, { data: await toFile(Buffer.from('abc'), 'part') });
  await unknown(() => other.uploads.complete(started.id, { part_ids: [part.id] }), () => other.uploads.cancel(started.id));
  const done = await mine.uploads.complete(started.id, { part_ids: [part.id] });
  assert.equal((await mine.files.retrieve(done.file.id)).id, done.file.id);
  await unknown(() => other.files.retrieve(done.file.id));
  // Its lines could name what is another's, and nobody sees a line that is cut.
  const inParts = mine.uploads.create({ bytes: 3, filename: 'a', mime_type: 'text/plain', purpose: 'batch' });
  await assert.rejects(inParts, (error) => error.status === 400 && error.param === 'purpose');
});

test('batches, and what they make', async () => {
  const file = await upload();
  const wanted = { input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h' };
  const batch = await mine.batches.create(wanted);
  assert.equal((await mine.batches.retrieve(batch.id)).id, batch.id);
  assert.deepEqual(await all(mine.batches.list({ limit: 1 })), [batch.id]);
  assert.deepEqual(await all(other.batches.list()), []);
  await unknown(() => other.batches.create(wanted), () => other.batches.retrieve(batch.id), () => other.batches.cancel(batch.id));
  const done = await mine.batches.cancel(batch.id);
  assert.equal(await (await mine.files.content(done.output_file_id)).text(), 'results');
  await unknown(() => other.files.content(done.output_file_id));
});

test('vector stores and their files', async () => {
  const file = await upload(mine, 'assistants');
  const store = await mine.vectorStores.create({ name: 'notes', file_ids: [file.id] });
  await mine.vectorStores.files.create(store.id, { file_id: file.id });
  assert.equal((await all(mine.vectorStores.files.list(store.id))).length, 1);
  assert.ok((await all(mine.vectorStores.list())).includes(store.id));
  const theirs = await other.vectorStores.create({ name: 'theirs' });
  await unknown(
    () => other.vectorStores.retrieve(store.id), () => other.vectorStores.files.list(store.id), () => other.vectorStores.create({ file_ids: [file.id] }),
    () => other.vectorStores.files.create(theirs.id, { file_id: file.id }),
    () => other.responses.create({ model, input: 'find', tools: [{ type: 'file_search', vector_store_ids: [store.id] }] }));
  assert.ok((await mine.vectorStores.delete(store.id)).deleted);
});

test('conversations and their items', async () => {
  const conversation = await mine.conversations.create({ metadata: { topic: 'ping' } });
  const added = await mine.conversations.items.create(conversation.id, { items: [{ type: 'message', role: 'user', content: 'hi' }] });
  assert.deepEqual(await all(mine.conversations.items.list(conversation.id)), [added.data[0].id]);
  assert.ok((await mine.responses.create({ model, input: 'go on', conversation: conversation.id })).output_text);
  const item = { type: 'item_reference', id: added.data[0].id };
  assert.ok((await mine.responses.create({ model, input: [item] })).output_text);
  await unknown(
    () => other.conversations.retrieve(conversation.id), () => other.conversations.items.list(conversation.id), () => other.conversations.delete(conversation.id),
    () => other.responses.create({ model, input: 'go on', conversation: { id: conversation.id } }), () => other.responses.create({ model, input: [item] }));
});

test('containers and their files', async () => {
  const container = await mine.containers.create({ name: 'work' });
  const file = await mine.containers.files.create(container.id, { file: await toFile(Buffer.from('abc'), 'a') });
  assert.match(await (await mine.containers.files.content.retrieve(file.id, { container_id: container.id })).text(), /abc/);
  const tools = [{ type: 'code_interpreter', container: container.id }];
  assert.ok((await mine.responses.create({ model, input: 'compute', tools })).output_text);
  await unknown(
    () => other.containers.retrieve(container.id), () => other.containers.files.list(container.id), () => other.containers.files.retrieve(file.id, { container_id: container.id }),
    () => other.responses.create({ model, input: 'compute', tools }));
  await mine.containers.delete(container.id);
});

test('fine-tuning jobs', async () => {
  const file = await upload(mine, 'fine-tune');
  const wanted = { model: 'gpt-small', training_file: file.id };
  const job = await mine.fineTuning.jobs.create(wanted);
  assert.equal((await mine.fineTuning.jobs.retrieve(job.id)).id, job.id);
  assert.deepEqual(await all(mine.fineTuning.jobs.list()), [job.id]);
  await unknown(() => other.fineTuning.jobs.create(wanted), () => other.fineTuning.jobs.retrieve(job.id), () => other.fineTuning.jobs.cancel(job.id));
});

test('responses', async () => {
  const first = await mine.responses.create({ model, input: 'remember me' });
  assert.ok((await mine.responses.create({ model, input: 'and now?', previous_response_id: first.id })).output_text);
  assert.equal((await mine.responses.retrieve(first.id)).id, first.id);
  await unknown(
    () => other.responses.retrieve(first.id), () => other.responses.inputItems.list(first.id), () => other.responses.delete(first.id), () => other.responses.cancel(first.id),
    () => other.responses.create({ model, input: 'and now?', previous_response_id: first.id }));
  await mine.responses.delete(first.id);
  await unknown(() => mine.responses.retrieve(first.id));
});

test("Anthropic's files, by cursors", async () => {
  const file = await claude.files.upload({ file: await toFile(Buffer.from('1'), 'a.txt', { type: 'text/plain' }) });
  await otherClaude.files.upload({ file: await toFile(Buffer.from('2'), 'b.txt', { type: 'text/plain' }) });
  assert.equal((await claude.files.retrieveMetadata(file.id)).id, file.id);
  assert.match(await (await claude.files.download(file.id)).text(), /1/);
  assert.ok((await all(claude.files.list({ limit: 1 }))).includes(file.id));
  assert.ok(!(await all(otherClaude.files.list({ limit: 1 }))).includes(file.id));
  for (const call of [() => otherClaude.files.retrieveMetadata(file.id), () => otherClaude.files.download(file.id), () => otherClaude.files.delete(file.id)])
    await assert.rejects(call, Anthropic.NotFoundError);
  await claude.files.delete(file.id);
});

test("Anthropic's batches and their results", async () => {
  const params = { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] };
  const batch = await claude.messages.batches.create({ requests: [{ custom_id: '1', params }] });
  assert.equal((await claude.messages.batches.retrieve(batch.id)).id, batch.id);
  assert.ok((await all(claude.messages.batches.list({ limit: 1 }))).includes(batch.id));
  assert.deepEqual(await all(otherClaude.messages.batches.list()), []);
  const results = [];
  for await (const one of await claude.messages.batches.results(batch.id)) results.push(one.custom_id);
  assert.deepEqual(results, ['1']);
  for (const call of [() => otherClaude.messages.batches.retrieve(batch.id), () => otherClaude.messages.batches.cancel(batch.id), () => otherClaude.messages.batches.delete(batch.id)])
    await assert.rejects(call, Anthropic.NotFoundError);
});

test("Anthropic's containers, whole and streamed", async () => {
  const asked = { model: 'anthropic/m', max_tokens: 64, tools: [{ type: 'code_execution_20250825', name: 'code_execution' }], messages: [{ role: 'user', content: 'plot it' }] };
  for (const run of [(client, more) => client.messages.create({ ...asked, ...more }), (client, more) => client.messages.stream({ ...asked, ...more }).finalMessage()]) {
    const made = await run(claude);
    const file = made.content[1].content.content[0].file_id;
    assert.equal((await run(claude, { container: made.container.id })).container.id, made.container.id);
    assert.equal(await (await claude.files.download(file)).text(), 'plot');
    for (const call of [() => run(otherClaude, { container: made.container.id }), () => run(otherClaude, { container: { id: made.container.id } }), () => otherClaude.files.download(file)])
      await assert.rejects(call, Anthropic.NotFoundError);
  }
});
