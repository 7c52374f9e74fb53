import { openDataDirectory } from '../../src/embedded/dataDirectory.ts';

const [path = ''] = process.argv.slice(2);
const opened = openDataDirectory({ path, ephemeral: false });
process.stdout.write(`${JSON.stringify({ ok: opened.ok })}\n`);
// Until it is killed.
setInterval(() => {}, 60_000);
