// The official Anthropic SDK for Node over mock vendors. SLUICE_URL and SLUICE_KEY name the server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';

const client = new Anthropic({ baseURL: process.env.SLUICE_URL, apiKey: process.env.SLUICE_KEY, maxRetries: 0 });
const TEXT = 'Hello from the mock, in more than one chunk';
const request = (model, text = 'Hello', more = {}) => ({ model, max_tokens: 64, messages: [{ role: 'user', content: text }], ...more });
const tools = [{ name: 'get_weather', input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } }];

for (const model of ['mockant/claude-mock', 'mockai/gpt-mock']) {
  test(`${model}: text with usage and the headers that say where it came from`, async () => {
    const { data, response } = await client.messages.create(request(model)).withResponse();
    assert.equal(data.content[0].text, TEXT);
    assert.deepEqual([data.usage.input_tokens, data.usage.output_tokens], [7, 5]);
    assert.equal(`${response.headers.get('x-sluice-provider')}/${response.headers.get('x-sluice-model')}`, model);
  });

  test(`${model}: a stream that the SDK puts together`, async () => {
    const stream = client.messages.stream(request(model));
    const pieces = [];
    stream.on('text', (piece) => pieces.push(piece));
    const message = await stream.finalMessage();
    assert.equal(message.content[0].text, TEXT);
    assert.ok(pieces.length > 1);
    assert.equal(message.stop_reason, 'end_turn');
    assert.deepEqual([message.usage.input_tokens, message.usage.output_tokens], [7, 5]);
  });

  test(`${model}: a streamed tool call and the turn after its result`, async () => {
    const first = await client.messages.stream(request(model, 'What is the weather in Paris?', { tools })).finalMessage();
    assert.equal(first.stop_reason, 'tool_use');
    const call = first.content.find((block) => block.type === 'tool_use');
    assert.deepEqual(call.input, { city: 'Paris', unit: 'celsius' });
    const second = await client.messages.create(request(model, '', {
      tools,
      messages: [
        { role: 'user', content: 'What is the weather in Paris?' },
        { role: 'assistant', content: first.content },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: 'sunny' }] },
      ],
    }));
    assert.equal(second.content[0].text, 'It is sunny in Paris.');
  });
}

for (const model of ['mockant/claude-mock', 'mockai/gpt-mock', 'mockresp/gpt-mock', 'mockgem/gemini-mock']) {
  test(`${model}: an answer in the form of a schema`, async () => {
    const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false };
    const message = await client.messages.create(request(model, 'Where, as JSON?', { output_config: { format: { type: 'json_schema', schema } } }));
    assert.deepEqual(JSON.parse(message.content[0].text), { city: 'Paris' });
  });

  test(`${model}: a prompt's tokens are counted`, async () => {
    const { max_tokens, ...prompt } = request(model, 'river '.repeat(20));
    assert.ok((await client.messages.countTokens(prompt)).input_tokens > 5);
  });
}

test('one model is described, and an unknown one is not', async () => {
  const model = await client.models.retrieve('after-busy');
  assert.deepEqual([model.id, model.type, model.lifecycle], ['after-busy', 'model', 'active']);
  assert.equal((await client.models.retrieve('mockant/claude-mock')).id, 'mockant/claude-mock');
  await assert.rejects(client.models.retrieve('no-such-model'), Anthropic.NotFoundError);
});

test('errors are the classes of the SDK', async () => {
  const stranger = new Anthropic({ baseURL: process.env.SLUICE_URL, apiKey: 'sk-sluice-wrong', maxRetries: 0 });
  await assert.rejects(stranger.messages.create(request('mockant/claude-mock')), Anthropic.AuthenticationError);
  await assert.rejects(client.messages.create(request('no-such-model')), Anthropic.NotFoundError);
  await assert.rejects(client.messages.create({ ...request('mockant/claude-mock'), messages: 'hi' }), Anthropic.BadRequestError);
  await assert.rejects(client.messages.create(request('mockant/busy')), Anthropic.RateLimitError);
});

test('a stream that breaks is an error', async () => {
  await assert.rejects(client.messages.stream(request('mockant/cut')).finalMessage(), Anthropic.AnthropicError);
});

test('models are listed', async () => {
  const names = [];
  for await (const model of client.models.list()) names.push(model.id);
  assert.ok(names.includes('after-busy'));
});
