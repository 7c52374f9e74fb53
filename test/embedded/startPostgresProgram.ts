import { startPostgres } from '../../src/embedded/postgres.ts';

const [directory = '', kind] = process.argv.slice(2);
const started = await startPostgres({
  directory,
  ephemeral: kind === 'ephemeral',
  onProgress: () => {},
});
const line = started.ok
  ? { ok: true, url: started.value.url, pid: started.value.pid }
  : { ok: false, code: started.code };
process.stdout.write(`${JSON.stringify(line)}\n`);
// Until it is killed.
setInterval(() => {}, 60_000);
