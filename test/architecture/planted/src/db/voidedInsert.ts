import postgres from 'postgres';

export function fault(url: string): void {
  const sql = postgres(url);
  void sql`insert into readings (register_wh) values (1)`;
}
