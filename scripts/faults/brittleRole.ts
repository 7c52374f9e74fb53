/**
 * Starts a role of the deployment as it is, but with a database client that ends its own process
 * at a named point: `node brittleRole.ts FILE ROLE...`. Production code has no hooks for it: the
 * loader hands `src/db/connect.ts` another file in the place of the one that prepares its clients.
 */
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';

const substitute = new URL('./brittleClient.ts', import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    const isOfConnect = context.parentURL?.endsWith('/src/db/connect.ts') === true;
    return next(
      isOfConnect && specifier === './lossProofBegin.ts' ? substitute : specifier,
      context,
    );
  },
});

const [, , file] = process.argv;
process.argv.splice(1, 2, file);
await import(pathToFileURL(file).href);
