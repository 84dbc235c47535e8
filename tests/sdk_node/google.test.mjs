// Google's official SDK for Node over mock vendors. SLUICE_URL and SLUICE_KEY name the server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, FinishReason, GoogleGenAI } from '@google/genai';

const client = new GoogleGenAI({ apiKey: process.env.SLUICE_KEY, httpOptions: { baseUrl: process.env.SLUICE_URL } });
const TEXT = 'Hello from the mock, in more than one chunk';
const tools = [{
  functionDeclarations: [{
    name: 'get_weather',
    parametersJsonSchema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  }],
}];

for (const model of ['mockai/gpt-mock', 'mockant/claude-mock', 'mockresp/gpt-mock']) {
  test(`${model}: text with usage`, async () => {
    const answer = await client.models.generateContent({ model, contents: 'Hello' });
    assert.equal(answer.text, TEXT);
    assert.equal(answer.candidates[0].finishReason, FinishReason.STOP);
    assert.equal(answer.usageMetadata.totalTokenCount, 12);
  });

  test(`${model}: a stream`, async () => {
    let text = '';
    let last = null;
    for await (const chunk of await client.models.generateContentStream({ model, contents: 'Hello' })) {
      text += chunk.text ?? '';
      last = chunk;
    }
    assert.equal(text, TEXT);
    assert.deepEqual([last.usageMetadata.promptTokenCount, last.usageMetadata.candidatesTokenCount], [7, 5]);
  });

  test(`${model}: a chat with a tool call and its result`, async () => {
    const chat = client.chats.create({ model, config: { tools } });
    const first = await chat.sendMessage({ message: 'What is the weather in Paris?' });
    const [call] = first.functionCalls;
    assert.deepEqual([call.name, call.args], ['get_weather', { city: 'Paris', unit: 'celsius' }]);
    const second = await chat.sendMessage({ message: [{ functionResponse: { id: call.id, name: call.name, response: { output: 'sunny' } } }] });
    assert.equal(second.text, 'It is sunny in Paris.');
  });

  test(`${model}: tokens are counted`, async () => {
    const { totalTokens } = await client.models.countTokens({ model, contents: 'river '.repeat(20) });
    assert.ok(totalTokens > 5);
  });
}

test('errors have the class of the SDK and the status', async () => {
  const stranger = new GoogleGenAI({ apiKey: 'sk-sluice-wrong', httpOptions: { baseUrl: process.env.SLUICE_URL } });
  const status = (code) => (error) => error instanceof ApiError && error.status === code;
  await assert.rejects(stranger.models.generateContent({ model: 'mockai/gpt-mock', contents: 'Hello' }), status(401));
  await assert.rejects(client.models.generateContent({ model: 'no-such-model', contents: 'Hello' }), status(404));
});

test('models are listed and described, each by its name', async () => {
  const names = [];
  for await (const model of await client.models.list()) names.push(model.name);
  assert.ok(names.includes('models/after-busy'), String(names));
  for (const model of ['after-busy', 'models/mockai/gpt-mock']) assert.match((await client.models.get({ model })).name, /(after-busy|gpt-mock)$/);
  await assert.rejects(client.models.get({ model: 'no-such-model' }), (error) => error instanceof ApiError && error.status === 404);
});
