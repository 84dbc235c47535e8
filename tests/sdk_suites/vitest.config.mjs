// How the Node SDKs' own tests run: against the SDK's sources beside them, one file after the other. NODE_SUITE, JSON, says what:
// root (holds src and tests), package (what the tests import), files, setup (runs before each test).
import { join } from 'node:path';

const { root, package: name, files, setup } = JSON.parse(process.env.NODE_SUITE);
const sources = join(root, 'src');
const literally = name.replace(/[/@]/g, '\\$&');

export default {
  root,
  resolve: {
    alias: [
      { find: new RegExp(`^${literally}$`), replacement: join(sources, 'index.ts') },
      { find: new RegExp(`^${literally}/(.*)$`), replacement: `${sources}/$1` },
    ],
  },
  test: { globals: true, include: files, setupFiles: [setup], fileParallelism: false, isolate: false, testTimeout: 60_000, hookTimeout: 60_000 },
};
