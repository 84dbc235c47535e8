// The official OpenAI SDK for Node over mock vendors. SLUICE_URL and SLUICE_KEY name the server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';

const client = new OpenAI({ baseURL: `${process.env.SLUICE_URL}/v1`, apiKey: process.env.SLUICE_KEY, maxRetries: 0 });
const TEXT = 'Hello from the mock, in more than one chunk';
const hello = [{ role: 'user', content: 'Hello' }];
const tools = [{
  type: 'function',
  function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } },
}];

for (const model of ['mockai/gpt-mock', 'mockant/claude-mock']) {
  test(`${model}: text with usage and the headers that say where it came from`, async () => {
    const { data, response } = await client.chat.completions.create({ model, messages: hello }).withResponse();
    assert.equal(data.choices[0].message.content, TEXT);
    assert.equal(data.usage.total_tokens, 12);
    assert.equal(`${response.headers.get('x-sluice-provider')}/${response.headers.get('x-sluice-model')}`, model);
  });

  test(`${model}: a stream with usage at its end`, async () => {
    const stream = await client.chat.completions.create({ model, messages: hello, stream: true, stream_options: { include_usage: true } });
    let text = '';
    let usage = null;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta?.content ?? '';
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, TEXT);
    assert.deepEqual([usage.prompt_tokens, usage.completion_tokens], [7, 5]);
  });

  test(`${model}: the SDK's own tool runner comes to the end of its loop`, async () => {
    const asked = [];
    const runner = client.chat.completions.runTools({
      model,
      stream: true,
      messages: [{ role: 'user', content: 'What is the weather in Paris?' }],
      tools: [{ ...tools[0], function: { ...tools[0].function, parse: JSON.parse, function: (args) => { asked.push(args); return 'sunny'; } } }],
    });
    assert.equal(await runner.finalContent(), 'It is sunny in Paris.');
    assert.deepEqual(asked, [{ city: 'Paris', unit: 'celsius' }]);
  });
}

for (const model of ['mockai/gpt-mock', 'mockant/claude-mock', 'mockresp/gpt-mock', 'mockgem/gemini-mock']) {
  const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false };

  test(`${model}: an answer in the form of a schema, in both APIs`, async () => {
    const response_format = { type: 'json_schema', json_schema: { name: 'place', schema, strict: true } };
    const chat = await client.chat.completions.parse({ model, messages: [{ role: 'user', content: 'Where, as JSON?' }], response_format });
    assert.deepEqual(chat.choices[0].message.parsed, { city: 'Paris' });
    const format = { type: 'json_schema', name: 'place', schema, strict: true };
    const response = await client.responses.parse({ model, input: 'Where, as JSON?', text: { format } });
    assert.deepEqual(response.output_parsed, { city: 'Paris' });
  });

  test(`${model}: a response, whole and streamed, and the one that goes on from it`, async () => {
    const whole = await client.responses.create({ model, input: 'Hello' });
    assert.equal(whole.output_text, TEXT);
    assert.equal(whole.usage.total_tokens, 12);
    const stream = client.responses.stream({ model, input: 'Hello again', previous_response_id: whole.id });
    let text = '';
    stream.on('response.output_text.delta', (event) => { text += event.delta; });
    const last = await stream.finalResponse();
    assert.deepEqual([text, last.output_text], [TEXT, TEXT]);
    // A provider of the same API got the conversation in its place, and its answer passes as it is.
    if (!model.startsWith('mockresp/')) assert.equal(last.previous_response_id, whole.id);
    assert.equal((await client.responses.retrieve(last.id)).output_text, TEXT);
    assert.ok((await client.responses.inputItems.list(last.id)).data.length >= 1);
    await client.responses.delete(last.id);
    await assert.rejects(client.responses.retrieve(last.id), OpenAI.NotFoundError);
  });

  test(`${model}: a prompt's tokens are counted`, async () => {
    assert.ok((await client.responses.inputTokens.count({ model, input: 'river '.repeat(20) })).input_tokens > 5);
  });
}

test('embeddings, which the SDK asks for in base64', async () => {
  const { data, usage } = await client.embeddings.create({ model: 'mockai/text-embedding-3-small', input: ['one', 'two'] });
  assert.deepEqual(data.map((one) => [...one.embedding]), [[0.125, -0.5, 0.75], [0.125, -0.5, 0.75]]);
  assert.ok(usage.total_tokens >= 0);
});

test('one model is described, and an unknown one is not', async () => {
  for (const name of ['after-busy', 'mockai/gpt-mock']) assert.equal((await client.models.retrieve(name)).id, name);
  await assert.rejects(client.models.retrieve('no-such-model'), OpenAI.NotFoundError);
});

test('errors are the classes of the SDK', async () => {
  const stranger = new OpenAI({ baseURL: client.baseURL, apiKey: 'sk-sluice-wrong', maxRetries: 0 });
  await assert.rejects(stranger.chat.completions.create({ model: 'mockai/gpt-mock', messages: hello }), OpenAI.AuthenticationError);
  await assert.rejects(client.chat.completions.create({ model: 'no-such-model', messages: hello }), OpenAI.NotFoundError);
  await assert.rejects(client.chat.completions.create({ model: 'mockai/gpt-mock', messages: 'hi' }), OpenAI.BadRequestError);
  await assert.rejects(client.chat.completions.create({ model: 'mockai/busy', messages: hello }), OpenAI.RateLimitError);
});

test('a stream that breaks is an error', async () => {
  const stream = await client.chat.completions.create({ model: 'mockai/cut', messages: hello, stream: true });
  await assert.rejects(async () => { for await (const _ of stream); }, OpenAI.APIError);
});

test('models are listed', async () => {
  const names = (await client.models.list()).data.map((model) => model.id);
  assert.ok(names.includes('after-busy'));
});
