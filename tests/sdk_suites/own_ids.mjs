// What runs before each of a Node SDK's own tests: whatever its file names exists and is this key's, and what the outer test leaves out
// by name does not run. Settings come as OWN_IDS, JSON: url, headers, make, left_out. Vitest provides `beforeEach`, `afterEach` and `vi`.
import { readFileSync } from 'node:fs';

globalThis.jest = vi;  // some of the tests spy with jest's, which has the same calls
const settings = JSON.parse(process.env.OWN_IDS);
const made = (globalThis.idsThatWereMade ??= new Set());

function namesIn(file) {
  const strings = readFileSync(file, 'utf8').matchAll(/'([A-Za-z0-9._:-]{2,128})'/g);
  return new Set([...strings].map((found) => found[1]));
}

async function make(name) {
  const body = new FormData();
  body.set('file', new Blob(['1']), settings.make + name);
  body.set('purpose', 'assistants');
  const answer = await fetch(settings.url, { method: 'POST', headers: settings.headers, body });
  if (!answer.ok) throw new Error(`${name} was not made: ${answer.status} ${await answer.text()}`);
  made.add(name);
}

const nameOf = (task) => `${task.file.name} ${task.suite?.name ?? ''} ${task.name}`;

beforeEach(async ({ task, skip }) => {
  if (settings.left_out.some((end) => nameOf(task).endsWith(end))) skip();
  for (const name of namesIn(task.file.filepath)) if (!made.has(name)) await make(name);
});

// Another test of the file may name what this one has deleted.
afterEach(({ task }) => {
  if (/delete/.test(task.name)) for (const name of namesIn(task.file.filepath)) made.delete(name);
});
