export enum Fault {
  Open,
  Closed,
}
