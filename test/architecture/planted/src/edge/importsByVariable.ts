export async function fault(name: string): Promise<unknown> {
  return import(name);
}
