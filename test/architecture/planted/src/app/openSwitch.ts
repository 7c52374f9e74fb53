export function fault(state: 'OPEN' | 'CLOSED'): boolean {
  switch (state) {
    case 'OPEN':
      return true;
  }
  return false;
}
