export function used(): void {}

export function forgottenExport(): void {}
