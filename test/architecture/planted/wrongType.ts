export const fault: number = 'text';
