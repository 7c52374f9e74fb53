export function alone(): void {}
