import leftPad from 'left-pad';

export const fault = leftPad;
