export async function fault(): Promise<unknown> {
  return import('../operations/commitBatch.ts');
}
