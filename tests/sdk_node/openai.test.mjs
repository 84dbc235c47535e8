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
