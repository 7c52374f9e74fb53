/** What flows through a meter: its main register counts Wh of electricity, litres of the others. */
export const media = ['electricity', 'gas', 'water'] as const;
export type Medium = (typeof media)[number];
